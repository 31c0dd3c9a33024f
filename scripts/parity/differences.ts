import type { Difference } from "./compare.ts";

/** A difference from the recorded server (1.20) that is meant, because v1.35 documents it so. */
export interface DeclaredDifference {
  readonly reason: string;
  /** Areas that it counts in; all when absent. */
  readonly areas?: readonly string[];
  /** Cases by name; all when absent. */
  readonly cases?: readonly string[];
  readonly accepts: (difference: Difference, context: { readonly method: string; readonly path: string }) => boolean;
}

const absent = (value: unknown) => value === undefined;
const ends = (difference: Difference, ...names: readonly string[]) =>
  names.some((name) => difference.path.endsWith(name));

/** Every difference that is meant, each with its reason. */
export const declaredDifferences: readonly DeclaredDifference[] = [
  {
    reason: "since 1.34 a creationTimestamp that is not set is left out instead of null",
    accepts: (d) => ends(d, ".creationTimestamp") && d.expected === null && absent(d.actual),
  },
];
