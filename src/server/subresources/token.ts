import { TokenRequest } from "../../api/authentication/token-request.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import { lookupType } from "../../api/type-info.ts";
import { field } from "../../machinery/fields.ts";
import { badRequest, conflict, type FieldError, invalid } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { timestamp } from "../../registry/write.ts";
import type { BoundObject } from "../authentication/service-account-tokens.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";
import { bodyKind } from "./body-kinds.ts";

const usualSeconds = 3600;
const leastSeconds = 600;
const mostSeconds = 2 ** 32;
const requestKind = { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" };

/** POST to a service account's `token`. */
export const tokenHandler: Handler = async (call) => {
  const { services, collection, info, media } = call;
  const { validation, dryRun } = writeParameters(call, "CreateOptions");
  const read = await readObject(call.request, bodyKind(TokenRequest, lookupType), bodyOptions(call, validation));
  checkNames(read, info);
  const admission = services.admission.of(call, "CREATE", { dryRun, body: requestKind });
  const sent = await admission.admit(read, undefined);
  await admission.validate(sent, undefined);
  const account = await collection.get(info.namespace, info.name);
  const { spec } = sent as unknown as TokenRequest;
  const seconds = spec?.expirationSeconds ?? usualSeconds;
  const errors: FieldError[] = [];
  const place = "spec.expirationSeconds";
  if (seconds < leastSeconds)
    errors.push(field.invalid(place, seconds, "may not specify a duration less than 10 minutes"));
  if (seconds > mostSeconds)
    errors.push(field.invalid(place, seconds, "may not specify a duration larger than 2^32 seconds"));
  if (errors.length > 0)
    throw invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, sent.metadata.name ?? "", errors);

  const reference = spec?.boundObjectRef;
  const bound = reference ? await boundObject(call, reference) : undefined;
  const audiences = spec?.audiences?.length ? spec.audiences : services.accounts.audiences;
  const { name, uid } = account.object.metadata;
  const { token, expires } = services.accounts.issue({
    namespace: info.namespace,
    account: { name, uid },
    audiences,
    seconds,
    ...(bound ?? {}),
  });
  const status = { token, expirationTimestamp: timestamp(expires) };
  return valueAnswer(media, 201, {
    ...sent,
    metadata: { ...sent.metadata, creationTimestamp: timestamp(services.clock.now()), name, namespace: info.namespace },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: reference ?? null },
    status,
  });
};

/** A request need not say for whom it is; if it does, that must be the account of the address. */
function checkNames(
  { metadata }: AnyObject,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): void {
  const errors: FieldError[] = [];
  if (metadata.name && metadata.name !== name) {
    errors.push(field.invalid("metadata.name", metadata.name, "must match the service account name if specified"));
  } else if (metadata.namespace && metadata.namespace !== namespace) {
    const why = "must match the service account namespace if specified";
    errors.push(field.invalid("metadata.namespace", metadata.namespace, why));
  }
  if (errors.length > 0) throw invalid(requestKind, name, errors);
}

type Reference = NonNullable<NonNullable<TokenRequest["spec"]>["boundObjectRef"]>;

async function boundObject(
  { services, info }: Call,
  reference: Reference,
): Promise<{ readonly bound: BoundObject; readonly node?: { readonly name: string; readonly uid: string } }> {
  const kinds = { Pod, Secret, Node } as const;
  const { kind = "", name = "", uid } = reference;
  if (!Object.hasOwn(kinds, kind)) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(info.name)} to object of type ${reference.apiVersion ?? ""}, Kind=${kind}`,
    );
  }
  const known = kind as keyof typeof kinds;
  const collection = services.registry.of(kinds[known]);
  const { object } = await collection.get(info.namespace, name);
  if (uid && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(collection.resource.name, name, why);
  }
  const bound: BoundObject = { kind: known, name, uid: object.metadata.uid };
  if (known !== "Pod") return { bound };
  const { spec } = object as AnyObject as unknown as Pod;
  if (spec?.serviceAccountName !== info.name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(info.name)} to pod running with different serviceaccount name.`,
    );
  }
  const node = spec.nodeName ? nodeOf(services, spec.nodeName) : undefined;
  return { bound, ...(node ? { node } : {}) };
}

function nodeOf(
  { registry }: Call["services"],
  name: string,
): { readonly name: string; readonly uid: string } | undefined {
  const { cache, resource } = registry.of(Node);
  const node = cache.get(resource.key(undefined, name));
  return node && { name, uid: node.object.metadata.uid };
}
