type Labels = Readonly<Record<string, string>> | undefined;

/** Labels of Kubernetes' own namespaces that a node may say of itself (upstream's kubelet labels). */
const ownLabels = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/arch",
  "kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "node.kubernetes.io/windows-build",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.kubernetes.io/region",
  "failure-domain.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
]);
const ownNamespaces = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const reserved = "node-restriction.kubernetes.io";

/** The labels that a node may not set, change or take away, sorted: they would draw work to it. */
export function forbiddenNodeLabels(next: Labels, before: Labels): readonly string[] {
  const keys = new Set([...Object.keys(next ?? {}), ...Object.keys(before ?? {})]);
  return [...keys].filter((key) => next?.[key] !== before?.[key] && isForbidden(key)).sort();
}

function isForbidden(key: string): boolean {
  const namespace = key.includes("/") ? key.slice(0, key.indexOf("/")) : "";
  if (within(namespace, reserved)) return true;
  const kubernetes = within(namespace, "kubernetes.io") || within(namespace, "k8s.io");
  return kubernetes && !ownLabels.has(key) && !ownNamespaces.some((own) => within(namespace, own));
}

const within = (namespace: string, domain: string) => namespace === domain || namespace.endsWith(`.${domain}`);
