import { MutatingWebhookConfiguration } from "../../../api/admissionregistration/mutating-webhook-configuration.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { isEqual } from "../../../machinery/equality.ts";
import { parseJson } from "../../../machinery/json-text.ts";
import { applyJsonPatch } from "../../../machinery/patch-json.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest, MutatingPass } from "../admission.ts";
import type { WebhookAnswer } from "./admission-review.ts";
import { type ConfiguredWebhook, ConfiguredWebhooks } from "./configured-webhooks.ts";
import { Reinvocation } from "./reinvocation.ts";
import { isAdmissionConfiguration, type Matched } from "./request-matcher.ts";
import { fromVersion, inVersion } from "./versions.ts";
import { callFailure, internalError, WebhookAsker } from "./webhook-asker.ts";
import type { WebhookPluginOptions } from "./webhook-plugin-options.ts";
import { webhookMatch } from "./webhook-selection.ts";

/** Asks webhooks one after the other how an object is to be changed. */
export function mutatingWebhooks(options: WebhookPluginOptions): AdmissionPlugin {
  const { registry, matcher, variables } = options;
  const hooks = new ConfiguredWebhooks(registry, MutatingWebhookConfiguration);
  const asker = new WebhookAsker("admit", options);

  /** Asks one webhook; the changed object in the stored version, undefined when nothing changed. */
  const askOne = async (
    hook: ConfiguredWebhook,
    request: AdmissionRequest,
    matched: Matched,
    objects: { readonly object: AnyObject | undefined; readonly previous: AnyObject | undefined },
    round: 0 | 1,
  ): Promise<AnyObject | undefined> => {
    const { name, failurePolicy } = hook.webhook;
    const object = inVersion(objects.object, matched.served, request);
    const previous = inVersion(objects.previous, matched.served, request);
    const outcome = await asker.ask(hook, request, matched, { object, previous });
    const about = { configuration: hook.configuration, webhook: name };
    const place = `round_${round}_index_${hook.index}`;
    let changed: AnyObject | undefined;
    try {
      if (outcome.kind === "denied") throw outcome.error;
      const failed = outcome.kind === "failed" ? outcome.why : undefined;
      const patch = outcome.kind === "allowed" ? readPatch(outcome.answer) : undefined;
      const why = failed ?? patch?.fault;
      if (why !== undefined) {
        if (failurePolicy !== "Ignore") throw callFailure(name, why);
        request.annotate(`failed-open.mutation.webhook.admission.k8s.io/${place}`, name);
        return undefined;
      }
      if (!patch?.steps?.length) return undefined;
      if (!object) {
        const text = `admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`;
        throw internalError(text);
      }
      const next = patched(object, patch.steps);
      if (isEqual(next, object)) return undefined;
      changed = decoded(next, matched, request);
      const value = JSON.stringify({ ...about, patch: patch.steps, patchType: "JSONPatch" });
      request.annotate(`patch.webhook.admission.k8s.io/${place}`, value);
      return changed;
    } finally {
      request.annotate(
        `mutation.webhook.admission.k8s.io/${place}`,
        JSON.stringify({ ...about, mutated: changed !== undefined }),
      );
    }
  };

  const mutate = async (
    given: AnyObject,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
    pass: MutatingPass,
  ): Promise<AnyObject> => {
    const memory = Reinvocation.begin(plugin, pass, given);
    let object = given;
    for (const hook of hooks.all) {
      const objects = { object, previous };
      const matched = await webhookMatch(matcher, hook, request, objects, variables);
      if (!matched || !memory.isDue(hook.id)) continue;
      const changed = await askOne(hook, request, matched, objects, pass.round);
      if (changed) object = changed;
      const again = hook.webhook.reinvocationPolicy === "IfNeeded";
      memory.asked(hook.id, { changed: changed !== undefined, again });
    }
    return memory.end(object);
  };

  const plugin: AdmissionPlugin = {
    name: "MutatingAdmissionWebhook",
    handles: (request) => !isAdmissionConfiguration(request),
    idle: () => hooks.all.length === 0,
    mutate,
    // A deletion cannot be changed, but it can be refused.
    async validate(object, previous, request) {
      if (request.operation !== "DELETE" || object) return;
      for (const hook of hooks.all) {
        const objects = { object: undefined, previous };
        const matched = await webhookMatch(matcher, hook, request, objects, variables);
        if (matched) await askOne(hook, request, matched, objects, 0);
      }
    },
    start: () => hooks.start(),
    [Symbol.dispose]: () => hooks[Symbol.dispose](),
  };

  return plugin;
}

interface SentPatch {
  readonly steps?: readonly unknown[];
  readonly fault?: string;
}

function readPatch({ patch }: WebhookAnswer): SentPatch {
  if (!patch) return {};
  try {
    const steps = parseJson(Buffer.from(patch, "base64").toString());
    if (Array.isArray(steps)) return { steps };
    return { fault: "received undecodable patch in webhook response: the patch is no list" };
  } catch (error) {
    return { fault: `received undecodable patch in webhook response: ${errorMessage(error)}` };
  }
}

function patched(object: AnyObject, steps: readonly unknown[]): unknown {
  try {
    return applyJsonPatch(object, steps);
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    throw internalError(errorMessage(cause ?? error));
  }
}

function decoded(value: unknown, { served }: Matched, request: AdmissionRequest): AnyObject {
  try {
    return fromVersion(value, served, request);
  } catch (error) {
    throw internalError(errorMessage(error));
  }
}
