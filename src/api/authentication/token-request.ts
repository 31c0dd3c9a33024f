import type * as authentication from "../generated/authentication-v1.ts";
import { defineKind } from "../kind.ts";

export type TokenRequest = authentication.TokenRequest;

/** The body of a service account's `token` subresource: asks for a token. */
export const TokenRequest = defineKind<authentication.TokenRequest>({
  type: "authentication/v1.TokenRequest",
  plural: "serviceaccounts",
  scope: "Namespaced",
  verbs: ["create"],
});
