import type { Clock } from "../../../lib/clock.ts";
import { errorMessage, Fault, faultCode } from "../../../lib/fault.ts";
import type { Metrics } from "../../../lib/metrics.ts";
import { type Random, uuid } from "../../../lib/random.ts";
import type { Status } from "../../../machinery/generated/meta-v1.ts";
import { StatusError } from "../../../machinery/status-error.ts";
import { webhookEndpoint } from "../../webhooks/endpoint.ts";
import type { ServiceResolver } from "../../webhooks/service-resolver.ts";
import type { WebhookCaller } from "../../webhooks/webhook-caller.ts";
import type { AdmissionRequest } from "../admission.ts";
import { admissionReview, type ReviewedObjects, readAnswer, type WebhookAnswer } from "./admission-review.ts";
import type { ConfiguredWebhook } from "./configured-webhooks.ts";
import type { Matched } from "./request-matcher.ts";

/** How a webhook's question ended; what failed is for the webhook's failure policy to judge. */
export type WebhookOutcome =
  | { readonly kind: "allowed"; readonly answer: WebhookAnswer }
  | { readonly kind: "denied"; readonly error: StatusError }
  | { readonly kind: "failed"; readonly why: string };

export interface WebhookAskerOptions {
  readonly caller: WebhookCaller;
  readonly services: ServiceResolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

export type WebhookType = "admit" | "validating";

/** Versions of the review that the server speaks, the best first. */
const spoken = ["v1", "v1beta1"];
const buckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];

/** Puts requests to webhooks and counts what they say. */
export class WebhookAsker {
  readonly #options: WebhookAskerOptions;
  readonly #type: WebhookType;
  readonly #duration;
  readonly #total;
  readonly #rejections;
  readonly #failedOpen;

  constructor(type: WebhookType, options: WebhookAskerOptions) {
    const { metrics } = options;
    this.#type = type;
    this.#options = options;
    this.#duration = metrics.histogram(
      "apiserver_admission_webhook_admission_duration_seconds",
      "How long admission webhooks took, by name, operation, type and whether the request was rejected.",
      ["name", "operation", "rejected", "type"],
      buckets,
    );
    this.#total = metrics.counter(
      "apiserver_admission_webhook_request_total",
      "Requests put to admission webhooks, by the code that came of them.",
      ["code", "name", "operation", "rejected", "type"],
    );
    this.#rejections = metrics.counter(
      "apiserver_admission_webhook_rejection_count",
      "Requests rejected by admission webhooks or for want of them.",
      ["error_type", "name", "operation", "rejection_code", "type"],
    );
    this.#failedOpen = metrics.counter(
      "apiserver_admission_webhook_fail_open_count",
      "Requests let through although their admission webhook failed.",
      ["name", "type"],
    );
  }

  /** Asks, and hands on warnings and annotations. Throws BadRequest when a dry run would have side effects. */
  async ask(
    hook: ConfiguredWebhook,
    request: AdmissionRequest,
    matched: Matched,
    objects: ReviewedObjects,
  ): Promise<WebhookOutcome> {
    const { clock } = this.#options;
    const { name, sideEffects, failurePolicy } = hook.webhook;
    if (request.dryRun && sideEffects !== "None" && sideEffects !== "NoneOnDryRun") {
      throw new StatusError("BadRequest", `admission webhook ${JSON.stringify(name)} does not support dry run`);
    }
    const began = clock.monotonic();
    const outcome = await this.#exchange(hook, request, matched, objects);
    const open = outcome.kind === "failed" && failurePolicy === "Ignore";
    const rejected = String(outcome.kind !== "allowed" && !open);
    const code = outcome.kind === "allowed" ? 200 : outcome.kind === "denied" ? outcome.error.code : 500;
    const about = { name, operation: request.operation, type: this.#type };
    this.#duration.observe({ ...about, rejected }, (clock.monotonic() - began) / 1000);
    this.#total.inc({ ...about, rejected, code: String(code) });
    if (rejected === "true") {
      const failed = outcome.kind === "failed";
      const error_type = failed ? "calling_webhook_error" : "no_error";
      this.#rejections.inc({ ...about, error_type, rejection_code: failed ? "0" : String(code) });
    }
    if (open) this.#failedOpen.inc({ name, type: this.#type });
    return outcome;
  }

  async #exchange(
    hook: ConfiguredWebhook,
    request: AdmissionRequest,
    matched: Matched,
    objects: ReviewedObjects,
  ): Promise<WebhookOutcome> {
    const { name, clientConfig, timeoutSeconds = 10, admissionReviewVersions } = hook.webhook;
    const version = admissionReviewVersions?.find((one) => spoken.includes(one));
    if (!version) {
      return {
        kind: "failed",
        why: "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
      };
    }
    const review = admissionReview(version, uuid(this.#options.random), request, matched, objects);
    let sent: unknown;
    try {
      const endpoint = webhookEndpoint(clientConfig, this.#options.services);
      sent = await this.#options.caller.post(endpoint, review, {
        timeout: timeoutSeconds * 1000,
        query: `timeout=${timeoutSeconds}s`,
        signal: request.signal,
      });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (faultCode(error) === "aborted") throw error;
      return { kind: "failed", why: `failed to call webhook: ${errorMessage(error)}` };
    }
    const answer = readAnswer(sent, review, this.#type === "admit");
    if ("fault" in answer) return { kind: "failed", why: `received invalid webhook response: ${answer.fault}` };
    for (const [key, value] of Object.entries(answer.auditAnnotations)) request.annotate(`${name}/${key}`, value);
    for (const warning of answer.warnings) request.warn(warning);
    return answer.allowed ? { kind: "allowed", answer } : { kind: "denied", error: denial(name, answer) };
  }
}

function denial(name: string, { status }: WebhookAnswer): StatusError {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const { message, reason, code, details } = status;
  const text = message ? `: ${message}` : reason ? `: ${reason}` : " without explanation";
  return StatusError.fromStatus({
    message: denied + text,
    ...(reason ? { reason } : {}),
    // No rejection looks like a success.
    code: typeof code === "number" && code >= 400 ? code : 400,
    ...(typeof details === "object" && details !== null ? { details } : {}),
  } as Status);
}

/** The refusal when a webhook that must be asked cannot be. */
export function callFailure(name: string, why: string): StatusError {
  const text = `failed calling webhook ${JSON.stringify(name)}: ${why}`;
  return internalError(text);
}

/** An InternalError as upstream words it. */
export function internalError(text: string): StatusError {
  return new StatusError("InternalError", `Internal error occurred: ${text}`, {
    details: { causes: [{ message: text }] },
  });
}
