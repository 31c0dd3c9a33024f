/**
 * The labels and annotations that the kubelet puts on sandboxes and containers. Tools such as `crictl` select by them, and
 * an upstream kubelet that takes over a node finds its pods by them.
 */
export const runtimeLabels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

/** Annotations that let the node agent find out about a container without the pod that it was made from. */
export const runtimeAnnotations = {
  containerHash: "io.kubernetes.container.hash",
  restartCount: "io.kubernetes.container.restartCount",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  preStopHandler: "io.kubernetes.container.preStopHandler",
  containerPorts: "io.kubernetes.container.ports",
  podDeletionGracePeriod: "io.kubernetes.pod.deletionGracePeriod",
  podTerminationGracePeriod: "io.kubernetes.pod.terminationGracePeriod",
  configSource: "kubernetes.io/config.source",
  configSeen: "kubernetes.io/config.seen",
} as const;

/** Which pod (and container) something in the runtime belongs to; empty strings where nobody said. */
export interface RuntimeOwner {
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  readonly containerName: string;
}

/** Reads the owner out of a sandbox's or container's labels. */
export function ownerOf(labels: Readonly<Record<string, string>>): RuntimeOwner {
  return {
    podName: labels[runtimeLabels.podName] ?? "",
    podNamespace: labels[runtimeLabels.podNamespace] ?? "",
    podUid: labels[runtimeLabels.podUid] ?? "",
    containerName: labels[runtimeLabels.containerName] ?? "",
  };
}

/** The labels of a pod's sandbox: the pod's own ones and the three that name it. */
export function sandboxLabels(
  pod: Omit<RuntimeOwner, "containerName">,
  own: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return {
    ...own,
    [runtimeLabels.podName]: pod.podName,
    [runtimeLabels.podNamespace]: pod.podNamespace,
    [runtimeLabels.podUid]: pod.podUid,
  };
}

/** The labels of a container: the three that name its pod, and its name. The pod's own labels are not repeated. */
export function containerLabels(owner: RuntimeOwner): Readonly<Record<string, string>> {
  return { ...sandboxLabels(owner), [runtimeLabels.containerName]: owner.containerName };
}

/** The directory of a pod's logs under `root` (upstream: /var/log/pods): `<namespace>_<name>_<uid>`. */
export function podLogDirectory(root: string, pod: Omit<RuntimeOwner, "containerName">): string {
  return `${root}/${pod.podNamespace}_${pod.podName}_${pod.podUid}`;
}

/** A container's log file relative to its pod's log directory: `<container>/<restarts>.log`. */
export function containerLogPath(containerName: string, restarts: number): string {
  return `${containerName}/${restarts}.log`;
}
