import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Service = core.Service;

/** A stable name, address and port in front of a changing set of pods. */
export const Service = defineKind<core.Service>({
  type: "core/v1.Service",
  plural: "services",
  shortNames: ["svc"],
  categories: ["all"],
  scope: "Namespaced",
  subresources: ["status", "proxy"],
  name: "label1035",
  fields: { "spec.clusterIP": ({ spec }) => spec.clusterIP ?? "", "spec.type": ({ spec }) => spec.type ?? "" },
  createOnUpdate: true,
});
