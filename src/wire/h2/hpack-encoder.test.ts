import { expect, test } from "vitest";
import { HpackDecoder } from "./hpack-decoder.ts";
import { emptyTable, headerBlock } from "./hpack-encoder.ts";

function unpack(block: string): readonly string[] {
  const bytes = Buffer.from(block, "latin1");
  const fields: string[] = [];
  new HpackDecoder().decode(bytes, 0, bytes.length, { field: ({ name, value }) => fields.push(`${name}: ${value}`) });
  return fields;
}

test("what is packed is read again, the first time and from what is kept", () => {
  const long = "x".repeat(1000);
  const headers = { "Content-Type": "text/plain", "x-own": "é", "set-cookie": ["a=1", "b=2"], age: 7, long };
  const expected = [
    ":status: 299",
    "content-type: text/plain",
    "x-own: é",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "age: 7",
    `long: ${long}`,
  ];
  expect(unpack(headerBlock(299, headers))).toEqual(expected);
  expect(unpack(emptyTable + headerBlock(299, headers))).toEqual(expected);
});

test("a usual status takes one byte", () => {
  expect(headerBlock(404, {})).toBe("\x8d");
});

test("headers about a connection of HTTP/1.1 are left out", () => {
  expect(unpack(headerBlock(200, { connection: "close", "Transfer-Encoding": "chunked" }))).toEqual([":status: 200"]);
});

test.each<{ what: string; headers: Record<string, string> }>([
  { what: "a line break", headers: { a: "b\r\nc: d" } },
  { what: "a character beyond Latin-1", headers: { a: "\u2028" } },
  { what: "a name with a blank", headers: { "a b": "c" } },
])("$what is refused", ({ headers }) => {
  expect(() => headerBlock(200, headers)).toThrow(expect.objectContaining({ code: "invalid" }));
});
