import { Event } from "../../src/api/core/event.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { ServiceAccount } from "../../src/api/core/service-account.ts";
import type { PodSpec } from "../../src/api/generated/core-v1.ts";
import type { Client } from "../../src/client/client.ts";
import { createInformers } from "../../src/client/informer.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Metrics } from "../../src/lib/metrics.ts";
import { seededRandom } from "../../src/lib/random.ts";
import type { SchedulerConfiguration } from "../../src/scheduler/configuration.ts";
import type { PluginFactory } from "../../src/scheduler/plugins/default-plugins.ts";
import { openScheduler, type Scheduler } from "../../src/scheduler/scheduler.ts";
import { openTestCluster, type TestCluster, type TestClusterOptions } from "../../src/testing/test-cluster.ts";

export interface SchedulerCluster extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly client: Client;
  readonly scheduler: Scheduler;
  addNode(name: string, given?: NodeGiven): Promise<void>;
  createPod(name: string, given?: PodGiven): Promise<Pod>;
  pod(name: string): Promise<Pod>;
  /** Where each pod of the namespace is; "" for those that are nowhere. */
  places(): Promise<Readonly<Record<string, string>>>;
  /** `Reason: message` of a pod's events. */
  eventsOf(name: string): Promise<readonly string[]>;
  /** The message of the condition that says why a pod is not scheduled. */
  whyNot(name: string): Promise<string | undefined>;
}

export interface NodeGiven {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly zone?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<Node["spec"]>;
}

export interface PodGiven {
  readonly cpu?: string;
  readonly priority?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: object;
}

export interface SchedulerClusterOptions extends Omit<TestClusterOptions, "controllers"> {
  /** With all of a control plane's controllers; without them nothing but the scheduler acts. */
  readonly controllers?: boolean;
  readonly configuration?: SchedulerConfiguration;
  readonly plugins?: Readonly<Record<string, PluginFactory>>;
  /** Changes what the scheduler's client does. */
  readonly disturbScheduler?: (client: Client) => Client;
}

/** A test cluster with a scheduler and no controllers, unless they are given. */
export async function openSchedulerCluster(options: SchedulerClusterOptions = {}): Promise<SchedulerCluster> {
  await using opened = new AsyncDisposableStack();
  const { controllers = false, ...others } = options;
  const testClusterOptions = controllers ? others : { ...others, controllers: [] };
  const cluster = opened.use(await openTestCluster(testClusterOptions));
  const { clock, client } = cluster;
  const random = seededRandom(options.seed ?? 1);
  const own = cluster.clientFor({ name: "system:kube-scheduler", groups: [] });
  const schedulerClient = options.disturbScheduler?.(own) ?? own;
  const informers = opened.use(createInformers({ client: schedulerClient, clock, random, log: silentLog }));
  const scheduler = opened.use(
    await openScheduler({
      client: schedulerClient,
      informers,
      clock,
      random,
      log: silentLog,
      metrics: new Metrics(),
      ...(options.configuration ? { configuration: options.configuration } : {}),
      ...(options.plugins ? { plugins: options.plugins } : {}),
    }),
  );
  const namespace = "default";
  if (!controllers) await client.create(ServiceAccount, { metadata: { name: "default", namespace } });
  await cluster.settle();
  const running = opened.move();
  return {
    cluster,
    client,
    scheduler,
    async addNode(name, { cpu = "4", memory = "8Gi", pods = "20", zone, labels, spec = {} } = {}) {
      await client.create(Node, {
        metadata: {
          name,
          labels: {
            "kubernetes.io/hostname": name,
            ...(zone ? { "topology.kubernetes.io/zone": zone } : {}),
            ...labels,
          },
        },
        spec,
        status: { allocatable: { cpu, memory, pods }, conditions: [{ type: "Ready", status: "True" }] },
      });
      // A new node is not ready until the node life cycle says so.
      if (!controllers)
        await client.patch(Node, { name }, { type: "merge", body: { spec: { taints: spec.taints ?? null } } });
      await cluster.settle();
    },
    async createPod(name, { cpu, priority, labels, spec } = {}) {
      const resources = cpu ? { requests: { cpu } } : {};
      const made = await client.create(Pod, {
        metadata: { name, namespace, ...(labels ? { labels } : {}) },
        spec: {
          containers: [{ name: "c", image: "img:1", resources }],
          ...(priority === undefined ? {} : { priority }),
          ...spec,
        } as unknown as PodSpec,
      });
      await cluster.settle();
      return made;
    },
    pod: (name) => client.get(Pod, { namespace, name }),
    async places() {
      const { items } = await client.list(Pod, { namespace });
      return Object.fromEntries(items.map((pod) => [pod.metadata.name, pod.spec.nodeName ?? ""]));
    },
    async eventsOf(name) {
      const { items } = await client.list(Event, { namespace });
      return items
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ reason, message }) => `${reason}: ${message}`);
    },
    async whyNot(name) {
      const { status } = await client.get(Pod, { namespace, name });
      const condition = status?.conditions?.find(({ type }) => type === "PodScheduled");
      return condition?.status === "False" ? condition.message : undefined;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
