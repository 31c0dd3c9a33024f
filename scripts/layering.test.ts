import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const source = join(root, "src");

/** The rooms of docs/ARCHITECTURE.md and what each may import. */
function readTable(): ReadonlyMap<string, ReadonlySet<string>> {
  const text = readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \|.*\| ([^|]+) \|$/gm)];
  return new Map(
    rows.map((row) => [row[1]!, new Set(row[2] === "nothing" ? [] : row[2]!.split(",").map((name) => name.trim()))]),
  );
}

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(source, file), "utf8");
  const found = [...text.matchAll(/^(?:import|export)\s[^;]*?from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/gm)];
  return found.map((match) => normalize(join(dirname(file), match[1] ?? match[2]!)));
}

const roomOf = (file: string) => file.split("/")[0]!;

test("every folder under src is a room of the architecture table", () => {
  const rooms = readTable();
  expect(rooms.size).toBeGreaterThan(10);
  const folders = new Set(files.map(roomOf));
  expect([...folders].filter((folder) => !rooms.has(folder))).toEqual([]);
});

test("rooms import only what the architecture table allows", () => {
  const rooms = readTable();
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => !target.startsWith("..") && roomOf(target) !== roomOf(file))
      .filter((target) => !(rooms.get(roomOf(file))?.has(roomOf(target)) ?? false))
      .map((target) => `src/${file} imports ${relative("", target)}`),
  );
  expect(wrong).toEqual([]);
});

test("the architecture table has no cycle", () => {
  const rooms = readTable();
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    [...(rooms.get(from) ?? [])].some((next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))));
  expect([...rooms.keys()].filter((room) => reaches(room, room))).toEqual([]);
});
