import { Namespace } from "../../src/api/core/namespace.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { kinds } from "../../src/api/kinds.ts";
import type { Client } from "../../src/client/client.ts";
import { createInformers } from "../../src/client/informer.ts";
import { silentLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { apiVersionOf, type KindRef, type KubeObject, keyOf } from "../../src/machinery/object.ts";
import { StatusError } from "../../src/machinery/status-error.ts";
import { FakeKubelets } from "../../src/testing/fake-kubelets.ts";
import { openTestCluster, type TestCluster, type TestClusterOptions } from "../../src/testing/test-cluster.ts";
import { Observer } from "./observe.ts";
import {
  type Action,
  type Entry,
  type Outcome,
  placeholder,
  type RecordedObject,
  type Scenario,
  type Until,
} from "./recording.ts";

export const namespace = "loop-space";
/** The three equal nodes of scenarios that do not list any. */
const roomy = ["roomy-1", "roomy-2", "roomy-3"].map((name) => ({ name, cpu: 64, memory: "256Gi", pods: 500 }));
/** As the recordings were made: their control plane gave nodes up sooner, and looked at claims more often. */
const settings = { nodeMonitor: { period: 1000, grace: 10_000, startupGrace: 60_000 } };
const sooner: TestClusterOptions["adjust"] = (each) =>
  each.name === "persistentvolume-binder-claims" ? { ...each, resync: 2000 } : each;
const quietFor = 2000;
const longestUnrest = 180_000;

/** Versions that were beta then are sent as they are served today. */
const servedToday: Readonly<Record<string, string>> = {
  "batch/v1beta1": "batch/v1",
  "policy/v1beta1": "policy/v1",
  "autoscaling/v2beta2": "autoscaling/v2",
  "discovery.k8s.io/v1beta1": "discovery.k8s.io/v1",
};

/** Runs a scenario in a cluster of its own, in virtual time, and returns what there was to see after each step. */
export async function runScenario(scenario: Scenario): Promise<readonly Outcome[]> {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await openTestCluster({ scheduler: true, settings, adjust: sooner }));
  const { client, clock } = cluster;
  const informers = opened.use(createInformers({ client, clock, random: seededRandom(1), log: silentLog }));
  const kubelets = opened.use(new FakeKubelets({ client, clock, informers }));
  const observer = opened.use(new Observer({ client, informers, namespace, scenario }));
  const { nodes } = scenario.setting;
  const run = opened.use(new ScenarioRun(cluster, kubelets, nodes !== 3));
  for (const node of nodes === 3 ? roomy : nodes) await kubelets.addNode(node);
  await client.create(Namespace, { metadata: { name: namespace }, spec: {} });
  await run.quiet();
  const outcomes: Outcome[] = [];
  for (const step of scenario.steps) {
    await observer.begin();
    const answers: Entry[] = [];
    for (const action of step.do) {
      const answer = await run.act(action);
      if (answer) answers.push(answer);
    }
    await run.quiet();
    outcomes.push(await observer.outcome(step.then, answers));
  }
  return outcomes;
}

function kindOf(name: string, apiVersion?: string): KindRef<KubeObject> {
  const wanted = apiVersion && (servedToday[apiVersion] ?? apiVersion);
  const found = kinds.find((kind) => kind.kind === name && (!wanted || apiVersionOf(kind) === wanted));
  if (!found) throw new Error(`no kind ${name} is served in ${apiVersion ?? "any version"}`);
  return found as unknown as KindRef<KubeObject>;
}

class ScenarioRun implements Disposable {
  readonly #cluster: TestCluster;
  readonly #kubelets: FakeKubelets;
  readonly #client: Client;
  readonly #listed: boolean;
  readonly #stop = new AbortController();
  #changedAt = 0;

  /** `listed`: the scenario lists its nodes, so that their changes are unrest too. */
  constructor(cluster: TestCluster, kubelets: FakeKubelets, listed: boolean) {
    this.#cluster = cluster;
    this.#kubelets = kubelets;
    this.#client = cluster.client;
    this.#listed = listed;
    void this.#noticeChanges();
  }

  /** Lets time pass until nothing has changed for a while. */
  async quiet(): Promise<void> {
    const { clock } = this.#cluster;
    const from = clock.monotonic();
    await this.#cluster.settle();
    while (clock.monotonic() - this.#changedAt < quietFor) {
      if (clock.monotonic() - from > longestUnrest) throw new Error("it never came to rest");
      await this.#cluster.pass(100);
    }
  }

