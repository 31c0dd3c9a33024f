import { Lease } from "../api/coordination/lease.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { isPodReady } from "../api/core/pod-state.ts";
import type { PodStatus } from "../api/generated/core-v1.ts";
import { keyOf } from "../machinery/object.ts";
import { microTimeOf, timeOf } from "../machinery/times.ts";
import type { TestCluster } from "./test-cluster.ts";

/** What a pod does, as the test says. */
export interface PodScript {
  readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly ready?: boolean;
  /** Leave the pod alone. */
  readonly hold?: boolean;
  /** False: do not finish its deletion. */
  readonly terminate?: boolean;
}

/** Makes nodes that are ready and renew their leases at once. */
export async function addNodes(cluster: TestCluster, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    await cluster.client.create(Node, {
      metadata: { name, labels: { "kubernetes.io/hostname": name } },
      spec: {},
      status: {
        allocatable: { cpu: "64", memory: "256Gi", pods: "500" },
        conditions: [
          { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
        ],
      },
    });
    const metadata = { name, namespace: "kube-node-lease" };
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTimeOf(cluster.clock.now()) };
    await cluster.client.create(Lease, { metadata, spec });
  }
  await cluster.settle();
}

/** Renews the nodes' leases, as they do while they live. */
export async function renewLeases({ client, clock }: TestCluster, nodes: readonly string[]): Promise<void> {
  for (const name of nodes) {
    const lease = await client.get(Lease, { namespace: "kube-node-lease", name });
    await client.update(Lease, { ...lease, spec: { ...lease.spec, renewTime: microTimeOf(clock.now()) } });
  }
}

/**
 * Plays scheduler and kubelets until nothing changes any more: unbound pods are bound in turn to `nodes`, bound ones do
 * what the script says (default: run and be ready), pods being deleted go.
 */
export async function playKubelets(
  cluster: TestCluster,
  nodes: readonly string[],
  script: (pod: Pod) => PodScript = () => ({}),
): Promise<void> {
  for (let changed = true, turn = 0; changed; turn += 1) {
    changed = false;
    if (turn > 500) throw new Error("the pods never come to rest");
    await cluster.settle();
    for (const pod of (await cluster.client.list(Pod)).items) {
      const { hold, terminate = true, phase = "Running", ready = phase === "Running" } = script(pod);
      if (hold) continue;
      if (pod.metadata.deletionTimestamp) {
        if (!terminate) continue;
        await cluster.client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0 });
        changed = true;
      } else if (!pod.spec.nodeName) {
        const name = nodes[turn % nodes.length];
        if (!name || pod.spec.schedulingGates?.length) continue;
        const target = { apiVersion: "v1", kind: "Node", name };
        await cluster.client.createSubresource(Pod, keyOf(pod), "binding", {
          metadata: { name: pod.metadata.name },
          target,
        });
        changed = true;
      } else if (pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed") {
        if (pod.status?.podIP && pod.status.phase === phase && isPodReady(pod) === ready) continue;
        const status = statusOf(pod, phase, ready, cluster.clock.now());
        await cluster.client.updateStatus(Pod, { ...pod, status });
        changed = true;
      }
    }
  }
}

function statusOf(pod: Pod, phase: NonNullable<PodScript["phase"]>, ready: boolean, now: number): PodStatus {
  const condition = (type: "Ready" | "ContainersReady" | "Initialized", holds: boolean) => {
    const status = holds ? ("True" as const) : ("False" as const);
    const known = pod.status?.conditions?.find((each) => each.type === type);
    return known?.status === status ? known : { type, status, lastTransitionTime: timeOf(now) };
  };
  const others =
    pod.status?.conditions?.filter(({ type }) => !["Ready", "ContainersReady", "Initialized"].includes(type)) ?? [];
  const ended = phase === "Succeeded" || phase === "Failed";
  return {
    ...pod.status,
    phase,
    podIP: "10.244.0.9",
    podIPs: [{ ip: "10.244.0.9" }],
    startTime: pod.status?.startTime ?? timeOf(now),
    conditions: [
      ...others,
      condition("Initialized", true),
      condition("ContainersReady", ready),
      condition("Ready", ready),
    ],
    containerStatuses: pod.spec.containers.map(({ name, image = "" }) => ({
      name,
      image,
      imageID: "",
      ready,
      restartCount: 0,
      state: ended
        ? { terminated: { exitCode: phase === "Failed" ? 1 : 0, finishedAt: timeOf(now) } }
        : phase === "Running"
          ? { running: { startedAt: pod.status?.startTime ?? timeOf(now) } }
          : { waiting: { reason: "ContainerCreating" } },
    })),
  };
}
