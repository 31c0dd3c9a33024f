import { compileJsonPath, relaxedJsonPath } from "../../../expr/jsonpath/jsonpath.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { CommandError } from "../messages.ts";
import type { AnyObject } from "../resources/resource-info.ts";
import type { Table, TableRow } from "./table.ts";

/** Objects in the order of a field. Throws CommandError when none has it. */
export function sortObjects(objects: readonly AnyObject[], by: string): readonly AnyObject[] {
  return sortBy(objects, (object) => object, by);
}

/** Rows in the order of their objects' field, table by table; as upstream, a table has no rows when none has the field. */
export function sortTables(tables: readonly Table[], by: string): readonly Table[] {
  return tables.map((table) => {
    try {
      return { ...table, rows: sortBy(table.rows ?? [], (row: TableRow) => row.object, by) };
    } catch (error) {
      if (error instanceof NoSuchField) return { ...table, rows: [] };
      throw error;
    }
  });
}

class NoSuchField extends CommandError {}

function sortBy<T>(list: readonly T[], objectOf: (one: T) => unknown, by: string): readonly T[] {
  if (list.length === 0) return list;
  const path = fieldPath(by);
  const compiled = compileJsonPath(path);
  const keyed = list.map((one) => {
    try {
      return { one, key: compiled.find(objectOf(one), { allowMissingKeys: true }).flat()[0] };
    } catch (error) {
      throw new CommandError(errorMessage(error));
    }
  });
  if (keyed.every(({ key }) => key === undefined)) {
    throw new NoSuchField(`couldn't find any field with path "${path}" in the list of objects`);
  }
  return keyed.toSorted((a, b) => compare(a.key, b.key)).map(({ one }) => one);
}

function fieldPath(by: string): string {
  try {
    return relaxedJsonPath(by);
  } catch (error) {
    throw new CommandError(errorMessage(error));
  }
}

/** What is not there comes first; numbers by value, times and quantities as they mean, other texts by their letters and the numbers in them. */
function compare(a: unknown, b: unknown): number {
  if (a === undefined || a === null) return b === undefined || b === null ? 0 : -1;
  if (b === undefined || b === null) return 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return naturalOrder(String(a), String(b));
}

/** `web-2` before `web-10`. */
function naturalOrder(a: string, b: string): number {
  const [left, right] = [chunks(a), chunks(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [x = "", y = ""] = [left[at], right[at]];
    if (x === y) continue;
    if (/^\d/.test(x) && /^\d/.test(y)) {
      const difference = Number(x) - Number(y);
      if (difference !== 0) return difference;
    }
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

const chunks = (text: string): readonly string[] => text.match(/\d+|\D+/g) ?? [];
