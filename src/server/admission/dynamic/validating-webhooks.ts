import { ValidatingWebhookConfiguration } from "../../../api/admissionregistration/validating-webhook-configuration.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { type ConfiguredWebhook, ConfiguredWebhooks } from "./configured-webhooks.ts";
import { isAdmissionConfiguration, type Matched } from "./request-matcher.ts";
import { inVersion } from "./versions.ts";
import { callFailure, WebhookAsker } from "./webhook-asker.ts";
import type { WebhookPluginOptions } from "./webhook-plugin-options.ts";
import { webhookMatch } from "./webhook-selection.ts";

/** Asks webhooks, all at once, whether a write may happen; of several refusals the first in their order is told. */
export function validatingWebhooks(options: WebhookPluginOptions): AdmissionPlugin {
  const { registry, matcher, variables } = options;
  const hooks = new ConfiguredWebhooks(registry, ValidatingWebhookConfiguration);
  const asker = new WebhookAsker("validating", options);

  const askOne = async (
    hook: ConfiguredWebhook,
    request: AdmissionRequest,
    matched: Matched,
    objects: { readonly object: AnyObject | undefined; readonly previous: AnyObject | undefined },
  ): Promise<void> => {
    const { name, failurePolicy } = hook.webhook;
    const object = inVersion(objects.object, matched.served, request);
    const previous = inVersion(objects.previous, matched.served, request);
    const outcome = await asker.ask(hook, request, matched, { object, previous });
    if (outcome.kind === "allowed") return;
    if (outcome.kind === "denied") throw outcome.error;
    if (failurePolicy !== "Ignore") throw callFailure(name, outcome.why);
    request.annotate(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${hook.index}`, name);
  };

  return {
    name: "ValidatingAdmissionWebhook",
    handles: (request) => !isAdmissionConfiguration(request),
    idle: () => hooks.all.length === 0,
    async validate(object, previous, request) {
      const objects = { object, previous };
      const asked: { readonly hook: ConfiguredWebhook; readonly matched: Matched }[] = [];
      for (const hook of hooks.all) {
        const matched = await webhookMatch(matcher, hook, request, objects, variables);
        if (matched) asked.push({ hook, matched });
      }
      const results = await Promise.allSettled(
        asked.map(({ hook, matched }) => askOne(hook, request, matched, objects)),
      );
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
    start: () => hooks.start(),
    [Symbol.dispose]: () => hooks[Symbol.dispose](),
  };
}
