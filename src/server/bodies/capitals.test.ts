import { expect, test } from "vitest";
import { lookupType } from "../../api/type-info.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { withoutCapitals } from "./capitals.ts";

const type = lookupType("core/v1.ConfigMap")!;
const configMap = (metadata: object) =>
  ({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { Name: "kept" } }) as unknown as AnyObject;

test.each([
  { metadata: { Name: "a" }, read: { name: "a" }, told: ["metadata.Name is read as metadata.name: write it that way"] },
  { metadata: { Name: "a", name: "b" }, read: { Name: "a", name: "b" }, told: [] },
  { metadata: { Nome: "a" }, read: { Nome: "a" }, told: [] },
  { metadata: { __Proto__: "a", name: "b" }, read: { __Proto__: "a", name: "b" }, told: [] },
  {
    metadata: { NAME: "a", Name: "b" },
    read: { name: "a", Name: "b" },
    told: ["metadata.NAME is read as metadata.name: write it that way"],
  },
])("$metadata is read as $read", ({ metadata, read, told }) => {
  const heard: string[] = [];
  const object = withoutCapitals(configMap(metadata), type, (text) => heard.push(text));
  expect(object).toEqual(configMap(read));
  expect(heard).toEqual(told);
});
