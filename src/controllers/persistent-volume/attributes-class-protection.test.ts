import { expect, test } from "vitest";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { VolumeAttributesClass } from "../../api/storage/volume-attributes-class.ts";
import { run } from "../framework/testing/harness.ts";
import { attributesClassProtectionController } from "./protection.ts";

const finalizers = ["kubernetes.io/vac-protection"];

test("a VolumeAttributesClass that is deleted stays while a claim names it", async () => {
  await using harness = await run([attributesClassProtectionController]);
  const { cluster } = harness;
  for (const name of ["used", "unused"]) {
    await cluster.client.create(VolumeAttributesClass, { metadata: { name }, driverName: "d.example.com" });
  }
  await cluster.client.create(PersistentVolumeClaim, {
    metadata: { name: "c", namespace: "default" },
    spec: { volumeAttributesClassName: "used" },
  });
  await harness.settle();
  expect(cluster.get(VolumeAttributesClass, "used")?.metadata.finalizers).toEqual(finalizers);
  for (const name of ["used", "unused"]) await cluster.client.delete(VolumeAttributesClass, { name });
  await harness.settle();
  expect(cluster.all(VolumeAttributesClass).map(({ metadata }) => metadata.name)).toEqual(["used"]);
  await cluster.client.delete(PersistentVolumeClaim, { namespace: "default", name: "c" });
  await harness.settle();
  expect(cluster.all(VolumeAttributesClass)).toEqual([]);
});
