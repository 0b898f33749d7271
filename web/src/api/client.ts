import type { components, paths } from "@/api/schema";
import { sessionHeaders } from "@/api/session";

export type Model<Name extends keyof components["schemas"]> = components["schemas"][Name];

type Method = "get" | "post" | "put" | "delete";
type Operation<M extends Method, P extends keyof paths> = paths[P][M];
type Answer<O> = O extends { responses: infer R } ? Content<R[keyof R]> : never;
type Content<R> = R extends { content: { "application/json": infer T } } ? T : undefined;
type Body<O> = O extends { requestBody?: { content: { "application/json": infer T } } | undefined } ? T : undefined;
type Places<O> = O extends { parameters: { path: infer T } } ? T : Record<string, never>;
type Query<O> = O extends { parameters: { query?: infer T } } ? T : undefined;
interface Asked<O> {
  path?: Places<O>;
  query?: Query<O>;
  headers?: Record<string, string>;
  body?: Body<O>;
}

/** What the server said no with, in its own sentence, and whether anything was done. */
export class Problem extends Error {
  readonly told: Model<"Problem">;

  constructor(told: Model<"Problem">) {
    super(told.title);
    this.told = told;
  }

  get code(): string {
    return this.told.code;
  }
}

/** No answer came: of something that was sent, nobody knows whether it arrived. */
export class Unreached extends Error {}

/** Why no passkey could be asked; said to whoever is asked for one. */
export class NoPasskey extends Error {}

/** Ask the API for something; a Problem where it says no, Unreached where it says nothing. */
export async function ask<M extends Method, P extends keyof paths>(
  method: M,
  path: P,
  asked: Asked<Operation<M, P>> = {},
): Promise<Answer<Operation<M, P>>> {
  const answer = await reach(addressOf(path, asked.path ?? {}, asked.query ?? {}), {
    method: method.toUpperCase(),
    headers: { ...(asked.body === undefined ? {} : { "Content-Type": "application/json" }), ...asked.headers },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
  });
  return (answer.status === 204 ? undefined : await answer.json()) as Answer<Operation<M, P>>;
}

/** Fetch something of ours, as whoever is asking. */
export async function reach(address: string, how: RequestInit = {}): Promise<Response> {
  const answer = await send(address, how);
  if (answer.ok) return answer;
  const said: unknown = await answer.json().catch(() => undefined);
  throw isProblem(said) ? new Problem(said) : new Unreached(String(answer.status));
}

/** The same, where a no has a form of its own. */
export async function send(address: string, how: RequestInit = {}): Promise<Response> {
  return fetch(address, { ...how, headers: { ...how.headers, ...sessionHeaders() } }).catch(() => {
    throw new Unreached("There was no answer.");
  });
}

function addressOf(path: string, places: object, query: object): string {
  const known = places as Record<string, string>;
  const address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(known[name] ?? ""));
  const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return asked.size > 0 ? `${address}?${asked}` : address;
}

function isProblem(said: unknown): said is Model<"Problem"> {
  return typeof said === "object" && said !== null && "code" in said && "title" in said;
}
