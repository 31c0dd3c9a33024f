/** A kind with its group and version; empty means any, or none. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** What tells one object of a build from another. */
export interface ObjectId extends GroupVersionKind {
  readonly name: string;
  readonly namespace: string;
}

/** An object before anything is known of its form. */
export type Members = Readonly<Record<string, unknown>>;

/** True for what is written in braces: neither a list nor null. */
export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A text member, or nothing where there is none. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Splits an `apiVersion`. */
export function groupVersionOf(apiVersion: string): { readonly group: string; readonly version: string } {
  const at = apiVersion.indexOf("/");
  return at < 0
    ? { group: "", version: apiVersion }
    : { group: apiVersion.slice(0, at), version: apiVersion.slice(at + 1) };
}

/** The identity that an object's own fields state. */
export function idOf(object: Members): ObjectId {
  const metadata = isMembers(object.metadata) ? object.metadata : {};
  return {
    ...groupVersionOf(textOf(object.apiVersion)),
    kind: textOf(object.kind),
    name: textOf(metadata.name),
    namespace: textOf(metadata.namespace),
  };
}

/** A kind as messages tell it: `Deployment.v1.apps`. */
export const kindText = ({ group, version, kind }: GroupVersionKind): string =>
  `${kind || "[noKind]"}.${version || "[noVer]"}.${group || "[noGrp]"}`;

/** An identity as messages tell it: `Pod.v1.[noGrp]/web.[noNs]`. */
export const idText = (id: ObjectId): string => `${kindText(id)}/${id.name || "[noName]"}.${id.namespace || "[noNs]"}`;

/** An identity as faults tell it that upstream prints with all its parts. */
export const idParts = (id: ObjectId): string =>
  `resid.ResId{Gvk:resid.Gvk{Group:${JSON.stringify(id.group)}, Version:${JSON.stringify(id.version)}, Kind:${JSON.stringify(id.kind)}, isClusterScoped:${isClusterScoped(id)}}, Name:${JSON.stringify(id.name)}, Namespace:${JSON.stringify(id.namespace)}}`;

/** Whether a kind is among those that a pattern means, whose empty parts mean any. */
export const isSelected = (
  id: GroupVersionKind,
  { group, version, kind }: { readonly group?: string; readonly version?: string; readonly kind?: string },
): boolean => (!group || group === id.group) && (!version || version === id.version) && (!kind || kind === id.kind);

/** The built-in kinds that no namespace holds; of others a build takes that one does. */
const clusterScoped: Readonly<Record<string, readonly string[]>> = {
  "": ["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
  "admissionregistration.k8s.io": ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
  "apiextensions.k8s.io": ["CustomResourceDefinition"],
  "apiregistration.k8s.io": ["APIService"],
  "authentication.k8s.io": ["TokenReview"],
  "authorization.k8s.io": ["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
  "certificates.k8s.io": ["CertificateSigningRequest"],
  "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
  "internal.apiserver.k8s.io": ["StorageVersion"],
  "networking.k8s.io": ["IngressClass"],
  "node.k8s.io": ["RuntimeClass"],
  policy: ["PodSecurityPolicy"],
  "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding"],
  "scheduling.k8s.io": ["PriorityClass"],
  "storage.k8s.io": ["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
};

/** True for kinds that are known to live in no namespace. */
export const isClusterScoped = ({ group, kind }: GroupVersionKind): boolean =>
  clusterScoped[group]?.includes(kind) ?? false;

/** The namespace that counts: none is `default`, and that of a cluster's own objects is a word of its own. */
export function effectiveNamespace(id: ObjectId): string {
  if (isClusterScoped(id)) return "_non_namespaceable_";
  return id.namespace || "default";
}

/** True for two identities of one object. */
export const isSameId = (a: ObjectId, b: ObjectId): boolean =>
  a.name === b.name &&
  a.kind === b.kind &&
  a.group === b.group &&
  a.version === b.version &&
  effectiveNamespace(a) === effectiveNamespace(b);
