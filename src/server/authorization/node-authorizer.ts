import type { Registry } from "../../registry/registry.ts";
import { systemRoles } from "../bootstrap/system-roles.ts";
import type { UserInfo } from "../exchange.ts";
import { type AuthorizationRequest, type Authorizer, type Decision, noOpinion } from "./authorizer.ts";
import { NodeGraph } from "./node-graph.ts";
import { ruleAllows } from "./policy-rules.ts";

const nodePrefix = "system:node:";
const nodeGroup = "system:nodes";
const reads = ["get", "list", "watch"];
const ownWrites = ["get", "create", "update", "patch", "delete"];

/** The node that a user is the agent of; undefined for everybody else. */
export function nodeOf({ name, groups }: UserInfo): string | undefined {
  return name.startsWith(nodePrefix) && groups.includes(nodeGroup) ? name.slice(nodePrefix.length) : undefined;
}

/**
 * Lets a node's agent do its work, and see no more than the pods on its node need (upstream's node authorization).
 * Whose objects it may write is admission's to say: NodeRestriction.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #graph: NodeGraph;

  constructor(registry: Registry) {
    this.#graph = new NodeGraph(registry);
  }

  start(): Promise<void> {
    return this.#graph.start();
  }

  decide(request: AuthorizationRequest): Decision {
    const node = nodeOf(request.user);
    if (node === undefined) return noOpinion;
    if (node === "") return refused(`unknown node for user ${JSON.stringify(request.user.name)}`);
    const special = request.isResource ? this.#special(node, request) : undefined;
    if (special) return special;
    const rules = systemRoles["system:node"] ?? [];
    return rules.some((rule) => ruleAllows(rule, request)) ? allowed : noOpinion;
  }

  unresolved(user: UserInfo): string | undefined {
    return nodeOf(user) === undefined ? undefined : "node authorizer does not support user rule resolution";
  }

  /** The decision on resources that are not all alike to a node. */
  #special(node: string, request: AuthorizationRequest): Decision | undefined {
    const graph = this.#graph;
    const { namespace, name, subresource } = request;
    const uses = (plural: string) => graph.uses(node, namespace, `${plural}/${name}`);
    switch (`${request.group}/${request.resource}`) {
      case "/secrets":
        return readOnly(node, request, () => uses("secrets") || graph.volumeNeeds(node, namespace, name));
      case "/configmaps":
        return readOnly(node, request, () => uses("configmaps"));
      case "/persistentvolumeclaims":
        return subresource === "status"
          ? statusOnly(node, request, () => uses("persistentvolumeclaims"))
          : getOnly(node, request, () => uses("persistentvolumeclaims"));
      case "/persistentvolumes":
        return getOnly(node, request, () => graph.mounts(node, name));
      case "/serviceaccounts":
        return subresource === "" && request.verb === "get"
          ? getOnly(node, request, () => uses("serviceaccounts"))
          : tokenOnly(node, request, () => uses("serviceaccounts"));
      case "/nodes":
        return ownNode(node, request);
      case "/pods":
        return ownPods(node, request, () => graph.runs(node, namespace, name));
      case "certificates.k8s.io/clustertrustbundles": // for the volumes of pods, who of all pods may read them
        return reads.includes(request.verb) ? allowed : undefined;
      case "coordination.k8s.io/leases":
        return ownLease(node, request);
      case "storage.k8s.io/csinodes":
        return ownStorageNode(node, request);
      case "storage.k8s.io/volumeattachments":
        return getOnly(node, request, () => graph.attaches(node, name));
      case "resource.k8s.io/resourceclaims":
        return getOnly(node, request, () => uses("resourceclaims"));
      case "resource.k8s.io/resourceslices":
        return ownSlices(node, request, () => graph.publishes(node, name));
      default:
        return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#graph[Symbol.dispose]();
  }
}

const allowed: Decision = { allowed: true, reason: "" };
const refused = (reason: string): Decision => ({ allowed: false, reason });

function related(node: string, { name }: AuthorizationRequest, isRelated: () => boolean): Decision {
  if (name === "") return refused("No Object name found");
  return isRelated() ? allowed : refused(`no relationship found between node '${node}' and this object`);
}

