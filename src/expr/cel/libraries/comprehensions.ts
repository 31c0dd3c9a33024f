import { type Overload, overload } from "../overload.ts";
import { CelError, type CelMap, type CelOutcome, type CelValue, EntryMap, mapKey } from "../value.ts";

function insert(map: CelMap, key: CelValue, value: CelValue): CelOutcome {
  if (!(map instanceof EntryMap) || mapKey(key) === undefined) return new CelError("no such overload");
  return map.insert(key, value) ? map : new CelError(`insert failed: key ${String(mapKey(key))} already exists`);
}

function insertAll(map: CelMap, entries: CelMap): CelOutcome {
  for (const key of entries.keys()) {
    const value = entries.get(key) ?? null;
    if (value instanceof CelError) return value;
    const failed = insert(map, key, value);
    if (failed instanceof CelError) return failed;
  }
  return map;
}

/** What the macros `transformMap` and `transformMapEntry` grow their maps with; no source can name it. */
export const twoVariableLibrary: readonly Overload[] = [
  overload("cel.@mapInsert", "(map(A, B), A, B): map(A, B)", insert),
  overload("cel.@mapInsert", "(map(A, B), map(A, B)): map(A, B)", insertAll),
];
