import type { FieldRequirement } from "../../machinery/field-selector.ts";
import type { LabelRequirement } from "../../machinery/labels.ts";
import { forbidden, StatusError } from "../../machinery/status-error.ts";
import type { UserInfo } from "../exchange.ts";

/** May this user do this? */
export interface AuthorizationRequest {
  readonly user: UserInfo;
  readonly isResource: boolean;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** For requests that are about no resource. */
  readonly path: string;
  /** What a list, watch or deletion of many is narrowed to; absent when the selector makes no sense. */
  readonly selectors?: RequestSelectors;
}

export interface RequestSelectors {
  readonly fields: readonly FieldRequirement[];
  readonly labels: readonly LabelRequirement[];
}

export interface Decision {
  readonly allowed: boolean;
  /** A refusal that nobody after may overrule. */
  readonly denied?: boolean;
  readonly reason: string;
}

/** One opinion about requests. */
export interface Authorizer {
  decide(request: AuthorizationRequest): Decision | Promise<Decision>;
  /** Why this authorizer cannot say what all a user may do; undefined when its rules tell. */
  unresolved?(user: UserInfo): string | undefined;
}

export const noOpinion: Decision = { allowed: false, reason: "" };

/** Members of this group may do everything, whatever any rule says. */
const superusers = "system:masters";
/** What everybody may read, so that a load balancer needs no credentials. */
const openPaths = new Set(["/healthz", "/livez", "/readyz", "/healthz/", "/livez/", "/readyz/"]);

/** Asks several authorizers; the first that allows or denies decides. */
export class AuthorizerChain {
  #authorizers: readonly Authorizer[];

  constructor(authorizers: readonly Authorizer[]) {
    this.#authorizers = authorizers;
  }

  /** Asks these from now on; a request that is being decided stays with those before. */
  use(authorizers: readonly Authorizer[]): void {
    this.#authorizers = authorizers;
  }

  decide(request: AuthorizationRequest): Decision | Promise<Decision> {
    if (request.user.groups.includes(superusers)) return { allowed: true, reason: "" };
    if (!request.isResource && request.verb === "get" && openPaths.has(request.path))
      return { allowed: true, reason: "" };
    return askFrom(this.#authorizers, 0, request, []);
  }

  /** Why no list of what a user may do is complete; empty when one is. */
  unresolved(user: UserInfo): readonly string[] {
    return this.#authorizers.flatMap((authorizer) => authorizer.unresolved?.(user) ?? []);
  }
}

type Chain = readonly Authorizer[];
type Reasons = readonly string[];

// Without a remote authorizer nothing is awaited: most requests are decided in the same turn.
function askFrom(
  chain: Chain,
  index: number,
  request: AuthorizationRequest,
  reasons: Reasons,
): Decision | Promise<Decision> {
  const authorizer = chain[index];
  if (!authorizer) return { allowed: false, reason: reasons.join("\n") };
  const after = (decision: Decision): Decision | Promise<Decision> => {
    if (decision.allowed || decision.denied) return decision;
    return askFrom(chain, index + 1, request, decision.reason ? [...reasons, decision.reason] : reasons);
  };
  const decision = authorizer.decide(request);
  return decision instanceof Promise ? decision.then(after) : after(decision);
}

/** The refusal in upstream's words. */
export function refusal(request: AuthorizationRequest, reason: string): StatusError {
  const why = reason ? `${sentence(request)}: ${reason}` : sentence(request);
  if (!request.isResource) return new StatusError("Forbidden", `forbidden: ${why}`, { details: {} });
  return forbidden({ group: request.group, plural: request.resource }, request.name, why);
}

function sentence({
  user,
  verb,
  resource,
  subresource,
  group,
  namespace,
  isResource,
  path,
}: AuthorizationRequest): string {
  const who = `User ${JSON.stringify(user.name)}`;
  if (!isResource) return `${who} cannot ${verb} path ${JSON.stringify(path)}`;
  const what = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : "at the cluster scope";
  return `${who} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}`;
}
