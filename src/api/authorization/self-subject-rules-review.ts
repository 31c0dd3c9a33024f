import type * as authorization from "../generated/authorization-v1.ts";
import { defineKind } from "../kind.ts";
import { selfMapping } from "./review-versions.ts";

export type SelfSubjectRulesReview = authorization.SelfSubjectRulesReview;

/** Asks what I may do in a namespace. */
export const SelfSubjectRulesReview = defineKind<authorization.SelfSubjectRulesReview>({
  type: "authorization/v1.SelfSubjectRulesReview",
  plural: "selfsubjectrulesreviews",
  scope: "Cluster",
  verbs: ["create"],
  versions: selfMapping("SelfSubjectRulesReview"),
});
