import { type Overload, overload } from "../overload.ts";
import {
  ArrayList,
  CelDuration,
  CelError,
  CelList,
  CelMap,
  CelOptional,
  type CelOutcome,
  CelTimestamp,
  CelUint,
  type CelValue,
} from "../value.ts";

const never = (): CelOutcome => new CelError("no such overload");

function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === "" || value === 0n || value === 0) return true;
  if (value instanceof CelUint) return value.value === 0n;
  if (value instanceof CelDuration || value instanceof CelTimestamp) return value.nanos === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  return (value instanceof CelList || value instanceof CelMap) && value.size === 0;
}

function ends(list: CelList, index: number): CelOutcome {
  if (list.size === 0) return CelOptional.none;
  const element = list.at(index);
  return element instanceof CelError ? element : new CelOptional(element);
}

function present(list: CelList): CelOutcome {
  const values: CelValue[] = [];
  for (let index = 0; index < list.size; index++) {
    const element = list.at(index);
    if (element instanceof CelError) return element;
    if (!(element instanceof CelOptional)) return new CelError("no such overload");
    if (element.value !== undefined) values.push(element.value);
  }
  return new ArrayList(values);
}

/** Values that may be absent, with `a.?b`, `a[?b]`, `[?a]` and `{?k: a}`. */
export const optionalLibrary: readonly Overload[] = [
  overload("optional.of", "(A): optional(A)", (value: CelValue) => new CelOptional(value)),
  overload("optional.none", "(): optional(A)", () => CelOptional.none),
  overload("optional.ofNonZeroValue", "(A): optional(A)", (value: CelValue) =>
    isZero(value) ? CelOptional.none : new CelOptional(value),
  ),
  overload("hasValue", "optional(A).(): bool", (optional: CelOptional) => optional.value !== undefined),
  overload(
    "value",
    "optional(A).(): A",
    (optional: CelOptional) =>
      optional.value ?? (optional.value === null ? null : new CelError("optional.none() dereference")),
  ),
  // Evaluated by the compiler, which leaves out the alternative that is not needed.
  overload("or", "optional(A).(optional(A)): optional(A)", never),
  overload("orValue", "optional(A).(A): A", never),
  overload("_[_]", "(optional(list(A)), int): optional(A)", never),
  overload("_[_]", "(optional(map(A, B)), A): optional(B)", never),
  overload("_[?_]", "(list(A), int): optional(A)", never),
  overload("_[?_]", "(optional(list(A)), int): optional(A)", never),
  overload("_[?_]", "(map(A, B), A): optional(B)", never),
  overload("_[?_]", "(optional(map(A, B)), A): optional(B)", never),
  overload("optional.unwrap", "(list(optional(A))): list(A)", present),
  overload("unwrapOpt", "list(optional(A)).(): list(A)", present),
  overload("first", "list(A).(): optional(A)", (list: CelList) => ends(list, 0)),
  overload("last", "list(A).(): optional(A)", (list: CelList) => ends(list, list.size - 1)),
];
