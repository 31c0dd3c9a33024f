import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { entriesAt, fillStore, isEmpty } from "./copy.ts";
import { everyKey } from "./keys.ts";
import { openMemoryStore } from "./memory.ts";
import { checkSnapshot, openSnapshot, snapshotBytes } from "./snapshot-file.ts";
import type { Store } from "./store.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-snapshot-"));
  file = join(folder, "file");
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (store: Store, key: string, value: string | Uint8Array) =>
  store.commit({ key, value: Buffer.from(value), expected: 0n });

async function save(store: Store): Promise<void> {
  const revision = await store.revision();
  const bytes = snapshotBytes({
    revision,
    time: "2026-01-02T03:04:05Z",
    about: { a: 1 },
    entries: entriesAt(store, revision),
  });
  await pipeline(bytes, createWriteStream(file));
}

describe("a snapshot's file", () => {
  it("gives every value back byte for byte, JSON or not", async () => {
    const from = openMemoryStore({ clock: systemClock });
    const values: Record<string, string | Uint8Array> = {
      "/a": '{"n":1.0,"big":123456789012345678901234567890}',
      "/b": '{"text":"line\\nbreak, ,\\"object\\": \u2028 é"}',
      "/c": Uint8Array.of(0, 1, 255, 10),
      "/d": "",
      "/e": "{not json}",
      "/f": '{\n"pretty": true}',
    };
    for (const [key, value] of Object.entries(values)) await put(from, key, value);
    await save(from);
    const to = openMemoryStore({ clock: systemClock });
    const { head, entries } = await openSnapshot(file);
    expect(head).toMatchObject({ revision: String(await from.revision()), about: { a: 1 } });
    expect(await fillStore(to, entries)).toBe(6);
    const read = await to.read(everyKey);
    expect(read.entries.map(({ key, value }) => [key, Buffer.from(value)])).toEqual(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value)]),
    );
  });

  it("shows one moment, whatever is written while it is taken", async () => {
    const store = openMemoryStore({ clock: systemClock });
    for (let i = 0; i < 1200; i++) await put(store, `/k/${String(i).padStart(5, "0")}`, "{}");
    const at = await store.revision();
    const seen: string[] = [];
    for await (const { key } of entriesAt(store, at)) {
      seen.push(key);
      if (seen.length === 10) await put(store, "/k/99999", "{}");
    }
    expect(seen).toHaveLength(1200);
  });

  it("does not fill a store that has one of its keys", async () => {
    const from = openMemoryStore({ clock: systemClock });
    await put(from, "/a", "{}");
    expect(await isEmpty(from)).toBe(false);
    await expect(fillStore(from, entriesAt(from, await from.revision()))).rejects.toMatchObject({ code: "conflict" });
  });

  it.each([
    ["cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 20)],
    ["without its end", (bytes: Buffer) => gzipSync(gunzipSync(bytes).toString().split("\n").slice(0, -2).join("\n"))],
    ["with a value changed", (bytes: Buffer) => gzipSync(gunzipSync(bytes).toString().replace('"n":1', '"n":2'))],
    [
      "with a line of something else",
      (bytes: Buffer) => gzipSync(gunzipSync(bytes).toString().replace('{"key"', "x{")),
    ],
    ["that is something else", () => Buffer.from("kind: Pod\n")],
    ["that is empty", () => Buffer.alloc(0)],
  ])("is refused %s, and named", async (_, spoil) => {
    const store = openMemoryStore({ clock: systemClock });
    await put(store, "/a", '{"n":1}');
    await save(store);
    writeFileSync(file, spoil(readFileSync(file)));
    await expect(checkSnapshot(file)).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringContaining(`${file} is no whole snapshot`),
    });
  });

  it("of a later version, or that is not there, is refused as what it is", async () => {
    writeFileSync(file, gzipSync('{"navarch":"snapshot","format":99}\n'));
    await expect(checkSnapshot(file)).rejects.toMatchObject({ code: "newer-format" });
    await expect(checkSnapshot(join(folder, "none"))).rejects.toMatchObject({ code: "missing" });
  });
});
