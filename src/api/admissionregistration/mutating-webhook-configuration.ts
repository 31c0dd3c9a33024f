import { ageColumn, integer, nameColumn } from "../columns.ts";
import { change, each, fill } from "../fill.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import { defineKind } from "../kind.ts";
import { oldWebhookConfiguration, validateWebhooks, webhookDefaults } from "./webhooks.ts";

export type MutatingWebhookConfiguration = registration.MutatingWebhookConfiguration;

/** Webhooks that may change objects on their way in. */
export const MutatingWebhookConfiguration = defineKind<registration.MutatingWebhookConfiguration>({
  type: "admissionregistration/v1.MutatingWebhookConfiguration",
  plural: "mutatingwebhookconfigurations",
  categories: ["api-extensions"],
  scope: "Cluster",
  unconditionalUpdate: false,
  defaults: (configuration) =>
    change(configuration, {
      webhooks: each((webhook) => fill(webhookDefaults(webhook), { reinvocationPolicy: "Never" })),
    }),
  validate: ({ webhooks }) => validateWebhooks(webhooks),
  generationOf: ({ webhooks }) => webhooks ?? [],
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
  versions: oldWebhookConfiguration("MutatingWebhookConfiguration"),
});
