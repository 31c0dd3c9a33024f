import type * as authentication from "../generated/authentication-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type SelfSubjectReview = authentication.SelfSubjectReview;

/** Asks who I am. */
export const SelfSubjectReview = defineKind<authentication.SelfSubjectReview>({
  type: "authentication/v1.SelfSubjectReview",
  plural: "selfsubjectreviews",
  scope: "Cluster",
  verbs: ["create"],
  versions: sameInVersions("authentication.k8s.io/v1", {
    "authentication.k8s.io/v1beta1": "authentication/v1beta1.SelfSubjectReview",
    "authentication.k8s.io/v1alpha1": "authentication/v1alpha1.SelfSubjectReview",
  }),
});
