import { path } from "../../machinery/fields.ts";
import { validateImmutable, validateLabels } from "../../machinery/metadata-validation.ts";
import { dnsLabel } from "../../machinery/names.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { named } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { validateTolerations } from "../core/validate-affinity.ts";
import { validateAmount, validateContainerResourceName } from "../core/validate-resources.ts";
import type * as node from "../generated/node-v1.ts";
import type * as alpha from "../generated/node-v1alpha1.ts";
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
  versions: {
    ...sameInVersions("node.k8s.io/v1", { "node.k8s.io/v1beta1": "node/v1beta1.RuntimeClass" }),
    "node.k8s.io/v1alpha1": {
      type: "node/v1alpha1.RuntimeClass",
      toStored: (object) => {
        const { spec, ...others } = object as KubeObject & { readonly spec?: alpha.RuntimeClassSpec };
        const { runtimeHandler: handler = "", ...rest } = spec ?? {};
        return { ...others, ...rest, handler, apiVersion: "node.k8s.io/v1" } as KubeObject;
      },
      fromStored: (object) => {
        const { handler, overhead, scheduling, ...others } = object as KubeObject & node.RuntimeClass;
        const spec = {
          runtimeHandler: handler,
          ...(overhead ? { overhead } : {}),
          ...(scheduling ? { scheduling } : {}),
        };
        return { ...others, spec, apiVersion: "node.k8s.io/v1alpha1" } as KubeObject;
      },
    },
  },
});
