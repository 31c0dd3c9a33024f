import { expect, test } from "vitest";
import { RequestHead } from "./request-head.ts";

type Fields = readonly (readonly [string, string])[];

function headOf(fields: Fields, most = 10_000): RequestHead {
  const head = new RequestHead(most);
  for (const [name, value] of fields) head.field({ name, value, valid: true });
  head.end();
  return head;
}

const usual: Fields = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "server:6443"],
  [":path", "/api?x=y"],
];

test("pseudo headers become method, target and host; headers that repeat are joined as in HTTP/1.1", () => {
  const head = headOf([
    ...usual,
    ["accept", "a"],
    ["accept", "b"],
    ["cookie", "a=1"],
    ["cookie", "b=2"],
    ["authorization", "first"],
    ["authorization", "second"],
    ["set-cookie", "x"],
    ["set-cookie", "y"],
    ["__proto__", "mine"],
    ["content-length", "12"],
  ]);
  expect(head).toMatchObject({ method: "GET", target: "/api?x=y", flaw: "", tooLarge: false, length: 12 });
  expect(Object.entries(head.headers)).toEqual([
    ["accept", "a, b"],
    ["cookie", "a=1; b=2"],
    ["authorization", "first"],
    ["set-cookie", ["x", "y"]],
    ["__proto__", "mine"],
    ["content-length", "12"],
    ["host", "server:6443"],
  ]);
});

test("nothing is inherited by a request's headers", () => {
  const { headers } = headOf(usual);
  expect([headers.constructor, headers.toString, Reflect.get(headers, "__proto__")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test.each<{ what: string; fields: Fields }>([
  { what: "no method", fields: usual.slice(1) },
  { what: "no path", fields: usual.slice(0, 3) },
  { what: "no scheme", fields: [usual[0]!, usual[3]!] },
  { what: "a method twice", fields: [...usual, [":method", "PUT"]] },
  { what: "a pseudo header that is none", fields: [...usual, [":protocol", "websocket"]] },
  { what: "a status", fields: [...usual, [":status", "200"]] },
  { what: "a pseudo header after another", fields: [usual[0]!, ["accept", "a"], ...usual.slice(1)] },
  { what: "a connection header", fields: [...usual, ["connection", "close"]] },
  { what: "a transfer coding", fields: [...usual, ["transfer-encoding", "chunked"]] },
  { what: "te that is more than trailers", fields: [...usual, ["te", "gzip"]] },
  {
    what: "two lengths",
    fields: [...usual, ["content-length", "1"], ["content-length", "2"]],
  },
  { what: "a length that is no number", fields: [...usual, ["content-length", "1e3"]] },
  { what: "a negative length", fields: [...usual, ["content-length", "-1"]] },
  { what: "a CONNECT with a path", fields: [[":method", "CONNECT"], ...usual.slice(1)] },
  { what: "a CONNECT to nowhere", fields: [[":method", "CONNECT"]] },
])("$what is a flaw", ({ fields }) => {
  expect(headOf(fields).flaw).not.toBe("");
});

test("headers beyond the limit are told and dropped", () => {
  const head = headOf([...usual, ["a", "x".repeat(500)], ["b", "y"]], 400);
  expect(head).toMatchObject({ tooLarge: true, flaw: "" });
  expect(head.headers.a).toBeUndefined();
});
