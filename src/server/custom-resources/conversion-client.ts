import type * as apiextensions from "../../api/generated/apiextensions-v1.ts";
import { errorMessage } from "../../lib/fault.ts";
import { type Random, uuid } from "../../lib/random.ts";
import { isEqual } from "../../machinery/equality.ts";
import type { KubeObject, ObjectMeta } from "../../machinery/object.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { webhookEndpoint } from "../webhooks/endpoint.ts";
import type { ServiceResolver } from "../webhooks/service-resolver.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { OutsideConversion } from "./custom-kind.ts";

/** As long as upstream waits for a conversion. */
const timeout = 30_000;

export interface ConversionOptions {
  readonly caller: WebhookCaller;
  readonly services: ServiceResolver;
  readonly random: Random;
}

interface Review {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly response?: {
    readonly uid?: string;
    readonly convertedObjects?: readonly KubeObject[];
    readonly result?: { readonly status?: string; readonly message?: string };
  };
}

const knownReviews = ["v1", "v1beta1"];

/** Converts by the webhook of a definition, and holds it to its duty: it may not touch what is not its own. */
export function webhookConversion(
  spec: apiextensions.CustomResourceDefinitionSpec,
  { caller, services, random }: ConversionOptions,
): OutsideConversion {
  const { clientConfig, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {};
  const version = conversionReviewVersions.find((one) => knownReviews.includes(one)) ?? "v1";
  const apiVersion = `apiextensions.k8s.io/${version}`;
  const kind = spec.names.kind;

  return async (objects, desiredAPIVersion) => {
    const waiting = objects.filter((object) => object.apiVersion !== desiredAPIVersion);
    if (waiting.length === 0) return objects;
    const from = waiting[0]?.apiVersion ?? "";
    const failed = (why: string, code = 500) =>
      new StatusError("InternalError", `conversion webhook for ${from}, Kind=${kind} failed: ${why}`, { code });
    const request = { uid: uuid(random), desiredAPIVersion, objects: waiting };
    const review = { kind: "ConversionReview", apiVersion, request };
    let answer: Review;
    try {
      answer = (await caller.post(await webhookEndpoint(clientConfig ?? {}, services), review, { timeout })) as Review;
    } catch (error) {
      throw failed(errorMessage(error));
    }
    const converted = judged(answer, { uid: request.uid, apiVersion, waiting, desiredAPIVersion }, failed);
    let next = 0;
    return objects.map((object) =>
      object.apiVersion === desiredAPIVersion ? object : withOwn(object, converted[next++]!),
    );
  };
}

interface Asked {
  readonly uid: string;
  readonly apiVersion: string;
  readonly waiting: readonly KubeObject[];
  readonly desiredAPIVersion: string;
}

function judged(
  answer: Review | undefined,
  { uid, apiVersion, waiting, desiredAPIVersion }: Asked,
  failed: (why: string) => StatusError,
): readonly KubeObject[] {
  const response = answer?.response;
  if (!response) throw failed("invalid response: no response provided");
  if (answer.apiVersion !== apiVersion || answer.kind !== "ConversionReview") {
    const given = `${answer.apiVersion ?? ""}, Kind=${answer.kind ?? ""}`;
    throw failed(`expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${given}`);
  }
  if (apiVersion.endsWith("/v1") && response.uid !== uid) {
    throw failed(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  }
  if (response.result?.status !== "Success") throw failed(response.result?.message || "<no message>");
  const converted = response.convertedObjects ?? [];
  if (converted.length !== waiting.length) {
    throw failed(`webhook returned ${converted.length} objects, expected ${waiting.length}`);
  }
  converted.forEach((object, index) => {
    const before = waiting[index]!;
    const said = `invalid converted object at index ${index}: invalid`;
    if (object.apiVersion !== desiredAPIVersion) {
      throw failed(`${said} groupVersion: expected ${desiredAPIVersion}, got ${object.apiVersion}`);
    }
    if (object.kind !== before.kind) throw failed(`${said} kind: expected ${before.kind}, got ${object.kind}`);
    for (const member of ["name", "namespace", "uid"] as const) {
      if ((object.metadata?.[member] ?? "") === (before.metadata[member] ?? "")) continue;
      throw failed(`invalid metadata of object at index ${index}: ${member} must not be changed`);
    }
  });
  return converted;
}

// Labels and annotations are all that a conversion may change in the metadata.
function withOwn(before: KubeObject, converted: KubeObject): KubeObject {
  const { labels, annotations } = converted.metadata;
  const { labels: oldLabels, annotations: oldAnnotations, ...rest } = before.metadata;
  if (isEqual(labels, oldLabels) && isEqual(annotations, oldAnnotations)) {
    return { ...converted, metadata: before.metadata };
  }
  const metadata: ObjectMeta = { ...rest, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  return { ...converted, metadata: metadata as KubeObject["metadata"] };
}
