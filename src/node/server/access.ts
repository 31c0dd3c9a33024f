import type { TokenReview } from "../../api/generated/authentication-v1.ts";
import type { SubjectAccessReview } from "../../api/generated/authorization-v1.ts";
import type { Client } from "../../client/client.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KindRef } from "../../machinery/object.ts";
import type { HttpPeer } from "../../wire/http-server.ts";

export interface NodeUser {
  readonly name: string;
  readonly groups: readonly string[];
}

const tokenReviews: KindRef<TokenReview> = {
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenReview",
  plural: "tokenreviews",
  namespaced: false,
};
const accessReviews: KindRef<SubjectAccessReview> = {
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SubjectAccessReview",
  plural: "subjectaccessreviews",
  namespaced: false,
};

/** How long an answer of the API server is believed (as upstream's webhook caches). */
const rememberAllowed = 300_000;
const rememberDenied = 30_000;

/** Decides who may call the node: by client certificate or token, and the API server's word. */
export class NodeAccess {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly allowed: boolean; readonly until: number }>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Who is calling; undefined for nobody that is known. */
  async authenticate(peer: HttpPeer, authorization: string | undefined): Promise<NodeUser | undefined> {
    const subject = peer.certificate?.subject;
    if (subject?.CN) {
      const organizations: unknown = subject.O;
      return {
        name: String(subject.CN),
        groups: (Array.isArray(organizations) ? organizations : [organizations]).filter(
          (group) => typeof group === "string",
        ),
      };
    }
    const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
    if (!token) return undefined;
    const review = await this.#client.create(tokenReviews, { metadata: {}, spec: { token } });
    const user = review.status?.user;
    return review.status?.authenticated && user?.username
      ? { name: user.username, groups: user.groups ?? [] }
      : undefined;
  }

  /** Whether a user may do it: the path decides about the subresource of `nodes` (stats, metrics, logs, proxy). */
  async authorize(user: NodeUser, nodeName: string, method: string, path: string): Promise<boolean> {
    const verb =
      { GET: "get", HEAD: "get", POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" }[method] ?? "";
    const subresources = subresourcesOf(path);
    for (const subresource of subresources) if (await this.#allowed(user, nodeName, verb, subresource)) return true;
    return false;
  }

  async #allowed(user: NodeUser, nodeName: string, verb: string, subresource: string): Promise<boolean> {
    const key = JSON.stringify([user.name, user.groups, verb, subresource]);
    const now = this.#clock.monotonic();
    const known = this.#known.get(key);
    if (known && known.until > now) return known.allowed;
    const review = await this.#client.create(accessReviews, {
      metadata: {},
      spec: {
        user: user.name,
        groups: user.groups,
        resourceAttributes: { verb, group: "", version: "v1", resource: "nodes", subresource, name: nodeName },
      },
    });
    const allowed = review.status?.allowed === true;
    if (this.#known.size > 1000) this.#known.clear();
    this.#known.set(key, { allowed, until: now + (allowed ? rememberAllowed : rememberDenied) });
    return allowed;
  }
}

/** Any of which is enough. */
function subresourcesOf(path: string): readonly string[] {
  if (path.startsWith("/stats")) return ["stats"];
  if (path.startsWith("/metrics")) return ["metrics"];
  if (path.startsWith("/logs")) return ["log"];
  if (path.startsWith("/healthz")) return ["healthz", "proxy"];
  if (path.startsWith("/pods") || path.startsWith("/runningpods")) return ["pods", "proxy"];
  if (path.startsWith("/configz")) return ["configz", "proxy"];
  return ["proxy"];
}
