import type * as authorization from "../generated/authorization-v1.ts";
import { defineKind } from "../kind.ts";
import { selfMapping } from "./review-versions.ts";

export type SelfSubjectAccessReview = authorization.SelfSubjectAccessReview;

/** Asks whether I may do something. */
export const SelfSubjectAccessReview = defineKind<authorization.SelfSubjectAccessReview>({
  type: "authorization/v1.SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  scope: "Cluster",
  verbs: ["create"],
  versions: selfMapping("SelfSubjectAccessReview"),
});