  /** Does it; the answer where the server refused, or where an answer is what it is about. */
  async act(action: Action): Promise<Entry | undefined> {
    if (action.wait === undefined) this.#changedAt = this.#cluster.clock.monotonic();
    try {
      return await this.#perform(action);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return { status: error.code, message: error.message.replaceAll(namespace, placeholder("ns")) };
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #perform(action: Action): Promise<Entry | undefined> {
    const client = this.#client;
    const kubelets = this.#kubelets;
    if (action.create) {
      for (const object of await this.#filled(action.create)) {
        await client.create(kindOf(object.kind, object.apiVersion), object);
      }
    } else if (action.apply) {
      for (const object of await this.#filled(action.apply)) {
        const patch = { type: "apply", body: object, fieldManager: "loops", force: true } as const;
        await client.patch(kindOf(object.kind, object.apiVersion), keyOf(object), patch);
      }
    } else if (action.patch || action.status) {
      const { kind, name, body } = (action.patch ?? action.status)!;
      const patch = { type: "merge", body: await this.#fill(body) } as const;
      await client.patch(kindOf(kind), this.#key(kind, name), patch, action.status ? { subresource: "status" } : {});
    } else if (action.delete) {
      await this.#delete(action.delete);
    } else if (action.deleteNamespace) {
      await client.delete(Namespace, { name: namespace });
    } else if (action.evict) {
      const { name } = action.evict;
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
      await client.createSubresource(Pod, { namespace, name }, "eviction", eviction);
      return { status: 201 };
    } else if (action.wait !== undefined) {
      await this.#wait(action.wait);
    } else if (action.addNode) {
      await kubelets.addNode(action.addNode);
    } else if (action.deleteNode) {
      kubelets.stop(action.deleteNode);
      await client.delete(Node, { name: action.deleteNode });
    } else if (action.nodeDown) {
      kubelets.stop(action.nodeDown);
    } else if (action.nodeUp) {
      await kubelets.start(action.nodeUp);
    } else if (action.kubelet) {
      kubelets.rule(action.kubelet);
    } else if (action.set) {
      kubelets.pin(action.set);
    } else {
      throw new Error(`unknown action ${Object.keys(action).join()}`);
    }
    return undefined;
  }

  async #delete({ kind, name, selector, count, propagationPolicy }: NonNullable<Action["delete"]>): Promise<void> {
    const ref = kindOf(kind);
    const options = propagationPolicy ? { propagationPolicy } : {};
    if (name !== undefined) {
      await this.#client.delete(ref, this.#key(kind, name), options);
      return;
    }
    const labelSelector = Object.entries(selector ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    const { items } = await this.#client.list(ref, { namespace, labelSelector });
    for (const object of items.slice(0, count ?? items.length)) await this.#client.delete(ref, keyOf(object), options);
  }

  async #wait(wait: NonNullable<Action["wait"]>): Promise<void> {
    if (wait === "settled") await this.quiet();
    else if (typeof wait === "number") await this.#cluster.pass(wait * 1000);
    else {
      for (let waited = 0; waited < wait.max * 1000; waited += 100) {
        if (await this.#holds(wait.until)) return;
        await this.#cluster.pass(100);
      }
    }
  }

  async #holds({ kind, name, has, gone }: Until): Promise<boolean> {
    const ref = kindOf(kind);
    const { items } = await this.#client.list(ref, ref.namespaced ? { namespace } : {});
    const wanted = name?.replaceAll(placeholder("ns"), namespace);
    const found = items.some(
      (object) => (!wanted || object.metadata.name === wanted) && (!has || JSON.stringify(object).includes(has)),
    );
    return found !== (gone ?? false);
  }

  #key(kind: string, name: string) {
    const filled = name.replaceAll(placeholder("ns"), namespace);
    return kindOf(kind).namespaced ? { namespace, name: filled } : { name: filled };
  }

  async #filled(given: RecordedObject | readonly RecordedObject[]): Promise<readonly RecordedObject[]> {
    const objects = (await this.#fill([given].flat())) as readonly RecordedObject[];
    return objects.map((object) => {
      const apiVersion = servedToday[object.apiVersion] ?? object.apiVersion;
      const { namespaced } = kindOf(object.kind, apiVersion);
      return { ...object, apiVersion, metadata: namespaced ? { ...object.metadata, namespace } : object.metadata };
    });
  }

  /** With `${ns}` and `${uid:Kind/name}` replaced. */
  async #fill(value: object): Promise<object> {
    let text = JSON.stringify(value).replaceAll(placeholder("ns"), namespace);
    for (const [placeholder, kind = "", name = ""] of text.matchAll(/\$\{uid:(\w+)\/([^}]+)\}/g)) {
      const { metadata } = await this.#client.get(kindOf(kind), this.#key(kind, name));
      text = text.replaceAll(placeholder, metadata.uid);
    }
    return JSON.parse(text) as object;
  }

  async #noticeChanges(): Promise<void> {
    const { store, clock } = this.#cluster;
    const range = { start: "/registry/", end: "/registry0" };
    const after = await store.revision();
    try {
      for await (const { changes } of store.watch(range, after, this.#stop.signal)) {
        const counts = changes.some(
          ({ key }) =>
            !/^\/registry\/(events|events\.k8s\.io|coordination\.k8s\.io)\//.test(key) &&
            (key.includes(`/${namespace}`) || (this.#listed && key.startsWith("/registry/nodes/"))),
        );
        if (counts) this.#changedAt = clock.monotonic();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}
