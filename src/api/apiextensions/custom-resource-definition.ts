import type * as apiextensions from "../generated/apiextensions-v1.ts";
import { defineKind } from "../kind.ts";

export type CustomResourceDefinition = apiextensions.CustomResourceDefinition;

/** Adds a kind of the user's own to the API. */
export const CustomResourceDefinition = defineKind<apiextensions.CustomResourceDefinition>({
  type: "apiextensions/v1.CustomResourceDefinition",
  plural: "customresourcedefinitions",
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  scope: "Cluster",
  subresources: ["status"],
  unconditionalUpdate: false,
});