function readOnly(node: string, request: AuthorizationRequest, isRelated: () => boolean): Decision {
  if (!reads.includes(request.verb)) return refused("can only read resources of this type");
  if (request.subresource !== "") return refused("cannot read subresource");
  if (request.namespace === "") return refused("can only read namespaced object of this type");
  return related(node, request, isRelated);
}

function getOnly(node: string, request: AuthorizationRequest, isRelated: () => boolean): Decision {
  if (request.verb !== "get") return refused("can only get individual resources of this type");
  if (request.subresource !== "") return refused("cannot get subresource");
  return related(node, request, isRelated);
}

function statusOnly(node: string, request: AuthorizationRequest, isRelated: () => boolean): Decision {
  const { verb } = request;
  if (verb !== "update" && verb !== "patch") return refused("can only get/update/patch this type");
  return related(node, request, isRelated);
}

function tokenOnly(node: string, request: AuthorizationRequest, isRelated: () => boolean): Decision {
  const { verb, name, subresource } = request;
  if (verb !== "create" || name === "") return refused("can only create tokens for individual service accounts");
  if (subresource !== "token") return refused("can only create token subresource of serviceaccount");
  return related(node, request, isRelated);
}

function ownNode(node: string, { verb, subresource, name }: AuthorizationRequest): Decision {
  const writes =
    subresource === "" ? ["create", "update", "patch"] : subresource === "status" ? ["update", "patch"] : [];
  if (writes.includes(verb)) return allowed;
  if (subresource !== "" || !reads.includes(verb)) return noOpinion;
  if (name === node) return allowed;
  const others = name === "" ? "all nodes" : `'${name}'`;
  return refused(`node '${node}' cannot read ${others}, only its own Node object`);
}

function ownPods(node: string, request: AuthorizationRequest, runsHere: () => boolean): Decision {
  const { verb, subresource, name } = request;
  if (subresource === "status") return verb === "update" || verb === "patch" ? allowed : noOpinion;
  if (subresource === "eviction") return verb === "create" ? allowed : noOpinion;
  if (subresource !== "") return noOpinion;
  switch (verb) {
    case "get":
      return getOnly(node, request, runsHere);
    case "list":
    case "watch":
      if (narrowedTo(request, "spec.nodeName", node)) return allowed;
      if (name !== "") return related(node, request, runsHere);
      return refused("can only list/watch pods with spec.nodeName field selector");
    case "create":
    case "delete":
      return allowed;
    default:
      return noOpinion;
  }
}

function narrowedTo({ selectors }: AuthorizationRequest, field: string, value: string): boolean {
  return selectors?.fields.some((one) => one.field === field && one.equal && one.value === value) ?? false;
}

function ownLease(node: string, { verb, namespace, name }: AuthorizationRequest): Decision {
  if (!ownWrites.includes(verb)) return refused("can only get, create, update, patch, or delete a node lease");
  if (namespace !== "kube-node-lease") {
    return refused('can only access leases in the "kube-node-lease" system namespace');
  }
  // Of a create the name is not known yet.
  if (verb === "create" || name === node) return allowed;
  return refused("can only access node lease with the same name as the requesting node");
}

function ownStorageNode(node: string, { verb, subresource, name }: AuthorizationRequest): Decision {
  if (!ownWrites.includes(verb)) return refused("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return refused("cannot authorize CSINode subresources");
  if (verb === "create" || name === node) return allowed;
  return refused("can only access CSINode with the same name as the requesting node");
}

function ownSlices(node: string, request: AuthorizationRequest, isOwn: () => boolean): Decision {
  if (request.subresource !== "") return refused("cannot authorize ResourceSlice subresources");
  switch (request.verb) {
    case "create":
      return allowed;
    case "get":
    case "update":
    case "patch":
    case "delete":
      return related(node, request, isOwn);
    case "list":
    case "watch":
    case "deletecollection":
      if (narrowedTo(request, "spec.nodeName", node)) return allowed;
      return refused("can only list/watch/deletecollection resourceslices with nodeName field selector");
    default:
      return refused(
        "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
      );
  }
}
