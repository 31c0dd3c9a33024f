import { type CelProgram, compileCel } from "../../expr/cel/cel.ts";
import { dyn } from "../../expr/cel/cel-type.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { AnswerCache } from "../answer-cache.ts";
import type { UserInfo } from "../exchange.ts";
import type { RemoteEndpoint } from "../webhooks/endpoint.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import { type AuthorizationRequest, type Authorizer, type Decision, noOpinion } from "./authorizer.ts";

/** A server that is asked about access, as `webhook` of an AuthorizationConfiguration describes it. Times are in ms. */
export interface AuthorizationWebhook {
  readonly name: string;
  readonly endpoint: RemoteEndpoint;
  readonly version: "v1" | "v1beta1";
  readonly timeout: number;
  /** How long a yes is remembered; 0 is not at all. */
  readonly authorizedTtl: number;
  readonly unauthorizedTtl: number;
  /** What an answer that does not come means. */
  readonly failurePolicy: "NoOpinion" | "Deny";
  /** CEL over `request`, the review's spec; all must hold for the server to be asked. */
  readonly matchConditions: readonly string[];
}

interface ReviewAnswer {
  readonly status?: { readonly allowed?: boolean; readonly denied?: boolean; readonly reason?: string };
}

const costLimit = 1_000_000;
const userAgent = "kube-apiserver";

/** Asks another server whether a user may do something, by a SubjectAccessReview. */
export class WebhookAuthorizer implements Authorizer {
  readonly #webhook: AuthorizationWebhook;
  readonly #caller: WebhookCaller;
  readonly #log: Log;
  readonly #conditions: readonly CelProgram[];
  readonly #cache: AnswerCache<Decision>;

  /** Throws Fault `invalid` for a condition that does not compile. */
  constructor(
    webhook: AuthorizationWebhook,
    { caller, clock, log }: { caller: WebhookCaller; clock: Clock; log: Log },
  ) {
    this.#webhook = webhook;
    this.#caller = caller;
    this.#log = log;
    this.#conditions = webhook.matchConditions.map((source, index) => condition(source, webhook.name, index));
    this.#cache = new AnswerCache({ clock, size: 8192 });
  }

  decide(request: AuthorizationRequest): Decision | Promise<Decision> {
    const spec = reviewSpec(request);
    const skipped = this.#skip(spec);
    if (skipped) return skipped;
    const { authorizedTtl, unauthorizedTtl } = this.#webhook;
    const asked = this.#cache.get(
      JSON.stringify(spec),
      () => this.#ask(spec),
      ({ allowed }) => (allowed ? authorizedTtl : unauthorizedTtl),
    );
    return asked.catch((error: unknown) => this.#failed(errorMessage(error)));
  }

  unresolved(_user: UserInfo): string {
    return "webhook authorizer does not support user rule resolution";
  }

  /** The decision without asking; undefined when the server is to be asked. */
  #skip(spec: object): Decision | undefined {
    let fault: string | undefined;
    for (const program of this.#conditions) {
      const result = program.evaluate({ request: spec }, { costLimit });
      if (result.ok && result.value === false) return noOpinion;
      if (!result.ok) fault ??= result.error;
    }
    return fault === undefined ? undefined : this.#failed(`match conditions: ${fault}`);
  }

  async #ask(spec: object): Promise<Decision> {
    const { endpoint, version, timeout } = this.#webhook;
    const apiVersion = `authorization.k8s.io/${version}`;
    const { groups, ...rest } = spec as { readonly groups?: readonly string[] };
    const sent = version === "v1" ? spec : { ...rest, ...(groups ? { group: groups } : {}) };
    const review = { kind: "SubjectAccessReview", apiVersion, metadata: {}, spec: sent, status: { allowed: false } };
    const answer = (await this.#caller.post(endpoint, review, { timeout, userAgent })) as ReviewAnswer | undefined;
    const { allowed = false, denied = false, reason = "" } = answer?.status ?? {};
    if (allowed && denied) {
      throw new Fault("invalid", `webhook subject access review returned both allow and deny response`);
    }
    return { allowed, ...(denied ? { denied } : {}), reason };
  }

  #failed(why: string): Decision {
    const { name, failurePolicy } = this.#webhook;
    this.#log.warn(`the authorization webhook ${name} did not decide: ${why}`);
    return failurePolicy === "Deny" ? { allowed: false, denied: true, reason: why } : { allowed: false, reason: why };
  }
}

function condition(source: string, name: string, index: number): CelProgram {
  const compiled = compileCel(source, { variables: { request: dyn } });
  const place = `authorizer ${name}: matchConditions[${index}].expression`;
  if (!compiled.ok) {
    throw new Fault(
      "invalid",
      `${place}: compilation failed: ${compiled.errors.map(({ display }) => display).join("\n")}`,
    );
  }
  const { kind } = compiled.program.outputType;
  if (kind !== "bool" && kind !== "dyn") throw new Fault("invalid", `${place}: must evaluate to bool`);
  return compiled.program;
}

const operators = {
  in: "In",
  notin: "NotIn",
  "=": "In",
  "==": "In",
  "!=": "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
};

/** A request as the spec of a SubjectAccessReview. */
export function reviewSpec(request: AuthorizationRequest): object {
  const { user, isResource, verb, group, version, resource, subresource, namespace, name, path, selectors } = request;
  const who = {
    user: user.name,
    ...(user.groups.length > 0 ? { groups: user.groups } : {}),
    ...(user.uid ? { uid: user.uid } : {}),
    ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
  };
  if (!isResource) return { nonResourceAttributes: { path, verb }, ...who };
  const about = { namespace, verb, group, version, resource, subresource, name };
  const fields = (selectors?.fields ?? []).map(({ field, equal, value }) => ({
    key: field,
    operator: equal ? "In" : "NotIn",
    values: [value],
  }));
  const labels = (selectors?.labels ?? []).flatMap(({ key, operator, values }) =>
    operator === "gt" || operator === "lt" ? [] : [{ key, operator: operators[operator], values }],
  );
  return {
    resourceAttributes: {
      ...Object.fromEntries(Object.entries(about).filter(([, value]) => value !== "")),
      ...(fields.length > 0 ? { fieldSelector: { requirements: fields } } : {}),
      ...(labels.length > 0 ? { labelSelector: { requirements: labels } } : {}),
    },
    ...who,
  };
}
