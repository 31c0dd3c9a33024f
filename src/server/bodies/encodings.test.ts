import { expect, test } from "vitest";
import { ConfigMap } from "../../api/core/config-map.ts";
import type { Held } from "../../registry/held.ts";
import { openRegistryFixture, type RegistryFixture } from "../../registry/registry-fixture.ts";
import { plainFrame, type WatchFrame } from "../../registry/watch.ts";
import { encodeEvent } from "./encodings.ts";

const untold = (held: Held, type: WatchFrame["type"]): WatchFrame => ({
  type,
  held,
  line: () => new Uint8Array(),
  get object(): unknown {
    throw new Error("the state is encoded already");
  },
});

async function openHeld(registry: RegistryFixture) {
  const kind = { apiVersion: "v1", kind: "ConfigMap" };
  const object = await registry.create(ConfigMap, { ...kind, metadata: { name: "told" }, data: { some: "thing" } });
  const { cache, resource } = registry.registry.of(ConfigMap);
  await cache.current();
  return { held: cache.get(resource.keyOf(object)) as Held, served: resource.stored };
}

test("an event in YAML is a document, made once for all watchers of a version and told apart by its type", async () => {
  await using fixture = await openRegistryFixture();
  const { held, served } = await openHeld(fixture);
  const yaml = "application/yaml";
  const alone = encodeEvent(yaml, plainFrame("ADDED", held.as(served)), served);
  const added = encodeEvent(yaml, untold(held, "ADDED"), served);
  expect(Buffer.from(added).toString()).toBe(Buffer.from(alone).toString());
  expect(encodeEvent(yaml, untold(held, "ADDED"), served)).toBe(added);
  const changed = Buffer.from(encodeEvent(yaml, untold(held, "MODIFIED"), served)).toString();
  expect(changed).toBe(Buffer.from(alone).toString().replace("type: ADDED", "type: MODIFIED"));
});

test("an event in protobuf is the state's message, encoded once for all watchers, in an envelope of its own", async () => {
  await using fixture = await openRegistryFixture();
  const { held, served } = await openHeld(fixture);
  const protobuf = "application/vnd.kubernetes.protobuf";
  const alone = encodeEvent(protobuf, plainFrame("ADDED", held.as(served)), served);
  expect(Buffer.from(encodeEvent(protobuf, untold(held, "ADDED"), served))).toEqual(Buffer.from(alone));
  const changed = Buffer.from(encodeEvent(protobuf, untold(held, "MODIFIED"), served));
  expect(changed.includes("MODIFIED")).toBe(true);
  expect(changed.subarray(-100)).toEqual(Buffer.from(alone).subarray(-100));
});
