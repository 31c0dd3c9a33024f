import { expect, test } from "vitest";
import { ConfigMap } from "../../api/core/config-map.ts";
import type { Held } from "../../registry/held.ts";
import { openRegistryFixture } from "../../registry/registry-fixture.ts";
import { plainFrame, type WatchFrame } from "../../registry/watch.ts";
import { encodeEvent } from "./encodings.ts";

test("an event in protobuf is the state's message, encoded once for all watchers, in an envelope of its own", async () => {
  await using fixture = await openRegistryFixture();
  const kind = { apiVersion: "v1", kind: "ConfigMap" };
  const object = await fixture.create(ConfigMap, { ...kind, metadata: { name: "told" }, data: { some: "thing" } });
  const { cache, resource } = fixture.registry.of(ConfigMap);
  await cache.current();
  const served = resource.stored;
  const held = cache.get(resource.keyOf(object)) as Held;
  const protobuf = "application/vnd.kubernetes.protobuf";
  const alone = encodeEvent(protobuf, plainFrame("ADDED", held.as(served)), served);
  const frame = (type: WatchFrame["type"]): WatchFrame => ({
    type,
    held,
    line: () => new Uint8Array(),
    get object(): unknown {
      throw new Error("the state is encoded already");
    },
  });
  expect(Buffer.from(encodeEvent(protobuf, frame("ADDED"), served))).toEqual(Buffer.from(alone));
  const changed = Buffer.from(encodeEvent(protobuf, frame("MODIFIED"), served));
  expect(changed.includes("MODIFIED")).toBe(true);
  expect(changed.subarray(-100)).toEqual(Buffer.from(alone).subarray(-100));
});
