import type { Pod } from "../api/core/pod.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Collection } from "../registry/collection.ts";
import type { Registry } from "../registry/registry.ts";
import type { Served } from "../registry/resource.ts";
import type { AdmissionChain } from "./admission/admission.ts";
import type { Authenticator } from "./authentication/authenticator.ts";
import type { ServiceAccountTokens } from "./authentication/service-account-tokens.ts";
import type { AuthorizerChain } from "./authorization/authorizer.ts";
import type { RbacAuthorizer } from "./authorization/rbac.ts";
import type { MediaType } from "./bodies/media-type.ts";
import type { ServerRequest, UserInfo } from "./exchange.ts";
import type { ResourceRequest } from "./request-info.ts";
import type { ComputedKind } from "./resources/computed.ts";
import type { NodeDialer } from "./subresources/node-dialer.ts";

/** What every handler can reach. */
export interface Services {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly authenticator: Authenticator;
  readonly accounts: ServiceAccountTokens;
  readonly authorizer: AuthorizerChain;
  readonly rbac: RbacAuthorizer;
  readonly admission: AdmissionChain;
  readonly nodes: NodeDialer;
  /** Kinds that are stored nowhere, by `group/plural`. */
  readonly computed: ReadonlyMap<string, ComputedKind>;
  /** Undefined where there is no scheduler to ask. */
  readonly explainPod: ExplainPod | undefined;
}

/** Why a pod is where it is, as JSON; undefined while nobody can tell. */
export type ExplainPod = (pod: Pod) => unknown;

/** One request to a resource, on its way through its handler. */
export interface Call {
  readonly services: Services;
  readonly request: ServerRequest;
  readonly info: ResourceRequest;
  readonly user: UserInfo;
  readonly served: Served;
  readonly collection: Collection;
  readonly media: MediaType;
  /** Texts for `Warning` headers. */
  readonly warnings: string[];
}
