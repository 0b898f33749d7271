import { capital } from "@/drafts/deed";
import { asWords, said } from "@/i18n";

/** As much of JSON Schema as desks use for what they take. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  anyOf?: Schema[];
  type?: string;
  format?: string;
  enum?: string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  title?: string;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
}

export type Control =
  | "text"
  | "number"
  | "check"
  | "moment"
  | "date"
  | "time"
  | "choice"
  | "lines"
  | "money"
  | "group"
  | "json";

/** What a schema asks a person for. */
export function controlOf(schema: Schema): Control {
  if (schema.enum) return "choice";
  switch (schema.type) {
    case "object":
      if (isMoney(schema)) return "money";
      return schema.properties ? "group" : "json";
    case "array":
      return schema.items?.type === "string" || schema.items?.enum ? "lines" : "json";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "check";
    case "string":
      return formats[schema.format ?? ""] ?? "text";
    default:
      return "json";
  }
}

const formats: Record<string, Control> = { "date-time": "moment", date: "date", time: "time" };

/** The schema that is meant, where another one names it, or where leaving it out is one of the answers. */
export function meant(schema: Schema, root: Schema): Schema {
  if (schema.$ref) return meant(root.$defs?.[schema.$ref.split("/").pop() ?? ""] ?? {}, root);
  const real = schema.anyOf?.find((one) => one.type !== "null");
  return real ? { ...meant(real, root), ...(schema.default === undefined ? {} : { default: schema.default }) } : schema;
}

export function isOptional(schema: Schema): boolean {
  return schema.anyOf?.some((one) => one.type === "null") ?? false;
}

/** What stands in a form before anybody has written into it. */
export function beginning(schema: Schema, root: Schema): unknown {
  const known = meant(schema, root);
  if (known.default !== undefined && known.default !== null) return known.default;
  if (controlOf(known) === "group") {
    return Object.fromEntries(
      Object.entries(known.properties ?? {}).map(([name, inner]) => [name, beginning(inner, root)]),
    );
  }
  if (isOptional(schema)) return null;
  return { check: false, lines: [], choice: known.enum?.[0] }[controlOf(known) as string] ?? "";
}

/** What is sent of it: an empty field that may be left out is nothing. */
export function sent(value: unknown, schema: Schema, root: Schema): unknown {
  const known = meant(schema, root);
  if (isOptional(schema) && (value === "" || value === null)) return null;
  switch (controlOf(known)) {
    case "group":
      return Object.fromEntries(
        Object.entries(known.properties ?? {}).map(([name, inner]) => [
          name,
          sent((value as Record<string, unknown>)[name], inner, root),
        ]),
      );
    case "moment":
      return typeof value === "string" && value ? withZone(value) : value;
    case "json":
      return typeof value === "string" ? (JSON.parse(value) as unknown) : value;
    default:
      return value;
  }
}

export function nameOf(name: string): string {
  return said(`field.${name}`) ?? capital(asWords(name));
}

/** A time as it was written, in the zone of whoever wrote it. */
export function withZone(local: string): string {
  if (/(Z|[+-]\d\d:\d\d)$/.test(local)) return local;
  const minutes = -new Date(local).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  const whole = local.length === 16 ? `${local}:00` : local;
  return `${whole}${minutes < 0 ? "-" : "+"}${two(hours)}:${two(rest)}`;
}

function isMoney({ properties }: Schema): boolean {
  return properties !== undefined && Object.keys(properties).sort().join() === "currency,minor";
}
