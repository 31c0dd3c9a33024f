import { ageColumn, integer, nameColumn } from "../columns.ts";
import { change, each } from "../fill.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { oldWebhookConfiguration, validateWebhooks, webhookDefaults } from "./webhooks.ts";

export type ValidatingWebhookConfiguration = registration.ValidatingWebhookConfiguration;

/** Webhooks that may refuse objects on their way in. */
export const ValidatingWebhookConfiguration = defineKind<registration.ValidatingWebhookConfiguration>({
  type: "admissionregistration/v1.ValidatingWebhookConfiguration",
  plural: "validatingwebhookconfigurations",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
  defaults: (configuration) => change(configuration, { webhooks: each(webhookDefaults) }),
  validate: ({ webhooks }) => validateWebhooks(webhooks),
  generationOf: ({ webhooks }) => webhooks ?? [],
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
  versions: oldWebhookConfiguration("ValidatingWebhookConfiguration"),
});
