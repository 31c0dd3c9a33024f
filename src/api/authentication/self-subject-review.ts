import type * as authentication from "../generated/authentication-v1.ts";
import { defineKind } from "../kind.ts";

export type SelfSubjectReview = authentication.SelfSubjectReview;

/** Asks who I am. */
export const SelfSubjectReview = defineKind<authentication.SelfSubjectReview>({
  type: "authentication/v1.SelfSubjectReview",
  plural: "selfsubjectreviews",
  scope: "Cluster",
  verbs: ["create"],
});
