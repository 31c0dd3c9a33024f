import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestCluster } from "./cluster.ts";
import { eventually } from "./eventually.ts";
import { images } from "./workloads.ts";

/** What a pod dials. */
export interface Call {
  readonly protocol?: "http" | "udp";
  readonly host: string;
  readonly port: number;
  /** How often, over connections of its own each; once if absent. */
  readonly count?: number;
}

interface NetPodOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly object[];
  readonly spec?: object;
}

const program = "/program/net-program.ts";

/** What pods of `netPod` run, for their namespace. */
export const netProgram = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "net-program" },
  data: { "net-program.ts": readFileSync(join(import.meta.dirname, "net-program.ts"), "utf8") },
};

/** A pod that tells its name to whoever asks on its ports, and that asks others for a test. */
export function netPod(name: string, { env = {}, labels = {}, ports = [], spec }: NetPodOptions = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name, ...labels } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "main",
          image: images.web,
          command: ["node", program],
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          ports,
          volumeMounts: [{ name: "program", mountPath: "/program" }],
        },
      ],
      volumes: [{ name: "program", configMap: { name: netProgram.metadata.name } }],
      ...spec,
    },
  };
}

/** Waits until pods run, and gives their addresses in the same order. */
export async function addressesOf(cluster: TestCluster, ns: string, ...pods: readonly string[]): Promise<string[]> {
  await cluster.kubectl("wait", "-n", ns, "--for=condition=Ready", ...pods.map((pod) => `pod/${pod}`), "--timeout=90s");
  const found = await Promise.all(pods.map((pod) => cluster.get("-n", ns, "pod", pod)));
  return found.map(({ status }) => status.podIP as string);
}

/** Asks from inside a pod, by the address at which its program listens. */
export class NetClient {
  readonly #base: string;

  constructor(address: string) {
    this.#base = `http://${address}:8080`;
  }

  /** What was answered each time, or the code of what went wrong. */
  dial({ protocol = "http", host, port, count = 1 }: Call): Promise<readonly string[]> {
    return this.#ask("dial", { protocol, host, port: String(port), count: String(count) });
  }

  /** Dials until the answers are as they should be. */
  async hears(call: Call, expected: (answers: readonly string[]) => void): Promise<void> {
    await eventually(`${call.host}:${call.port} answers as it should`, async () => expected(await this.dial(call)));
  }

  /** The sorted IPv4 addresses of a name, found as most programs find them: files, search list and all. */
  lookup(name: string): Promise<readonly string[] | { readonly code: string }> {
    return this.#ask("lookup", { name });
  }

  /** What the name server says about exactly this name. */
  resolve<T = readonly string[]>(name: string, type: string): Promise<T | { readonly code: string }> {
    return this.#ask("resolve", { name, type });
  }

  /** What a file of the pod has. */
  read(name: string): Promise<string> {
    return this.#ask("read", { name });
  }

  /** The host name that the pod has. */
  async hostname(): Promise<string> {
    return await (await fetch(`${this.#base}/hostname`)).text();
  }

  async #ask<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const answer = await fetch(`${this.#base}/${path}?${new URLSearchParams(parameters)}`);
    return (await answer.json()) as T;
  }
}

/** What a pod without a server hears, such as one of the node's network. */
export async function dialOnce(cluster: TestCluster, ns: string, pod: string, call: Call): Promise<string> {
  const { protocol = "http", host, port } = call;
  return (
    await cluster.kubectl("exec", "-n", ns, pod, "--", "node", program, "dial", protocol, host, `${port}`)
  ).trim();
}
