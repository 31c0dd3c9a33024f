import { Buffer } from "node:buffer";
import { once } from "node:events";
import { constants, createDeflate, createInflate, deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { faultCode } from "../lib/fault.ts";
import { spdyDictionary, spdyDictionaryId } from "./spdy-dictionary.ts";
import { SpdyHeaderDecoder, SpdyHeaderEncoder } from "./spdy-headers.ts";

const blocks: readonly Readonly<Record<string, string>>[] = [
  { streamtype: "error", port: "8080", requestid: "0" },
  { streamtype: "data", port: "8080", requestid: "0" },
  {},
  // Longer than the window, and followed by what only the window knows.
  { long: "abcdefghij".repeat(5_000) },
  { streamtype: "stdin", note: "grüße" },
];

function text(headers: Readonly<Record<string, string>>): Buffer {
  const word = (value: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value));
    return [length, Buffer.from(value)];
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(Object.keys(headers).length);
  return Buffer.concat([count, ...Object.entries(headers).flatMap(([name, value]) => [...word(name), ...word(value)])]);
}

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return faultCode(error);
  }
}

describe("SPDY header blocks", () => {
  test("the dictionary is the one that zlib streams of SPDY/3 announce", () => {
    expect(spdyDictionary.length).toBe(1423);
    const stream = deflateSync("x", { dictionary: spdyDictionary });
    expect(stream.readUInt32BE(2)).toBe(spdyDictionaryId);
  });

  test("what is encoded is decoded, block after block", () => {
    const encoder = new SpdyHeaderEncoder();
    const decoder = new SpdyHeaderDecoder({ maxBytes: 1 << 20 });
    const decoded = blocks.map((headers) => Object.fromEntries(decoder.decode(encoder.encode(headers))));
    expect(decoded).toEqual(blocks);
  });

  test("a streaming zlib can read our blocks as one stream", async () => {
    const encoder = new SpdyHeaderEncoder();
    const inflate = createInflate({ dictionary: spdyDictionary, finishFlush: constants.Z_SYNC_FLUSH });
    const read: Buffer[] = [];
    inflate.on("data", (chunk: Buffer) => read.push(chunk));
    for (const headers of blocks) inflate.write(encoder.encode(headers));
    inflate.end();
    await once(inflate, "end");
    expect(Buffer.concat(read)).toEqual(Buffer.concat(blocks.map(text)));
  });

  test("we can read the blocks of a streaming zlib", async () => {
    const deflate = createDeflate({ dictionary: spdyDictionary, level: 9 });
    const decoder = new SpdyHeaderDecoder({ maxBytes: 1 << 20 });
    const decoded: unknown[] = [];
    let written: Buffer[] = [];
    deflate.on("data", (chunk: Buffer) => written.push(chunk));
    for (const headers of blocks) {
      written = [];
      deflate.write(text(headers));
      await new Promise<void>((resolve) => {
        deflate.flush(constants.Z_SYNC_FLUSH, resolve);
      });
      await new Promise((resolve) => setImmediate(resolve));
      decoded.push(Object.fromEntries(decoder.decode(Buffer.concat(written))));
    }
    deflate.close();
    expect(decoded).toEqual(blocks);
  });

  test.each([
    { name: "a block that is no zlib stream", block: Buffer.from("streamtype: error") },
    { name: "a stream without the dictionary", block: deflateSync(text({ a: "b" })) },
    { name: "a block that ends in its zlib header", block: Buffer.of(0x78, 0xbb) },
    { name: "deflated rubbish", block: Buffer.concat([header(), Buffer.alloc(40, 0xff)]) },
    { name: "a block that unpacks to more than the limit", block: block(text({ a: "x".repeat(9_000) })) },
    { name: "a field longer than the block", block: block(Buffer.of(0, 0, 0, 1, 0, 0, 0, 9, 97)) },
    { name: "a count without fields", block: block(Buffer.of(0, 0, 0, 7)) },
    { name: "a huge count", block: block(Buffer.of(255, 255, 255, 255)) },
    { name: "an empty block", block: block(Buffer.alloc(0)) },
    { name: "a header that comes twice", block: block(Buffer.concat([Buffer.of(0, 0, 0, 2), pair(), pair()])) },
  ])("$name is refused with a fault", ({ block }) => {
    const decoder = new SpdyHeaderDecoder({ maxBytes: 4096 });
    expect(outcome(() => decoder.decode(block))).toBe("invalid");
  });
});

function header(): Buffer {
  return new SpdyHeaderEncoder().encode({}).subarray(0, 6);
}

function block(content: Buffer): Buffer {
  return deflateSync(content, { dictionary: spdyDictionary, finishFlush: constants.Z_SYNC_FLUSH });
}

function pair(): Buffer {
  return text({ a: "b" }).subarray(4);
}
