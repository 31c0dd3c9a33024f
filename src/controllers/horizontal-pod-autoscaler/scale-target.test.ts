import { expect, test } from "vitest";
import type { Cache } from "../framework/controller.ts";
import { kindNamed } from "./scale-target.ts";

const noDefinitions = { list: () => [] } as unknown as Cache;

test.each([
  { apiVersion: "apps/v1", kind: "Deployment", plural: "deployments" },
  { apiVersion: "apps/v1beta2", kind: "Deployment", plural: "deployments" },
  { apiVersion: "extensions/v1beta1", kind: "Deployment", plural: "deployments" },
  { apiVersion: "extensions/v1beta1", kind: "ReplicaSet", plural: "replicasets" },
])("$apiVersion $kind is scaled as apps/v1", ({ apiVersion, kind, plural }) => {
  const target = kindNamed({ apiVersion, kind, name: "web" }, noDefinitions);
  expect(target).toMatchObject({ group: "apps", version: "v1", plural });
});

test("a group that never had the kind is no target", () => {
  const target = { apiVersion: "extensions/v1beta1", kind: "StatefulSet", name: "web" };
  expect(() => kindNamed(target, noDefinitions)).toThrow('no matches for kind "StatefulSet" in group "extensions"');
});
