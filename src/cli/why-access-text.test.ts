import { expect, test } from "vitest";
import type { AccessExplanation, AccessQuestion } from "../cluster/explain-access.ts";
import { accessText } from "./why-access-text.ts";

const user = { name: "alice", groups: ["dev", "system:authenticated"] };
const question: AccessQuestion = { user, verb: "get", group: "", resource: "pods", namespace: "shop", name: "web" };
const refused: AccessExplanation = {
  allowed: false,
  denied: false,
  reason: "",
  rule: { apiGroups: [""], resources: ["pods"], resourceNames: ["web"], verbs: ["get"] },
  roles: [
    { kind: "Role", namespace: "shop", name: "reader" },
    { kind: "ClusterRole", name: "view" },
  ],
  command: "kubectl bind",
  narrowest: ["kubectl role", "kubectl binding"],
};

test("a refusal says who, what, where and why, and what would allow it", () => {
  expect(accessText(question, refused)).toBe(
    `Not allowed.
  who           alice, of dev, system:authenticated
  what          get pods "web"
  where         namespace shop
  why           no rule allows it
  rule needed   apiGroups: [""], resources: ["pods"], resourceNames: ["web"], verbs: ["get"]

To allow just this:
  kubectl role
  kubectl binding

HAS SUCH A RULE   NAME
Role              shop/reader
ClusterRole       view

To bind the first of them, with all else that it gives:
  kubectl bind`,
  );
});

test("what is allowed is told by its binding, and nothing is advised", () => {
  const { command: _, narrowest: __, ...rest } = refused;
  const reason = 'RBAC: allowed by ClusterRoleBinding "monitors" of ClusterRole "monitoring" to Group "dev"';
  const rule = { nonResourceURLs: ["/metrics"], verbs: ["get"] };
  expect(accessText({ user, verb: "get", path: "/metrics" }, { ...rest, allowed: true, reason, rule })).toBe(
    `Allowed.
  who             alice, of dev, system:authenticated
  what            get path /metrics
  where           the API server
  why             ${reason}
  rule it takes   nonResourceURLs: ["/metrics"], verbs: ["get"]`,
  );
});

test("a denial that no role overrules advises none", () => {
  const { command: _, narrowest: __, ...rest } = refused;
  const text = accessText(question, { ...rest, denied: true, reason: "on the list" });
  expect(text).toContain("Denied; no role can overrule it.");
  expect(text).toMatch(/why +on the list$/);
});

test("of many roles the first are shown, and how many more there are", () => {
  const roles = Array.from({ length: 12 }, (_, index) => ({ kind: "ClusterRole", name: `r${index}` }) as const);
  expect(accessText(question, { ...refused, roles })).toContain("... and 2 more; -o json has them all");
});
