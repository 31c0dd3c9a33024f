import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { isPathFlag } from "../cluster/part-flags.ts";

/** Reads a whole number between two bounds out of a flag. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new InvalidArgumentError(`It takes a whole number from ${low} to ${high}.`);
    }
    return value;
  };
}

/** A flag's text as one of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((known) => known === text);
    if (!word) throw new InvalidArgumentError(`It takes one of: ${words.join(", ")}.`);
    return word;
  };
}

/** Adds `name=value` to the flags that were given before it; paths of files may be relative. */
export function addFlag(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name, value] = /^(?:--)?([a-z][a-z0-9-]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("It takes name=value.");
  return { ...before, [name]: isPathFlag(name, value) ? resolve(value) : value };
}

/** Words with commas between. */
export const commaList = (text: string): readonly string[] => text.split(",").filter(Boolean);

/** A file's path, which may be relative; nothing stays nothing. */
export const filePath = (text: string): string => (text === "" ? "" : resolve(text));

/** A table with aligned columns, the first row being its head. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}
