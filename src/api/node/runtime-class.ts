import { path } from "../../machinery/fields.ts";
import { validateImmutable, validateLabels } from "../../machinery/metadata-validation.ts";
import { dnsLabel } from "../../machinery/names.ts";
import { named } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { validateTolerations } from "../core/validate-affinity.ts";
import { validateAmount, validateContainerResourceName } from "../core/validate-resources.ts";
import type * as node from "../generated/node-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type RuntimeClass = node.RuntimeClass;

/** Names a container runtime handler, with its overhead and where it is. */
export const RuntimeClass = defineKind<node.RuntimeClass>({
  type: "node/v1.RuntimeClass",
  plural: "runtimeclasses",
  scope: "Cluster",
  unconditionalUpdate: false,
  validate: ({ handler, overhead, scheduling }) => [
    ...named(path("handler"), handler, dnsLabel),
    ...Object.entries(overhead?.podFixed ?? {}).flatMap(([name, amount]) => {
      const here = path("overhead", "podFixed").key(name);
      return [...validateContainerResourceName(name, here), ...validateAmount(name, amount, here)];
    }),
    ...validateLabels(scheduling?.nodeSelector, path("scheduling", "nodeSelector")),
    ...validateTolerations(scheduling?.tolerations, path("scheduling", "tolerations")),
  ],
  validateUpdate: (next, previous) => validateImmutable(path("handler"), next.handler, previous.handler),
  columns: [nameColumn, text("Handler", ({ handler }) => handler), ageColumn],
  versions: sameInVersions("node.k8s.io/v1", { "node.k8s.io/v1beta1": "node/v1beta1.RuntimeClass" }),
});
