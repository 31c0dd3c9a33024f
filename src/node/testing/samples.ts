import type { Container, Pod, PodSpec, PodStatus } from "../../api/generated/core-v1.ts";
import type { ObservedContainer, ObservedPod } from "../pods/observed.ts";
import type { ContainerState } from "../runtime/container.ts";
import type { SandboxStatus } from "../runtime/sandbox.ts";

/** When samples begin (2026-01-01), in milliseconds since the epoch. */
export const dawn = Date.UTC(2026, 0, 1);

/** A pod `default/web` with one container `main`, as a server would hold it. */
export function samplePod(
  spec: Partial<PodSpec> = {},
  rest: { readonly metadata?: Partial<Pod["metadata"]>; readonly status?: PodStatus } = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web",
      namespace: "default",
      uid: "uid-web",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...rest.metadata,
    },
    spec: { containers: [sampleContainer()], nodeName: "node-1", restartPolicy: "Always", ...spec },
    status: rest.status ?? { phase: "Pending", qosClass: "BestEffort" },
  };
}

export function sampleContainer(extra: Partial<Container> = {}): Container {
  return { name: "main", image: "registry.test/app:1", imagePullPolicy: "IfNotPresent", ...extra };
}

/** A sandbox of the sample pod. */
export function sandboxOf(extra: Partial<SandboxStatus> = {}): SandboxStatus {
  const attempt = extra.metadata?.attempt ?? 0;
  return {
    id: `sandbox-${attempt}`,
    metadata: { name: "web", namespace: "default", uid: "uid-web", attempt },
    state: "ready",
    createdAt: dawn + attempt,
    labels: {},
    annotations: {},
    handler: "",
    ips: ["10.88.0.5"],
    ...extra,
  };
}

/** A container as the runtime has it; one that ended, ended with `exitCode` ten seconds after its start. */
export function observedOf(
  name: string,
  state: ContainerState,
  extra: Partial<ObservedContainer> = {},
): ObservedContainer {
  const { restartCount = 0 } = extra;
  const createdAt = dawn + restartCount * 60_000;
  return {
    id: `${name}-${restartCount}`,
    name,
    sandboxId: "sandbox-0",
    restartCount,
    hash: "",
    metadata: { name, attempt: restartCount },
    state,
    createdAt,
    image: "registry.test/app:1",
    imageRef: "registry.test/app@sha256:1",
    labels: {},
    annotations: {},
    exitCode: 0,
    reason: state === "exited" ? (extra.exitCode ? "Error" : "Completed") : "",
    message: "",
    mounts: [],
    logPath: `/logs/${name}/${restartCount}.log`,
    ...(state === "created" ? {} : { startedAt: createdAt + 1000 }),
    ...(state === "exited" ? { finishedAt: createdAt + 11_000 } : {}),
    ...extra,
  };
}

/** What the runtime has of the sample pod: a ready sandbox unless others are given, and containers, the newest first. */
export function observedPod(
  containers: readonly ObservedContainer[] = [],
  sandboxes: readonly SandboxStatus[] = [sandboxOf()],
): ObservedPod {
  return {
    uid: "uid-web",
    sandboxes,
    containers: [...containers].sort((a, b) => b.createdAt - a.createdAt || b.restartCount - a.restartCount),
  };
}
