import { expect, test } from "vitest";
import type { KindRef, KubeObject } from "../machinery/object.ts";
import { StatusError } from "../machinery/status-error.ts";
import type { Client } from "./client.ts";
import { apply, controllerReference, ifFound } from "./desired.ts";
import { thing, things } from "./testing/scripted-client.ts";

test("what is applied says its kind, takes fields over unless told not to, and goes where its metadata says", async () => {
  const asked: unknown[] = [];
  const client = { patch: async (...call: readonly unknown[]) => void asked.push(call) } as unknown as Client;
  const object = { metadata: { namespace: "default", name: "a" } };
  const body = { apiVersion: `${things.group}/${things.version}`.replace(/^\//, ""), kind: things.kind, ...object };
  await apply(client, things, object, { fieldManager: "me" });
  await apply(client, things, object, { fieldManager: "me", force: false, subresource: "status", dryRun: true });
  expect(asked).toEqual([
    [things, object.metadata, { type: "apply", body, fieldManager: "me", force: true }, {}],
    [
      things,
      object.metadata,
      { type: "apply", body, fieldManager: "me", force: false },
      { subresource: "status", dryRun: true },
    ],
  ]);
});

test("an owner's reference is that of its controller, by the kind's version", () => {
  const kind: KindRef<KubeObject> = {
    group: "example.com",
    version: "v1",
    kind: "Site",
    plural: "sites",
    namespaced: true,
  };
  const { uid } = thing("a", 1).metadata;
  expect(controllerReference(kind, thing("a", 1))).toEqual({
    apiVersion: "example.com/v1",
    kind: "Site",
    name: "a",
    uid,
    controller: true,
    blockOwnerDeletion: true,
  });
});

test("what is not there is undefined; any other refusal is thrown", async () => {
  const refused = new StatusError("Forbidden", "no");
  expect(await ifFound(Promise.resolve(1))).toBe(1);
  expect(await ifFound(Promise.reject(new StatusError("NotFound", "gone")))).toBeUndefined();
  await expect(ifFound(Promise.reject(refused))).rejects.toBe(refused);
});
