import { expect, test } from "vitest";
import { clientPreface, FrameReader } from "./frame-reader.ts";
import { errorCode } from "./protocol.ts";
import { frame } from "./raw-client-fixture.ts";

function read(chunks: readonly Buffer[]): readonly string[] {
  const reader = new FrameReader();
  const found: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      const { type, flags, stream, bytes, start, end } = reader;
      found.push(`${type} ${flags} ${stream} ${bytes.toString("latin1", start, end)}`);
    }
  }
  return found;
}

const sent = Buffer.concat([
  clientPreface,
  frame(4, 0, 0),
  frame(1, 5, 1, "headers"),
  frame(0, 0, 2 ** 31 - 1, "x".repeat(500)),
]);
const frames = ["4 0 0 ", "1 5 1 headers", `0 0 ${2 ** 31 - 1} ${"x".repeat(500)}`];

test.each([1, 2, 7, 24, 33, 100, 10_000])("frames are found in pieces of %i bytes", (size) => {
  const pieces = [];
  for (let at = 0; at < sent.length; at += size) pieces.push(sent.subarray(at, at + size));
  expect(read(pieces)).toEqual(frames);
});

test("the reserved bit of a stream's number does not count", () => {
  expect(read([clientPreface, Buffer.from("00000004008000000100".slice(0, 18), "hex")])).toEqual(["4 0 1 "]);
});

test("a frame longer than allowed ends the connection before it has come", () => {
  const long = Buffer.from("004001000000000001", "hex");
  expect(() => read([clientPreface, long])).toThrow(expect.objectContaining({ reason: errorCode.frameSizeError }));
});

test.each(["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"])("%j is no beginning", (text) => {
  expect(() => read([Buffer.from(text)])).toThrow(expect.objectContaining({ reason: errorCode.protocolError }));
});
