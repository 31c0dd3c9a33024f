import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionRequest } from "../admission.ts";
import { requestMembers } from "../cel/request-variable.ts";
import type { Matched } from "./request-matcher.ts";

/** The question that a webhook is asked. */
export interface AdmissionReview {
  readonly apiVersion: string;
  readonly kind: "AdmissionReview";
  readonly request: Readonly<Record<string, unknown>> & { readonly uid: string };
}

export interface ReviewedObjects {
  readonly object: AnyObject | undefined;
  readonly previous: AnyObject | undefined;
}

/** Builds the question; objects are in the version that the webhook wants. */
export function admissionReview(
  version: string,
  uid: string,
  request: AdmissionRequest,
  matched: Matched,
  { object, previous }: ReviewedObjects,
): AdmissionReview {
  const name = object?.metadata?.name ?? previous?.metadata?.name;
  const members = requestMembers(request, matched, name);
  return {
    apiVersion: `admission.k8s.io/${version}`,
    kind: "AdmissionReview",
    request: { uid, ...members, object: object ?? null, oldObject: previous ?? null },
  };
}

/** What a webhook answered, as far as it makes sense. */
export interface WebhookAnswer {
  readonly allowed: boolean;
  readonly status: { readonly message?: string; readonly reason?: string; readonly code?: number } & Record<
    string,
    unknown
  >;
  readonly patch: string | undefined;
  readonly auditAnnotations: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** Why an answer makes no sense. */
export interface BadAnswer {
  readonly fault: string;
}

/** Reads an answer as upstream checks it: strictly in v1, with what may be guessed in v1beta1. */
export function readAnswer(sent: unknown, asked: AdmissionReview, mutating: boolean): WebhookAnswer | BadAnswer {
  const review = record(sent);
  if (!review) return { fault: "webhook response was absent" };
  const strict = asked.apiVersion === "admission.k8s.io/v1";
  const response = record(review.response);
  if (strict && (review.apiVersion !== asked.apiVersion || review.kind !== asked.kind)) {
    return { fault: `expected webhook response of ${gvkText(asked)}, got ${gvkText(review)}` };
  }
  if (!response) return { fault: "webhook response was absent" };
  if (strict && response.uid !== asked.request.uid) {
    return {
      fault: `expected response.uid=${JSON.stringify(asked.request.uid)}, got ${JSON.stringify(response.uid ?? "")}`,
    };
  }
  const patch = typeof response.patch === "string" && response.patch !== "" ? response.patch : undefined;
  const { patchType } = response;
  if (strict) {
    const fault = patchFault(patch, patchType, mutating);
    if (fault) return { fault };
  }
  return {
    allowed: response.allowed === true,
    status: record(response.status) ?? {},
    patch,
    auditAnnotations: texts(response.auditAnnotations),
    warnings: Array.isArray(response.warnings) ? response.warnings.filter((one) => typeof one === "string") : [],
  };
}

function patchFault(patch: string | undefined, patchType: unknown, mutating: boolean): string | undefined {
  if (!mutating) {
    if (patch) return "validating webhook may not return response.patch";
    return patchType ? "validating webhook may not return response.patchType" : undefined;
  }
  if (patch && !patchType) return "webhook returned response.patch but not response.patchType";
  if (!patch && patchType) return "webhook returned response.patchType but not response.patch";
  if (patchType && patchType !== "JSONPatch") {
    return `invalid value of response.patchType: ${JSON.stringify(patchType)}, must be "JSONPatch"`;
  }
  return undefined;
}

function gvkText({ apiVersion, kind }: { readonly apiVersion?: unknown; readonly kind?: unknown }): string {
  const version = typeof apiVersion === "string" && apiVersion !== "" ? apiVersion : "/";
  return `${version}, Kind=${typeof kind === "string" ? kind : ""}`;
}

function record(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function texts(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record(value) ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
