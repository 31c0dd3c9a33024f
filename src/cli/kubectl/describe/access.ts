import type { PolicyRule, Role, RoleBinding } from "../../../api/generated/rbac-v1.ts";
import { ruleCells, ruleHeads } from "../resources/policy-rules.ts";
import { defineDescriber } from "./describer.ts";
import { marks } from "./metadata.ts";
import { indent, row, table } from "./text.ts";

/** `kubectl describe role` and `clusterrole` */
export const role = defineDescriber<Role>(
  "v1",
  (role) => [
    row("Name", role.metadata.name),
    marks(role),
    "PolicyRule:",
    indent(1, table(ruleHeads, ruleCells((role.rules ?? []) as readonly PolicyRule[]))),
  ],
  false,
);

/** `kubectl describe rolebinding` and `clusterrolebinding` */
export const roleBinding = defineDescriber<RoleBinding>(
  "v1",
  (binding) => [
    row("Name", binding.metadata.name),
    marks(binding),
    "Role:",
    indent(1, row("Kind", binding.roleRef.kind), row("Name", binding.roleRef.name)),
    "Subjects:",
    indent(
      1,
      table(
        ["Kind", "Name", "Namespace"],
        (binding.subjects ?? []).map(({ kind, name, namespace }) => [kind, name, namespace]),
      ),
    ),
  ],
  false,
);
