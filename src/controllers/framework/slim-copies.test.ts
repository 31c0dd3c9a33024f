import { expect, test } from "vitest";
import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { ConfigMap } from "../../api/core/config-map.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { slimCopy } from "./slim-copies.ts";

const metadata = { name: "x", uid: "u", resourceVersion: "1", creationTimestamp: "2020-01-01T00:00:00Z" };

test("of a definition all is kept but its schemas, of other objects everything", () => {
  const names = { plural: "widgets", kind: "Widget" };
  const version = { name: "v1", served: true, storage: true, subresources: { status: {} } };
  const spec = { group: "example.com", scope: "Namespaced", names };
  const definition = (versions: readonly object[]) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata,
    spec: { ...spec, versions },
  });
  const whole = definition([{ ...version, schema: { openAPIV3Schema: { type: "object" } } }]);
  expect(slimCopy(CustomResourceDefinition, whole as KubeObject)).toEqual(definition([version]));
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { schema: "mine" } } as KubeObject;
  expect(slimCopy(ConfigMap, map)).toBe(map);
});
