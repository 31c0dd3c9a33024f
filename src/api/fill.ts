/** The object with `missing` put where it has nothing; the very same object when nothing was missing. */
export function fill<T extends object>(object: T, missing: Partial<T>): T {
  let filled: T | undefined;
  for (const key in missing) {
    if (object[key] !== undefined && object[key] !== null) continue;
    if (missing[key] === undefined) continue;
    filled ??= { ...object };
    filled[key] = missing[key] as T[typeof key];
  }
  return filled ?? object;
}

/** As `fill`, but zero, false and the empty string are nothing too: for fields that have no pointer in the sources. */
export function fillEmpty<T extends object>(object: T, missing: Partial<T>): T {
  let filled: T | undefined;
  for (const key in missing) {
    if (object[key] || missing[key] === undefined) continue;
    filled ??= { ...object };
    filled[key] = missing[key] as T[typeof key];
  }
  return filled ?? object;
}

/** The object with some fields put through a function each; the very same object when no value changed. Absent fields stay absent. */
export function change<T extends object>(
  object: T,
  changes: { readonly [Key in keyof T]?: (value: NonNullable<T[Key]>) => NonNullable<T[Key]> },
): T {
  let changed: T | undefined;
  for (const key in changes) {
    const value = object[key];
    const alter = changes[key];
    if (value === undefined || value === null || !alter) continue;
    const next = alter(value);
    if (next === value) continue;
    changed ??= { ...object };
    changed[key] = next;
  }
  return changed ?? object;
}

/** A list with every element put through a function; the very same list when no element changed. */
export function each<T>(alter: (element: T) => T): (list: readonly T[]) => readonly T[] {
  return (list) => {
    let changed: T[] | undefined;
    for (let index = 0; index < list.length; index += 1) {
      const element = list[index]!;
      const next = alter(element);
      if (next === element) continue;
      changed ??= [...list];
      changed[index] = next;
    }
    return changed ?? list;
  };
}

/** A record without one of its keys. */
export function without<T extends object, Key extends keyof T>(object: T, key: Key): Omit<T, Key> {
  const { [key]: _, ...rest } = object;
  return rest;
}

/** What is printed for a list that is not there but may not be left out: null, which the generated types do not tell. */
export const printedAbsent: undefined = null as unknown as undefined;
