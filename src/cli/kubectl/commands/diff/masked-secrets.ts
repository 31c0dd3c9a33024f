import type { AnyObject } from "../../resources/resource-info.ts";

type Data = Readonly<Record<string, string>>;

/** Two states of a Secret with stars in the place of its values, which tell only whether they differ. */
export function maskedSecrets(
  before: AnyObject | undefined,
  after: AnyObject,
): readonly [AnyObject | undefined, AnyObject] {
  const [a, b] = [dataOf(before), dataOf(after)];
  const masked = (own: Data, other: Data, note: string): Data =>
    Object.fromEntries(
      Object.entries(own).map(([key, value]) => [
        key,
        Object.hasOwn(other, key) && other[key] !== value ? `*** (${note})` : "***",
      ]),
    );
  return [before && { ...before, data: masked(a, b, "before") }, { ...after, data: masked(b, a, "after") }];
}

const dataOf = (object: AnyObject | undefined): Data => (object?.data as Data | undefined) ?? {};
