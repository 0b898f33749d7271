import { type ReactNode, useId } from "react";

/** A control with its label, what it wants, and what is wrong with it. */
export function Field(props: {
  label: string;
  hint?: string | undefined;
  wrong?: string | undefined;
  children: (about: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}) {
  const id = useId();
  const below = `${id}-below`;
  const about = {
    id,
    ...(props.hint || props.wrong ? { "aria-describedby": below } : {}),
    ...(props.wrong ? { "aria-invalid": true as const } : {}),
  };
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {props.label}
      </label>
      {props.children(about)}
      {(props.wrong || props.hint) && (
        <p id={below} className={`mt-1 text-sm ${props.wrong ? "text-bad" : "text-ink2"}`}>
          {props.wrong ?? props.hint}
        </p>
      )}
    </div>
  );
}
