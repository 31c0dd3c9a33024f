import type * as authentication from "../generated/authentication-v1.ts";
import { defineKind } from "../kind.ts";

export type TokenReview = authentication.TokenReview;

/** Asks who a token belongs to. */
export const TokenReview = defineKind<authentication.TokenReview>({
  type: "authentication/v1.TokenReview",
  plural: "tokenreviews",
  scope: "Cluster",
  verbs: ["create"],
});
