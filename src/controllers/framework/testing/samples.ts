import type { Deployment } from "../../../api/apps/deployment.ts";
import { Pod } from "../../../api/core/pod.ts";
import type { PodTemplateSpec } from "../../../api/generated/core-v1.ts";
import type { Draft, KubeObject } from "../../../machinery/object.ts";
import { timeOf } from "../../../machinery/times.ts";
import type { Harness } from "./harness.ts";

/** A pod template with label app=web and one container. */
export function template(image = "img:1"): PodTemplateSpec {
  return { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } };
}

/** A Deployment `web` in `default`, with the defaults that the server would fill in. */
export function deployment(spec: Partial<Deployment["spec"]> = {}): Draft<Deployment> {
  return {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: template(),
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
  };
}

/** What a kubelet would report of a pod. */
export function podStatus(ready: boolean, now: number): NonNullable<Pod["status"]> {
  const lastTransitionTime = timeOf(now);
  return {
    phase: "Running",
    conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime }],
  };
}

/**
 * Plays the kubelets once: pods get a node and run, those being deleted go. `ready` says which pods become ready.
 * Repeats until nothing changes any more.
 */
export async function kubelet(harness: Harness, ready: (pod: Pod) => boolean = () => true): Promise<void> {
  for (let changed = true; changed; ) {
    changed = false;
    await harness.settle();
    for (const pod of harness.cluster.all(Pod)) {
      if (pod.metadata.deletionTimestamp) {
        harness.cluster.remove(Pod, pod);
        changed = true;
      } else if (!pod.status?.phase || isReady(pod) !== ready(pod)) {
        const status = podStatus(ready(pod), harness.clock.now());
        if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") continue;
        harness.cluster.change(Pod, pod, { spec: { ...pod.spec, nodeName: "n1" }, status });
        changed = true;
      }
    }
  }
}

const isReady = (pod: Pod) => pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");

/** The image of the first container. */
export function imageOf(object: KubeObject): string {
  const { spec } = object as unknown as { spec: { template: PodTemplateSpec } };
  return spec.template.spec?.containers[0]?.image ?? "";
}
