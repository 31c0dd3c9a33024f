import type { CertificateSigningRequest } from "../../api/certificates/certificate-signing-request.ts";
import { Node } from "../../api/core/node.ts";
import type { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import type { ResourceSlice } from "../../api/resource/resource-slice.ts";
import { errorMessage } from "../../lib/fault.ts";
import { parseCertificateRequest, requestText } from "../../machinery/certificate-request.ts";
import { isEqual } from "../../machinery/equality.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import { nodeOf } from "../authorization/node-authorizer.ts";
import { referencesOf } from "../authorization/pod-references.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { forbiddenNodeLabels } from "./node-labels.ts";
import { nodeTokenCheck } from "./node-tokens.ts";

/** One node's write: what it wants, what was there, and how to refuse it. */
export interface NodeWrite {
  readonly node: string;
  readonly object: AnyObject | undefined;
  readonly previous: AnyObject | undefined;
  readonly request: AdmissionRequest;
  refuse(why: string): never;
}

type Check = (write: NodeWrite) => void | Promise<void>;

const quote = JSON.stringify;
const as = <T>(object: AnyObject | undefined) => object as AnyObject as unknown as T;

/** A node writes its own Node, lease and the pods that it runs, and nothing of them that would draw work or secrets to it. */
export function nodeRestriction(registry: Registry, authorizer: AuthorizerChain): AdmissionPlugin {
  const nodes = registry.of(Node);
  const known = (name: string) => objectOf<Node>(nodes.cache.get(nodes.resource.key("", name)));
  const checks: Readonly<Record<string, Check>> = {
    "/nodes": checkNode,
    "/nodes/status": checkNode,
    "/pods": (write) => checkPod(write, known(write.node)),
    "/pods/status": checkPodStatus,
    "/pods/eviction": checkEviction(registry),
    "/persistentvolumeclaims/status": checkClaimStatus,
    "/serviceaccounts/token": nodeTokenCheck(registry, authorizer),
    "coordination.k8s.io/leases": ownNameOnly("lease"),
    "storage.k8s.io/csinodes": ownNameOnly("CSINode"),
    "resource.k8s.io/resourceslices": checkSlice,
    "certificates.k8s.io/certificatesigningrequests": checkCertificateRequest,
  };
  const keyOf = ({ group, resource, subresource }: AdmissionRequest) =>
    `${group}/${resource}${subresource ? `/${subresource}` : ""}`;
  return {
    name: "NodeRestriction",
    handles: (request) => Object.hasOwn(checks, keyOf(request)),
    validate(object, previous, request) {
      const node = nodeOf(request.user);
      if (node === undefined) return;
      const name = request.name || object?.metadata.name || "";
      const refuse = (why: string): never => {
        throw forbidden({ group: request.group, plural: request.resource }, name, why);
      };
      if (node === "") refuse(`could not determine node from user ${quote(request.user.name)}`);
      return checks[keyOf(request)]?.({ node, object, previous, request, refuse });
    },
  };
}

function checkNode({ node, object, previous, request, refuse }: NodeWrite): void {
  const name = request.name || object?.metadata.name || "";
  if (name !== node) refuse(`node ${quote(node)} is not allowed to modify node ${quote(name)}`);
  if (!object) return;
  const [next, before] = [as<Node>(object), previous && as<Node>(previous)];
  const labels = forbiddenNodeLabels(next.metadata.labels, before?.metadata.labels).join(", ");
  if (!before) {
    if (next.spec?.configSource)
      refuse(`node ${quote(node)} is not allowed to create pods with a non-nil configSource`);
    if (labels) refuse(`is not allowed to set the following labels: ${labels}`);
    return;
  }
  if (next.spec?.configSource && !isEqual(next.spec.configSource, before.spec?.configSource)) {
    refuse(`node ${quote(node)} is not allowed to update configSource to a new non-nil configSource`);
  }
  if (!isEqual(next.spec?.taints ?? [], before.spec?.taints ?? [])) {
    refuse(`node ${quote(node)} is not allowed to modify taints`);
  }
  if (!isEqual(next.metadata.ownerReferences ?? [], before.metadata.ownerReferences ?? [])) {
    refuse(`node ${quote(node)} is not allowed to modify ownerReferences`);
  }
  if (labels) refuse(`is not allowed to modify labels: ${labels}`);
}

const mirror = "kubernetes.io/config.mirror";

function checkPod({ node, object, previous, request, refuse }: NodeWrite, known: Node | undefined): void {
  if (request.operation === "DELETE") {
    if (as<Pod>(previous).spec?.nodeName !== node) {
      refuse(`node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
    }
    return;
  }
  if (request.operation !== "CREATE" || !object) refuse(`unexpected operation ${quote(request.operation)}`);
  const { metadata, spec } = as<Pod>(object);
  if (!metadata.annotations?.[mirror]) {
    refuse(`pod does not have ${quote(mirror)} annotation, node ${quote(node)} can only create mirror pods`);
  }
  if (spec?.nodeName !== node) refuse(`node ${quote(node)} can only create pods with spec.nodeName set to itself`);
  checkOwner(node, metadata, known, refuse);
  if (spec.serviceAccountName) refuse(`node ${quote(node)} can not create pods that reference a service account`);
  const { [mirror]: _mirror, ...annotations } = metadata.annotations ?? {};
  const references = [...referencesOf({ ...as<Pod>(object), metadata: { ...metadata, annotations } })];
  for (const plural of ["secrets", "configmaps", "persistentvolumeclaims", "resourceclaims"]) {
    if (references.some((reference) => reference.startsWith(`${plural}/`))) {
      refuse(`node ${quote(node)} can not create pods that reference ${plural}`);
    }
  }
  if (spec.resourceClaims?.length) refuse(`node ${quote(node)} can not create pods that reference resourceclaims`);
  if (spec.volumes?.some(({ projected }) => projected?.sources?.some((source) => source.clusterTrustBundle))) {
    refuse(`node ${quote(node)} can not create pods that reference clustertrustbundles`);
  }
}

function checkOwner(
  node: string,
  { ownerReferences = [] }: Pod["metadata"],
  known: Node | undefined,
  refuse: NodeWrite["refuse"],
): void {
  const [owner, ...others] = ownerReferences;
  if (!owner) refuse(`node ${quote(node)} can only create pods with an owner reference set to itself`);
  if (others.length > 0) {
    refuse(`node ${quote(node)} can only create pods with a single owner reference set to itself`);
  }
  const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = owner;
  if (apiVersion !== "v1" || kind !== "Node" || name !== node) {
    refuse(`node ${quote(node)} can only create pods with an owner reference set to itself`);
  }
  if (!controller) refuse(`node ${quote(node)} can only create pods with a controller owner reference set to itself`);
  if (blockOwnerDeletion) refuse(`node ${quote(node)} must not set blockOwnerDeletion on an owner reference`);
  if (uid !== known?.metadata.uid) {
    refuse(`node ${node} UID mismatch: expected ${known?.metadata.uid ?? ""} got ${uid}`);
  }
}

function checkPodStatus({ node, object, previous, request, refuse }: NodeWrite): void {
  if (request.operation !== "UPDATE" || !object) refuse(`unexpected operation ${quote(request.operation)}`);
  const [next, before] = [as<Pod>(object), as<Pod>(previous)];
  if (before.spec?.nodeName !== node) {
    refuse(`node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!isEqual(next.metadata.labels ?? {}, before.metadata.labels ?? {})) {
    refuse(`node ${quote(node)} cannot update labels through pod status`);
  }
  if (!isEqual(next.status?.resourceClaimStatuses ?? [], before.status?.resourceClaimStatuses ?? [])) {
    refuse(`node ${quote(node)} cannot update resource claim statuses`);
  }
  if (!isEqual(next.status?.extendedResourceClaimStatus, before.status?.extendedResourceClaimStatus)) {
    refuse(`node ${quote(node)} cannot update extended resource claim status`);
  }
}

// An eviction is made, not changed: which pod it is about its address says.
function checkEviction(registry: Registry): Check {
  const { cache, resource } = registry.of(Pod);
  return async ({ node, request, refuse }) => {
    await cache.start();
    const pod = objectOf<Pod>(cache.get(resource.key(request.namespace, request.name)));
    if (pod?.spec?.nodeName !== node) {
      refuse(`node ${node} can only evict pods with spec.nodeName set to itself`);
    }
  };
}

function checkClaimStatus({ node, object, previous, refuse }: NodeWrite): void {
  const strip = (claim: PersistentVolumeClaim) => {
    const { resourceVersion: _version, managedFields: _fields, ...metadata } = claim.metadata;
    const {
      capacity: _a,
      conditions: _b,
      allocatedResources: _c,
      allocatedResourceStatuses: _d,
      ...status
    } = claim.status ?? {};
    return { ...claim, metadata, status };
  };
  if (isEqual(strip(as(object)), strip(as(previous)))) return;
  refuse(`node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`);
}

function ownNameOnly(what: "lease" | "CSINode"): Check {
  return ({ node, object, request, refuse }) => {
    if ((request.name || object?.metadata.name) === node) return;
    const named = what === "lease" ? "node lease" : what;
    refuse(`can only access ${named} with the same name as the requesting node`);
  };
}

function checkSlice({ node, object, previous, request, refuse }: NodeWrite): void {
  const slice = as<ResourceSlice>(request.operation === "DELETE" ? previous : object);
  if (!slice || slice.spec?.nodeName === node) return;
  const verb = { CREATE: "create", UPDATE: "update", DELETE: "delete", CONNECT: "connect" }[request.operation];
  refuse(`can only ${verb} ResourceSlice with the same NodeName as the requesting node`);
}

const nodeSigners = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

function checkCertificateRequest({ object, request, refuse }: NodeWrite): void {
  if (request.operation !== "CREATE" || !object) return;
  const { signerName, request: encoded } = as<CertificateSigningRequest>(object).spec;
  if (!nodeSigners.includes(signerName ?? "")) return;
  let asked = "";
  try {
    asked = parseCertificateRequest(requestText(encoded)).commonName;
  } catch (error) {
    refuse(`unable to parse csr: ${errorMessage(error)}`);
  }
  if (asked !== request.user.name) refuse(`can only create a node CSR with CN=${request.user.name}`);
}
