import { Pod } from "../../api/core/pod.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { systemRoles } from "../bootstrap/system-roles.ts";
import { type AuthorizationRequest, type Authorizer, type Decision, noOpinion } from "./authorizer.ts";
import { referencesOf } from "./pod-references.ts";
import { ruleAllows } from "./policy-rules.ts";

const nodePrefix = "system:node:";
const nodeGroup = "system:nodes";
const readVerbs = new Set(["get", "list", "watch"]);

/** What a node may only see when one of its pods uses it. */
const byReference = new Set(["secrets", "configmaps", "persistentvolumeclaims"]);

/** Lets a node's agent do its work, and see no more than the pods on its node need. */
export class NodeAuthorizer implements Authorizer {
  readonly #registry: Registry;
  readonly #podsByNode = new Map<string, Map<string, Pod>>();
  #following: Disposable | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async start(): Promise<void> {
    const { cache, resource } = this.#registry.of(Pod);
    await cache.start();
    this.#following = cache.subscribe({}, ({ type, held, previous }) => {
      if (previous) this.#remove(held.key, previous.object as AnyObject as unknown as Pod);
      if (type !== "DELETED") this.#add(held.key, held.object as AnyObject as unknown as Pod);
    });
    for (const held of cache.range(resource.range)) this.#add(held.key, held.object as AnyObject as unknown as Pod);
  }

  decide(request: AuthorizationRequest): Decision {
    const { user, isResource, resource, verb, group, namespace, name, subresource } = request;
    if (!user.name.startsWith(nodePrefix) || !user.groups.includes(nodeGroup)) return noOpinion;
    const node = user.name.slice(nodePrefix.length);
    if (isResource && group === "") {
      if (byReference.has(resource) && subresource === "") {
        if (!readVerbs.has(verb)) return refused("can only read resources of this type");
        if (namespace === "" || name === "") return refused("can only read namespaced object of this type");
        return this.#uses(node, namespace, `${resource}/${name}`) ? allowed : refused(unrelated(node));
      }
      if (resource === "serviceaccounts" && subresource === "token") {
        if (verb !== "create") return refused("can only create tokens for individual service accounts");
        return this.#uses(node, namespace, `serviceaccounts/${name}`) ? allowed : refused(unrelated(node));
      }
    }
    if (isResource && group === "coordination.k8s.io" && resource === "leases") {
      const own = namespace === "kube-node-lease" && (name === node || (verb === "create" && name === ""));
      return own ? allowed : refused("can only access node lease with the same name as the requesting node");
    }
    const rules = systemRoles["system:node"] ?? [];
    return rules.some((rule) => ruleAllows(rule, request)) ? allowed : noOpinion;
  }

  #uses(node: string, namespace: string, reference: string): boolean {
    for (const pod of this.#podsByNode.get(node)?.values() ?? []) {
      if (pod.metadata.namespace === namespace && referencesOf(pod).has(reference)) return true;
    }
    return false;
  }

  #add(key: string, pod: Pod): void {
    const node = pod.spec?.nodeName;
    if (!node) return;
    const pods = this.#podsByNode.get(node) ?? new Map<string, Pod>();
    this.#podsByNode.set(node, pods.set(key, pod));
  }

  #remove(key: string, pod: Pod): void {
    const node = pod.spec?.nodeName ?? "";
    const pods = this.#podsByNode.get(node);
    pods?.delete(key);
    if (pods?.size === 0) this.#podsByNode.delete(node);
  }

  [Symbol.dispose](): void {
    this.#following?.[Symbol.dispose]();
  }
}

const allowed: Decision = { allowed: true, reason: "" };
const unrelated = (node: string) => `no relationship found between node '${node}' and this object`;
const refused = (reason: string): Decision => ({ allowed: false, reason });
