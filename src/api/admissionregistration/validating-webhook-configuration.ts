import type * as admissionregistration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";

export type ValidatingWebhookConfiguration = admissionregistration.ValidatingWebhookConfiguration;

/** Webhooks that may refuse objects on their way in. */
export const ValidatingWebhookConfiguration = defineKind<admissionregistration.ValidatingWebhookConfiguration>({
  type: "admissionregistration/v1.ValidatingWebhookConfiguration",
  plural: "validatingwebhookconfigurations",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
});
