import type * as admissionregistration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";

export type MutatingWebhookConfiguration = admissionregistration.MutatingWebhookConfiguration;

/** Webhooks that may change objects on their way in. */
export const MutatingWebhookConfiguration = defineKind<admissionregistration.MutatingWebhookConfiguration>({
  type: "admissionregistration/v1.MutatingWebhookConfiguration",
  plural: "mutatingwebhookconfigurations",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
});
