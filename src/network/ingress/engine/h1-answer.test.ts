import { expect, test } from "vitest";
import { AnswerReader } from "./h1-answer.ts";

interface Read {
  readonly status: number | undefined;
  readonly body: string;
  readonly done: boolean;
  readonly reusable: boolean;
  readonly trailers: readonly string[];
}

/** Reads a text in pieces of some size, and then, if wished, the end of the connection. */
function read(text: string, { method = "GET", size = text.length, ended = false } = {}): Read {
  const reader = new AnswerReader(method, 1024);
  const bytes = Buffer.from(text, "latin1");
  let body = "";
  for (let at = 0; at < bytes.length; at += size)
    for (const piece of reader.read(bytes.subarray(at, at + size))) body += piece.toString("latin1");
  if (ended) reader.end();
  const { head, done, reusable, trailers } = reader;
  return { status: head?.status, body, done, reusable, trailers };
}

const whole = { status: 200, done: true, reusable: true, trailers: [] };
const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

test.each([
  ["by its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", { ...whole, body: "hello" }],
  ["without a reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", { ...whole, body: "" }],
  [
    "of the same length twice",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nx",
    { ...whole, body: "x" },
  ],
  ["in chunks", `${chunked}5\r\nhello\r\n6; a=b\r\n world\r\n0\r\n\r\n`, { ...whole, body: "hello world" }],
  [
    "in chunks with trailers",
    `${chunked}a\r\n0123456789\r\n0\r\nGrpc-Status: 0\r\nX:  y \r\n\r\n`,
    { ...whole, body: "0123456789", trailers: ["Grpc-Status", "0", "X", "y"] },
  ],
  [
    "after interim ones",
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    { ...whole, status: 204, body: "" },
  ],
  [
    "that wants the connection to end",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
    { ...whole, reusable: false, body: "x" },
  ],
  ["of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", { ...whole, reusable: false, body: "x" }],
  [
    "with something behind it",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n",
    { ...whole, reusable: false, body: "x" },
  ],
  [
    "that is not complete",
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
    { ...whole, done: false, reusable: false, body: "hello" },
  ],
])("an answer %s is read the same in one piece and byte by byte", (_, text, expected) => {
  expect(read(text)).toEqual(expected);
  expect(read(text, { size: 1 })).toEqual(expected);
  expect(read(text, { size: 7 })).toEqual(expected);
});

test("a body of no length ends with its connection, and nothing follows on that", () => {
  const text = "HTTP/1.1 200 OK\r\n\r\nhello";
  expect(read(text)).toMatchObject({ body: "hello", done: false });
  expect(read(text, { ended: true })).toMatchObject({ body: "hello", done: true, reusable: false });
});

test("a body that breaks off before its length is not complete", () => {
  expect(read("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", { ended: true }).done).toBe(false);
  expect(read(`${chunked}5\r\nhello\r\n`, { ended: true }).done).toBe(false);
});

test("what answers HEAD has no body, whatever length it tells", () => {
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  expect(read(text, { method: "HEAD" })).toEqual({ ...whole, body: "" });
});

test.each([
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  ["a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx"],
  ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
  ["another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
  ["a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b: c\r\n\r\n"],
  ["a bare line feed", "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 1\r\n\r\nx"],
  ["a bare carriage return", "HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n"],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx"],
  ["no HTTP", "SSH-2.0-OpenSSH\r\n\r\n"],
  ["another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
  ["a head that is too large", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(1100)}\r\n\r\n`],
  ["a chunk's size that is no number", `${chunked}0x5\r\nhello\r\n0\r\n\r\n`],
  ["a chunk's size beyond all bounds", `${chunked}123456789\r\n`],
  ["a chunk longer than its size", `${chunked}4\r\nhello\r\n0\r\n\r\n`],
  ["a chunk's line that ends by a line feed", `${chunked}5\nhello\r\n0\r\n\r\n`],
  ["endless trailers", `${chunked}0\r\n${"X: y\r\n".repeat(200)}\r\n`],
  ["a trailer that is none", `${chunked}0\r\nX y\r\n\r\n`],
])("%s is no answer", (_, text) => {
  expect(() => read(text)).toThrow();
  expect(() => read(text, { size: 1 })).toThrow();
});
