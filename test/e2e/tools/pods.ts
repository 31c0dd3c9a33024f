import { join } from "node:path";
import { CoreV1Api, KubeConfig, type V1Container, type V1ContainerStatus, type V1Pod } from "@kubernetes/client-node";
import { beforeAll } from "vitest";
import type { TestCluster } from "./cluster.ts";
import { eventually, Hopeless, type Patience } from "./eventually.ts";
import { images } from "./workloads.ts";

/** A pod's spec as a test writes it: fields that the client has classes for may be plain objects. */
export type PodSpec = { readonly containers: readonly V1Container[] } & Readonly<Record<string, unknown>>;

/** A container `main` of busybox. */
export const busybox = (more: Partial<V1Container> = {}): V1Container => ({
  name: "main",
  image: images.busybox,
  ...more,
});

/** A container `main` that runs a shell script. */
export const shell = (script: string, more: Partial<V1Container> = {}): V1Container =>
  busybox({ command: ["sh", "-c", script], ...more });

/** A script that waits, and ends at once when it is asked to. */
export const waits = "trap 'exit 0' TERM; sleep 100000 & wait";

/** A container `main` that is the server of test/e2e/images/server.ts. */
export const server = (more: Partial<V1Container> = {}): V1Container => ({
  name: "main",
  image: "navarch.local/test-server:1",
  ...more,
});

/** Builds the images of test/e2e/images and gives them to the cluster before the tests of a file. */
export function testImages(cluster: TestCluster): void {
  beforeAll(async () => {
    const build = ["image", "build", join(import.meta.dirname, "../images")];
    const load = ["server", "speaker"].map((name) => ["image", "load", `navarch.local/test-${name}:1`]);
    for (const command of [build, ...load.map((words) => [...words, "--name", cluster.place.name])]) {
      const { code, stderr } = await cluster.navarch(command);
      if (code !== 0) throw new Error(stderr);
    }
  });
}

/** The pods of one namespace, by the JavaScript client: many are looked at side by side without a process for each look. */
export class Pods {
  readonly config = new KubeConfig();
  readonly core: CoreV1Api;
  readonly namespace: string;

  constructor(cluster: TestCluster, namespace: string) {
    this.namespace = namespace;
    this.config.loadFromFile(cluster.env.KUBECONFIG ?? "");
    this.core = this.config.makeApiClient(CoreV1Api);
  }

  /** Makes a pod of a name that begins as told, so that a test that runs again meets no older one. */
  async create(begin: string, spec: PodSpec, metadata: V1Pod["metadata"] = {}): Promise<V1Pod> {
    const body = {
      metadata: { generateName: `${begin}-`, labels: { app: begin }, ...metadata },
      spec: { terminationGracePeriodSeconds: 1, ...spec },
    };
    return await this.core.createNamespacedPod({ namespace: this.namespace, body: body as V1Pod });
  }

  async get(name: string): Promise<V1Pod> {
    return await this.core.readNamespacedPod({ namespace: this.namespace, name });
  }

  /** Waits until a pod is as told, and gives it. */
  async until(
    pod: V1Pod,
    sentence: string,
    look: (pod: V1Pod) => boolean,
    patience: Patience = { every: 250 },
  ): Promise<V1Pod> {
    const name = nameOf(pod);
    return await eventually(
      `${name}: ${sentence}`,
      async () => {
        const now = await this.get(name);
        if (!look(now)) throw new Error(JSON.stringify(now.status));
        return now;
      },
      patience,
    );
  }

  /** Waits until a pod has ended for good, well or not. */
  async ended(pod: V1Pod): Promise<V1Pod> {
    return await this.until(pod, "has ended", ({ status }) => /^(Succeeded|Failed)$/.test(status?.phase ?? ""));
  }

  async ready(pod: V1Pod): Promise<V1Pod> {
    return await this.until(pod, "is ready", (now) => {
      if (now.status?.phase === "Failed") throw new Hopeless(JSON.stringify(now.status));
      return isReady(now);
    });
  }

  /** What a container has written so far. */
  async log(pod: V1Pod, container = "main"): Promise<string> {
    const { namespace } = this;
    return (await this.core.readNamespacedPodLog({ namespace, name: nameOf(pod), container })) ?? "";
  }

  /** Runs a pod whose containers end, and gives what `main` wrote; it has to end well. */
  async output(begin: string, spec: PodSpec, metadata?: V1Pod["metadata"]): Promise<string> {
    const pod = await this.ended(await this.create(begin, { restartPolicy: "Never", ...spec }, metadata));
    const said = await this.log(pod);
    if (pod.status?.phase !== "Succeeded") throw new Error(`${JSON.stringify(pod.status)}\n${said}`);
    return said;
  }

  /** Waits until a container has written as many lines that match. */
  async lines(pod: V1Pod, pattern: RegExp, atLeast: number): Promise<readonly string[]> {
    return await eventually(
      `${nameOf(pod)} writes ${pattern} ${atLeast} times`,
      async () => {
        const lines = (await this.log(pod)).split("\n").filter((line) => pattern.test(line));
        if (lines.length < atLeast) throw new Error(lines.join("\n"));
        return lines;
      },
      { every: 250 },
    );
  }
}

export const nameOf = ({ metadata }: V1Pod): string => metadata?.name ?? "";

export const isReady = ({ status }: V1Pod): boolean =>
  status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;

/** How a pod's container is, also an init or ephemeral one. */
export function containerOf({ status }: V1Pod, name = "main"): V1ContainerStatus {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const found = all.find((container) => container.name === name);
  if (!found) throw new Error(`there is no status of container ${name}: ${JSON.stringify(status)}`);
  return found;
}
