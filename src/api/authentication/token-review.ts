import type * as authentication from "../generated/authentication-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type TokenReview = authentication.TokenReview;

/** Asks who a token belongs to. */
export const TokenReview = defineKind<authentication.TokenReview>({
  type: "authentication/v1.TokenReview",
  plural: "tokenreviews",
  scope: "Cluster",
  verbs: ["create"],
  versions: sameInVersions("authentication.k8s.io/v1", {
    "authentication.k8s.io/v1beta1": "authentication/v1beta1.TokenReview",
  }),
});
