import { field, path } from "../../machinery/fields.ts";
import { unknownFinalizers } from "../../machinery/metadata-validation.ts";
import { dnsLabel, qualifiedName } from "../../machinery/names.ts";
import { eachAt, named } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Namespace = core.Namespace;

/** The label that every namespace carries, so that selectors can name one. */
export const namespaceNameLabel = "kubernetes.io/metadata.name";

/** A scope for names, and for quota and rights. */
export const Namespace = defineKind<core.Namespace>({
  type: "core/v1.Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  scope: "Cluster",
  subresources: ["status", "finalize"],
  name: "label",
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  defaults: labelled,
  prepareCreate: (namespace) => {
    const finalizers = namespace.spec?.finalizers ?? [];
    return {
      ...labelled(namespace),
      spec: {
        ...namespace.spec,
        finalizers: finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"],
      },
      status: { phase: "Active" },
    };
  },
  prepareUpdate: (next, previous) => {
    const { network: _left, ...spec } = previous.spec ?? {};
    const network = next.spec?.network;
    return { ...next, spec: network === undefined ? spec : { ...spec, network }, status: previous.status };
  },
  validate: ({ spec }) => [
    ...eachAt(spec?.finalizers, path("spec", "finalizers"), (name, here) => named(here, name, qualifiedName)),
    ...unknownFinalizers(spec?.finalizers ?? [], path("spec")),
    ...(spec?.network === undefined ? [] : named(path("spec", "network"), spec.network, dnsLabel)),
  ],
  validateStatus: ({ metadata, status }) => {
    const place = path("status", "Phase");
    if (!metadata.deletionTimestamp) {
      if (status?.phase === "Active") return [];
      const detail = "may only be 'Active' if `deletionTimestamp` is empty";
      return [field.invalid(place, status?.phase ?? "", detail)];
    }
    if (status?.phase === "Terminating") return [];
    return [field.invalid(place, status?.phase ?? "", "may only be 'Terminating' if `deletionTimestamp` is not empty")];
  },
  generationOf: () => undefined,
  columns: [nameColumn, text("Status", ({ status }) => status?.phase ?? ""), ageColumn],
  fields: { name: ({ metadata }) => metadata.name, "status.phase": ({ status }) => status?.phase ?? "" },
});

function labelled(namespace: core.Namespace): core.Namespace {
  const { name, labels } = namespace.metadata;
  if (!name || labels?.[namespaceNameLabel] === name) return namespace;
  return { ...namespace, metadata: { ...namespace.metadata, labels: { ...labels, [namespaceNameLabel]: name } } };
}
