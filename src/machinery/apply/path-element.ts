import { goQuote } from "../../lib/go-text.ts";
import { goJson } from "../fields.ts";

/** The step to a member of an object. */
export const fieldStep = (name: string): string => `f:${name}`;

/** The step to an element of a set, which is its value. */
export const valueStep = (value: unknown): string => `v:${goJson(value)}`;

/** The step to an element of a list that is told apart by its place. */
export const indexStep = (index: number): string => `i:${index}`;

/** The step to an element of a list that is told apart by keys, given in order of their names. */
export const keyStep = (keys: Readonly<Record<string, unknown>>): string => `k:${goJson(keys)}`;

/** A place as conflicts name it: `.spec.containers[name="a"].image`. */
export function placeText(steps: readonly string[]): string {
  return steps.map(stepText).join("");
}

function stepText(step: string): string {
  const rest = step.slice(2);
  switch (step.slice(0, 2)) {
    case "f:":
      return `.${rest}`;
    case "v:":
      return `[=${valueText(JSON.parse(rest))}]`;
    case "k:": {
      const keys = Object.entries(JSON.parse(rest) as Readonly<Record<string, unknown>>);
      return `[${keys.map(([name, value]) => `${name}=${valueText(value)}`).join(",")}]`;
    }
    default:
      return `[${rest}]`;
  }
}

const valueText = (value: unknown) => (typeof value === "string" ? goQuote(value) : goJson(value));
