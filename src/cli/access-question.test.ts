import { expect, test } from "vitest";
import type { ServedResource } from "../cluster/served-resources.ts";
import { accessQuestion } from "./access-question.ts";

const served: readonly ServedResource[] = [
  {
    group: "",
    version: "v1",
    resource: "pods",
    namespaced: true,
    aliases: ["pod", "po"],
    verbs: ["get", "list"],
    subresources: ["log"],
  },
  {
    group: "",
    version: "v1",
    resource: "nodes",
    namespaced: false,
    aliases: ["node", "no"],
    verbs: ["get"],
    subresources: [],
  },
];
const asked = (words: Partial<Parameters<typeof accessQuestion>[0]>) =>
  accessQuestion({ verb: "get", target: "pods", as: "alice", ...words }, served);

test("a resource's question names its plural, and the namespace that kubectl would take", () => {
  const about = { verb: "get", group: "", resource: "pods", subresource: "log", name: "web" };
  expect(asked({ target: "po/log", name: "web" }).question).toMatchObject({ ...about, namespace: "default" });
  expect(asked({ namespace: "shop" }).question).toMatchObject({ namespace: "shop" });
  expect(asked({ allNamespaces: true }).question).toMatchObject({ namespace: "" });
  expect(asked({ target: "no" }).question).toMatchObject({ resource: "nodes", namespace: "" });
  expect(asked({ target: "/metrics" })).toEqual({
    question: { user: { name: "alice", groups: ["system:authenticated"] }, verb: "get", path: "/metrics" },
    warnings: [],
  });
});

test.each([
  { name: "alice", as: "alice", groups: ["dev"], wanted: ["dev", "system:authenticated"] },
  { name: "somebody unknown", as: "system:anonymous", groups: undefined, wanted: ["system:unauthenticated"] },
  {
    name: "a service account",
    as: "system:serviceaccount:ci:robot",
    groups: undefined,
    wanted: ["system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated"],
  },
])("$name is in the groups that the API server would say", ({ as, groups, wanted }) => {
  expect(asked({ as, ...(groups ? { groups } : {}) }).question.user).toEqual({ name: as, groups: wanted });
});

test.each([
  { words: { target: "podz" }, fault: 'the cluster serves no resource "podz"' },
  { words: { namespace: "a", allNamespaces: true }, fault: "give one of --namespace and --all-namespaces" },
  { words: { verb: "list", target: "/metrics" }, fault: 'a path has no verb "list"' },
  { words: { target: "/metrics", name: "web" }, fault: "a path takes no name" },
  { words: { target: "/metrics", namespace: "shop" }, fault: "a path lies in no namespace" },
])("refused: $fault", ({ words, fault }) => {
  expect(() => asked(words)).toThrow(fault);
});

test.each([
  { words: { verb: "gte" }, warning: 'not served with the verb "gte", only with get, list' },
  { words: { target: "pods/web" }, warning: "one object is named as: pods NAME" },
  { words: { target: "nodes", namespace: "shop" }, warning: "-n is left aside" },
])("answered with a warning: $warning", ({ words, warning }) => {
  expect(asked(words).warnings).toEqual([expect.stringContaining(warning)]);
});

test("verbs that only rules know need no warning", () => {
  expect(asked({ verb: "impersonate" }).warnings).toEqual([]);
});
