import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { fullyQualifiedName } from "../../machinery/names.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf } from "../checks.ts";
import { change, each, fill } from "../fill.ts";
import type * as registration from "../generated/admissionregistration-v1.ts";
import type { VersionMapping } from "../kind.ts";
import { sameInOtherVersion } from "../renamed-version.ts";
import { validateSelector } from "../selectors.ts";
import { validateReviewVersions, validateWebhookClient, webhookClientDefaults } from "../webhook-client.ts";
import { ruleDefaults, validateConditions, validateRule } from "./rules.ts";

/** Versions of AdmissionReview that the server can send. */
export const reviewVersions = ["v1", "v1beta1"];

/** What both kinds of webhooks get when they do not say. */
export function webhookDefaults<T extends registration.ValidatingWebhook>(webhook: T): T {
  const filled = fill<registration.ValidatingWebhook>(webhook, {
    failurePolicy: "Fail",
    matchPolicy: "Equivalent",
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
  });
  return change(filled, { rules: each(ruleDefaults), clientConfig: webhookClientDefaults }) as T;
}

/** What v1beta1 gave: it was more careful with others' requests than with what a webhook misses. */
function oldWebhookDefaults(webhook: registration.ValidatingWebhook): registration.ValidatingWebhook {
  const filled = fill(webhook, {
    failurePolicy: "Ignore",
    matchPolicy: "Exact",
    sideEffects: "Unknown",
    timeoutSeconds: 30,
    admissionReviewVersions: ["v1beta1"],
  });
  return webhookDefaults(filled);
}

/** A configuration's version of v1beta1: the same words with other defaults. */
export function oldWebhookConfiguration(kind: string): Readonly<Record<string, VersionMapping>> {
  const apiVersion = "admissionregistration.k8s.io/v1beta1";
  const type = `admissionregistration/v1beta1.${kind}`;
  const defaults = (object: KubeObject): KubeObject => {
    const { webhooks } = object as KubeObject & Pick<registration.ValidatingWebhookConfiguration, "webhooks">;
    return webhooks ? ({ ...object, webhooks: webhooks.map(oldWebhookDefaults) } as KubeObject) : object;
  };
  return { [apiVersion]: { ...sameInOtherVersion("admissionregistration.k8s.io/v1", { apiVersion, type }), defaults } };
}

/** Effects that v1 allows; before, a webhook could have others or keep silent. */
export const harmlessEffects = ["None", "NoneOnDryRun"];
/** Only webhooks that speak v1beta1 can be of that time; whoever registers them in v1 is refused by the server. */
const oldEffects = ["Some", "Unknown"];

/** The faults of a configuration's webhooks. */
export function validateWebhooks(webhooks: readonly registration.MutatingWebhook[] | undefined): Errors {
  const names = new Set<string>();
  const place = path("webhooks");
  return eachAt(webhooks, place, (webhook, here) => {
    const errors: FieldError[] = [...validateWebhook(webhook, here)];
    errors.push(
      ...validateReviewVersions(webhook.admissionReviewVersions, here.child("admissionReviewVersions"), reviewVersions),
    );
    if (webhook.name && names.has(webhook.name)) errors.push(field.duplicate(here.child("name"), webhook.name));
    names.add(webhook.name);
    return errors;
  });
}

function validateWebhook(webhook: registration.MutatingWebhook, place: FieldPath): Errors {
  const { timeoutSeconds, sideEffects } = webhook;
  const errors: FieldError[] = [];
  if (!webhook.name) errors.push(field.required(place.child("name")));
  else errors.push(...named(place.child("name"), webhook.name, fullyQualifiedName));
  errors.push(...eachAt(webhook.rules, place.child("rules"), validateRule));
  errors.push(...oneOf(place.child("failurePolicy"), webhook.failurePolicy, ["Fail", "Ignore"]));
  errors.push(...oneOf(place.child("matchPolicy"), webhook.matchPolicy, ["Equivalent", "Exact"]));
  if (!sideEffects) {
    errors.push(field.required(place.child("sideEffects"), `must specify one of ${harmlessEffects.join(", ")}`));
  } else if (!oldEffects.includes(sideEffects) || !webhook.admissionReviewVersions?.includes("v1beta1")) {
    errors.push(...oneOf(place.child("sideEffects"), sideEffects, harmlessEffects));
  }
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
    const detail = "the timeout value must be between 1 and 30 seconds";
    errors.push(field.invalid(place.child("timeoutSeconds"), timeoutSeconds, detail));
  }
  errors.push(...validateSelector(webhook.namespaceSelector, place.child("namespaceSelector")));
  errors.push(...validateSelector(webhook.objectSelector, place.child("objectSelector")));
  errors.push(...oneOf(place.child("reinvocationPolicy"), webhook.reinvocationPolicy, ["IfNeeded", "Never"]));
  errors.push(...validateWebhookClient(webhook.clientConfig, place.child("clientConfig")));
  return [...errors, ...validateConditions(webhook.matchConditions, place.child("matchConditions"))];
}
