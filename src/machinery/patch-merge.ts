type Members = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Applies a JSON merge patch (RFC 7396): null removes, objects merge, all else replaces. The arguments stay as they are, and
 * share with the result what did not change.
 */
export function applyMergePatch(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const target = isObject(value) ? value : {};
  let made: Record<string, unknown> | undefined = target === value ? undefined : {};
  for (const [key, change] of Object.entries(patch)) {
    const present = Object.hasOwn(target, key);
    if (change === null) {
      if (!present) continue;
      made ??= { ...target };
      delete made[key];
      continue;
    }
    const before = present ? target[key] : undefined;
    const after = applyMergePatch(before, change);
    if (present && after === before) continue;
    made ??= { ...target };
    setOwn(made, key, after);
  }
  return made ?? target;
}

/** Assigns a member, whatever it is called. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else object[key] = value;
}

/** The merge patch that turns one value into the other; undefined if they are the same. Lists are replaced as a whole. */
export function createMergePatch(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return same(before, after) ? undefined : after;
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(before))
    if (!Object.hasOwn(after, key) || after[key] === undefined) setOwn(patch, key, null);
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(before, key)) {
      setOwn(patch, key, value);
      continue;
    }
    const change = createMergePatch(before[key], value);
    if (change !== undefined) setOwn(patch, key, change);
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && same((a as Members)[key], (b as Members)[key]));
}
