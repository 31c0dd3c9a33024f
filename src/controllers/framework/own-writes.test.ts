import { expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import type { Client, Informer } from "../../client/client.ts";
import { Fault } from "../../lib/fault.ts";
import { conflict } from "../../machinery/status-error.ts";
import { kindText, OwnWrites } from "./own-writes.ts";

const key = { namespace: "a", name: "p" };
const pod = (more: object = {}) =>
  ({ metadata: { ...key, uid: "u1", resourceVersion: "7", ...more } }) as unknown as Pod;

function writing(failure: Error, held: readonly Pod[]) {
  const waitedFor: bigint[] = [];
  const copy = {
    revision: 0n,
    get: () => pod(),
    fresh: async () => held,
    reached: async (revision: bigint) => void waitedFor.push(revision),
  };
  const writes = new OwnWrites(new Map([[kindText(Pod), copy as unknown as Informer]]));
  const fail = async () => Promise.reject(failure);
  const client = writes.record({ create: fail, delete: fail, patch: fail } as unknown as Client);
  return { writes, client, waitedFor };
}

test("a create whose answer was lost is looked for: what there is must be in the copy first", async () => {
  const { writes, client, waitedFor } = writing(new Fault("unavailable", "gone"), [
    pod(),
    pod({ resourceVersion: "12" }),
  ]);
  await expect(client.create(Pod, { metadata: { namespace: "a", generateName: "p-" } } as never)).rejects.toThrow(
    "gone",
  );
  expect(writes.empty).toBe(false);
  await writes.inquire();
  await writes.seen(AbortSignal.any([]));
  expect(waitedFor).toEqual([12n]);
  expect(writes.empty).toBe(true);
});

test("a delete whose answer was lost counts when the object goes or has gone, and else not", async () => {
  const going = writing(new Fault("unavailable", "gone"), [pod({ deletionTimestamp: "2026-01-01T00:00:00Z" })]);
  await expect(going.client.delete(Pod, key)).rejects.toThrow("gone");
  await going.writes.inquire();
  expect(going.writes.empty).toBe(false);

  const staying = writing(new Fault("unavailable", "gone"), [pod()]);
  await expect(staying.client.delete(Pod, key)).rejects.toThrow("gone");
  await staying.writes.inquire();
  expect(staying.writes.empty).toBe(true);
});

test("a refusal is an answer: nothing is looked for", async () => {
  const { writes, client } = writing(conflict(Pod, "p"), []);
  await expect(client.patch(Pod, key, { type: "merge", body: {} })).rejects.toThrow();
  expect(writes.empty).toBe(true);
});
