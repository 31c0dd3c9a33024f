import { expect, test } from "vitest";
import type { KubeObject } from "../../machinery/object.ts";
import { withIngressRules } from "./allow-incoming.ts";

function read(spec: object): { readonly spec: unknown; readonly told: readonly string[] } {
  const told: string[] = [];
  const object = { apiVersion: "extensions/v1beta1", kind: "NetworkPolicy", metadata: { name: "pol1" }, spec };
  const after = withIngressRules(object as unknown as KubeObject, (text) => told.push(text));
  return { spec: (after as KubeObject & { readonly spec: unknown }).spec, told };
}

test("the printed policy lets the frontend in on port 80, and says how to write it", () => {
  const { spec, told } = read({
    allowIncoming: { from: [{ pods: { segment: "frontend" } }], toPorts: [{ port: 80, protocol: "TCP" }] },
    podSelector: { segment: "backend" },
  });
  expect(spec).toEqual({
    podSelector: { matchLabels: { segment: "backend" } },
    ingress: [
      {
        ports: [{ port: 80, protocol: "TCP" }],
        from: [{ podSelector: { matchLabels: { segment: "frontend" } } }],
      },
    ],
  });
  expect(told).toEqual(["spec.allowIncoming is read as spec.ingress, and its labels as selectors: write it that way"]);
});

test("namespaces are peers too, and selectors stay selectors", () => {
  const podSelector = { matchLabels: { app: "db" } };
  const { spec } = read({ podSelector, allowIncoming: { from: [{ namespaces: { team: "a" } }, { pods: {} }] } });
  expect(spec).toEqual({
    podSelector,
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "a" } } }, { podSelector: {} }] }],
  });
});

test.each([
  { name: "no allowIncoming", spec: { podSelector: {} } },
  { name: "one that names nobody", spec: { allowIncoming: {} } },
  { name: "rules beside it", spec: { allowIncoming: { toPorts: [] }, ingress: [] } },
  { name: "a peer that names nobody", spec: { allowIncoming: { from: [{}] } } },
  { name: "a peer of another kind", spec: { allowIncoming: { from: [{ nodes: { zone: "a" } }] } } },
  { name: "a peer of two kinds", spec: { allowIncoming: { from: [{ pods: { a: "b" }, namespaces: { c: "d" } }] } } },
  { name: "a member of its own", spec: { allowIncoming: { toPorts: [], egress: [] } } },
  { name: "no object", spec: { allowIncoming: "all" } },
])("$name is left as it came", ({ spec }) => {
  expect(read(spec)).toEqual({ spec, told: [] });
});
