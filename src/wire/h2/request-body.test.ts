import { expect, test } from "vitest";
import { RequestBody } from "./request-body.ts";

function bodyWith(...chunks: readonly string[]) {
  let consumed = 0;
  const body = new RequestBody((bytes) => {
    consumed += bytes;
  });
  for (const chunk of chunks) body.push(Buffer.from(chunk));
  return { body, consumed: () => consumed };
}

const textOf = async (promise: Promise<Uint8Array>) => Buffer.from(await promise).toString();

test("a body is put together, whether it was wanted before it came or after", async () => {
  const { body, consumed } = bodyWith("ab");
  expect(consumed()).toBe(0);
  const whole = body.whole(100);
  expect(consumed()).toBe(2);
  body.push(Buffer.from("cd"));
  body.end("ended");
  expect([await textOf(whole), consumed()]).toEqual(["abcd", 4]);
});

test("a body over the limit is refused at once, and the rest of it is let go", async () => {
  const { body, consumed } = bodyWith("abc");
  const whole = body.whole(4);
  body.push(Buffer.from("de"));
  body.push(Buffer.from("fgh"));
  await expect(whole).rejects.toMatchObject({ code: "exhausted" });
  expect(consumed()).toBe(8);
});

test("a client that leaves amid a body is a fault", async () => {
  const { body } = bodyWith("abc");
  const whole = body.whole(100);
  body.abandon();
  await expect(whole).rejects.toMatchObject({ code: "aborted" });
});

test("bytes count as consumed when the reader asks for the next chunk", async () => {
  const { body, consumed } = bodyWith("ab", "cde");
  const chunks = body.chunks()[Symbol.asyncIterator]();
  expect([(await chunks.next()).value?.length, consumed()]).toEqual([2, 2]);
  expect([(await chunks.next()).value?.length, consumed()]).toEqual([3, 5]);
  const waiting = chunks.next();
  body.push(Buffer.from("f"));
  expect((await waiting).value?.toString()).toBe("f");
  body.end("ended");
  expect((await chunks.next()).done).toBe(true);
});

test("a reader who stops lets the rest go", async () => {
  const { body, consumed } = bodyWith("ab", "cde");
  const chunks = body.chunks()[Symbol.asyncIterator]();
  await chunks.next();
  await chunks.return?.();
  body.push(Buffer.from("fg"));
  expect(consumed()).toBe(7);
});

test("a body that comes in crumbs is not held in crumbs", async () => {
  const crumbs = Array.from({ length: 20_000 }, (_, index) => String(index % 10));
  const { body } = bodyWith(...crumbs);
  body.end("ended");
  const held: Uint8Array[] = [];
  for await (const chunk of body.chunks()) held.push(chunk);
  expect(held.length).toBeLessThan(64);
  expect(Buffer.concat(held).toString()).toBe(crumbs.join(""));
});

test("a reader learns that the client left before all was read, even if all had come", async () => {
  const { body } = bodyWith("ab");
  body.end("ended");
  body.abandon();
  await expect(body.chunks()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "aborted" });
});
