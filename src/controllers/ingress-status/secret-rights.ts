import { Ingress } from "../../api/networking/ingress.ts";
import { IngressClass } from "../../api/networking/ingress-class.ts";
import { isServedByNodes, secretsNamedBy } from "../../api/networking/ingress-controller.ts";
import { Role } from "../../api/rbac/role.ts";
import { RoleBinding } from "../../api/rbac/role-binding.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type KubeObject, keyOf, type ObjectKey } from "../../machinery/object.ts";
import { type Cache, defineController, done, watches } from "../framework/controller.ts";
import { ingressAccount } from "./ingress-status.ts";

/** Whom nodes that serve Ingresses are to the API: those of the control plane's machine, and those that joined. */
export const ingressSubjects = [
  { kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "system:ingress" },
  { kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: "system:nodes" },
];

/** The Role of each namespace that has Secrets which Ingresses name, and its binding. */
export const secretsRole = "navarch:ingress-secrets";

const label = { "app.kubernetes.io/managed-by": "navarch-ingress" };
const selection = { labelSelector: "app.kubernetes.io/managed-by=navarch-ingress" };

const ofNamespace = (
  { metadata }: KubeObject,
  _previous: KubeObject | undefined,
  cache: Cache,
): readonly ObjectKey[] => {
  const { namespace = "" } = metadata;
  const [first] = cache.list(Ingress, namespace);
  return [first ? keyOf(first) : { namespace, name: "" }];
};

/** Lets those who serve Ingresses read the Secrets that these name, and no others: one Role with their names per namespace. */
export const ingressSecretsController = defineController({
  name: "ingress-secrets",
  serviceAccount: ingressAccount,
  for: Ingress,
  // All Ingresses of a namespace have one Role.
  workers: 1,
  watches: [
    watches(IngressClass, (_class, _previous, cache) => cache.list(Ingress).map(keyOf)),
    watches(Role, ofNamespace, selection),
    watches(RoleBinding, ofNamespace, selection),
  ],
  async reconcile({ namespace = "" }, { cache, client }) {
    const classes = cache.list(IngressClass);
    const served = cache.list(Ingress, namespace).filter((ingress) => isServedByNodes(ingress, classes));
    const named = served.flatMap(secretsNamedBy);
    const resourceNames = [...new Set(named)].sort();
    const key = { namespace, name: secretsRole };
    const role = cache.informer(Role, selection).get(key);
    const binding = cache.informer(RoleBinding, selection).get(key);
    if (resourceNames.length === 0) {
      if (binding) await client.delete(RoleBinding, key);
      if (role) await client.delete(Role, key);
      return done;
    }
    const metadata = { ...key, labels: label };
    const rules = [{ apiGroups: [""], resources: ["secrets"], resourceNames, verbs: ["get", "list", "watch"] }];
    if (!role) await client.create(Role, { metadata, rules });
    else if (!isEqual(role.rules, rules)) await client.update(Role, { ...role, rules });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: secretsRole };
    if (!binding) await client.create(RoleBinding, { metadata, roleRef, subjects: ingressSubjects });
    else if (!isEqual(binding.subjects, ingressSubjects)) {
      await client.update(RoleBinding, { ...binding, subjects: ingressSubjects });
    }
    return done;
  },
});
