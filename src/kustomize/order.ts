import { idText, type ObjectId } from "./identity.ts";
import { currentId, type Resource } from "./resource.ts";

const first = [
  "Namespace",
  "ResourceQuota",
  "StorageClass",
  "CustomResourceDefinition",
  "ServiceAccount",
  "PodSecurityPolicy",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "ConfigMap",
  "Secret",
  "Endpoints",
  "Service",
  "LimitRange",
  "PriorityClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Deployment",
  "StatefulSet",
  "CronJob",
  "PodDisruptionBudget",
];
const last = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/** Puts objects in the order in which a cluster can take them; kinds may be named that come before or after all others. */
export function inLegacyOrder(
  resources: readonly Resource[],
  kinds: { readonly orderFirst?: readonly string[]; readonly orderLast?: readonly string[] } = {},
): readonly Resource[] {
  const { orderFirst = first, orderLast = last } = kinds;
  const rank = (kind: string) => {
    const at = orderFirst.indexOf(kind);
    return at >= 0 ? at - orderFirst.length : orderLast.indexOf(kind) + 1;
  };
  return resources.toSorted((a, b) => {
    const [left, right] = [currentId(a), currentId(b)];
    const kinded = rank(left.kind) - rank(right.kind);
    if (kinded !== 0) return kinded;
    const [x, y] = [kindKey(left), kindKey(right)];
    if (x === y) return compare(idKey(left), idKey(right));
    const bothNamespaces = left.kind === "Namespace" && right.kind === "Namespace";
    return bothNamespaces && (left.group === "" || right.group === "") ? compare(y, x) : compare(x, y);
  });
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const kindKey = ({ group, version, kind }: ObjectId) => `${group || "~G"}_${version || "~V"}_${kind || "~K"}`;
const idKey = (id: ObjectId) => `${idText(id).split("/")[0]}|${id.namespace || "~X"}|${id.name || "~N"}`;
