import { ControllerRevision } from "../../src/api/apps/controller-revision.ts";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { ReplicaSet } from "../../src/api/apps/replica-set.ts";
import { Job } from "../../src/api/batch/job.ts";
import { Event } from "../../src/api/core/event.ts";
import { Node } from "../../src/api/core/node.ts";
import { Pod } from "../../src/api/core/pod.ts";
import { EndpointSlice } from "../../src/api/discovery/endpoint-slice.ts";
import { kinds } from "../../src/api/kinds.ts";
import type { Client, Informers } from "../../src/client/client.ts";
import type { KindRef, KubeObject } from "../../src/machinery/object.ts";
import { type Entry, type Outcome, placeholder, type Scenario } from "./recording.ts";
import { RolloutWatch } from "./rollout-watch.ts";
import { optionalPodFields, selectedParts } from "./selected-parts.ts";

export interface ObserverOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly namespace: string;
  readonly scenario: Scenario;
}

/** Sees what a scenario leads to, in the form of the recordings. */
export class Observer implements Disposable {
  readonly #client: Client;
  readonly #namespace: string;
  readonly #scenario: Scenario;
  readonly #fields: ReadonlySet<string>;
  readonly #given: ReadonlySet<string>;
  readonly #generated = new Map<string, string>();
  readonly #hashes: string[] = [];
  readonly #subscriptions: Disposable[];
  readonly #rollouts: RolloutWatch;
  #counts = new Map<string, number>();

  constructor({ client, informers, namespace, scenario }: ObserverOptions) {
    this.#client = client;
    this.#namespace = namespace;
    this.#scenario = scenario;
    this.#fields = fieldsOf(scenario);
    this.#given = givenObjects(scenario);
    const note = ({ metadata }: KubeObject) => {
      if (metadata.generateName) this.#generated.set(metadata.name, metadata.generateName);
    };
    const hash = ({ metadata }: KubeObject) => {
      const { labels = {} } = metadata;
      const value =
        labels["pod-template-hash"] ?? labels["controller-revision-hash"] ?? labels["controller.kubernetes.io/hash"];
      if (value && !this.#hashes.includes(value)) this.#hashes.push(value);
    };
    const untyped = (kind: unknown) => informers.of(kind as KindRef<KubeObject>);
    this.#rollouts = new RolloutWatch(informers);
    this.#subscriptions = [
      ...[Pod, EndpointSlice, Job].map((kind) => untyped(kind).on({ added: note })),
      ...[ReplicaSet, ControllerRevision].map((kind) => untyped(kind).on({ added: hash })),
      this.#rollouts,
    ];
    informers.of(Deployment);
  }

  /** A step begins: only events from now on are its own. */
  async begin(): Promise<void> {
    this.#counts = new Map((await this.#events()).map((event) => [event.metadata.uid, event.count ?? 1]));
  }

  /** What there is to see now. `recorded` says what to look at. */
  async outcome(
    recorded: Outcome,
    answers: readonly Entry[],
  ): Promise<Outcome & { readonly broken: readonly string[] }> {
    const { kinds: wanted } = this.#scenario.setting;
    // Where there is a summary, it stands for the pods.
    const listed = wanted.filter((kind) => !recorded.summary || kind !== "Pod");
    const objects = (await Promise.all(listed.map((kind) => this.#objects(kind)))).flat();
    return {
      objects: this.#normalised(objects.map((object) => selectedParts(object, this.#fields))),
      events: this.#normalised(await this.#newEvents()),
      ...(recorded.summary ? { summary: await this.#summary() } : {}),
      ...(answers.length > 0 ? { answers: this.#normalised(answers) } : {}),
      broken: this.#rollouts.take(),
    };
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  async #objects(name: string): Promise<readonly KubeObject[]> {
    const kind = kinds.find((each) => each.kind === name) as unknown as KindRef<KubeObject>;
    if (kind.namespaced) {
      const { items } = await this.#client.list(kind, { namespace: this.#namespace });
      return items.filter((object) => !this.#given.has(`${object.kind}/${object.metadata.name}`));
    }
    const { items } = await this.#client.list(kind);
    if (name === "Node") return items;
    return items.filter(
      ({ metadata }) => metadata.name === this.#namespace || metadata.name.startsWith(`${this.#namespace}-`),
    );
  }

  async #events(): Promise<readonly Event[]> {
    const own = (await this.#client.list(Event, { namespace: this.#namespace })).items;
    if (!this.#scenario.setting.eventsOfNodesToo) return own;
    const others = (await this.#client.list(Event, { namespace: "default" })).items;
    return [...own, ...others.filter(({ involvedObject }) => involvedObject.kind === "Node")];
  }

  async #newEvents(): Promise<readonly Entry[]> {
    const { onlyEvents, nodes } = this.#scenario.setting;
    const ofScheduler = ["Scheduled", "FailedScheduling"];
    const entries: Entry[] = [];
    for (const event of await this.#events()) {
      const { type, reason = "", message, involvedObject, count } = event;
      const times = (count ?? 1) - (this.#counts.get(event.metadata.uid) ?? 0);
      if (times <= 0 || (onlyEvents && !onlyEvents.includes(reason))) continue;
      if (nodes === 3 && ofScheduler.includes(reason)) continue;
      const from = event.source?.component || event.reportingComponent;
      const entry = { type, reason, object: `${involvedObject.kind}/${involvedObject.name}`, message, from };
      for (let time = 0; time < times; time += 1) entries.push(entry);
    }
    return entries;
  }

  async #summary(): Promise<Entry> {
    const pods = (await this.#client.list(Pod, { namespace: this.#namespace })).items;
    const nodes = (await this.#client.list(Node)).items;
    const zones = new Map(
      nodes.map(({ metadata }) => [metadata.name, metadata.labels?.["topology.kubernetes.io/zone"]]),
    );
    const count = (names: readonly (string | undefined)[]) => {
      const counts: Record<string, number> = {};
      for (const name of names) if (name) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    };
    const places = pods.map(({ spec }) => spec.nodeName);
    return {
      podsPerZone: count(places.map((name) => zones.get(name ?? ""))),
      podsPerNode: Object.values(count(places)).sort((one, other) => one - other),
    };
  }

  /** With names of chance replaced by the recordings' placeholders. */
  #normalised(entries: readonly Entry[]): readonly Entry[] {
    let text = JSON.stringify(entries);
    const generated = [...this.#generated].sort(([one], [other]) => other.length - one.length);
    for (const [name, prefix] of generated) text = text.replaceAll(name, `${prefix}\${suffix}`);
    for (const [index, hash] of this.#hashes.entries()) text = text.replaceAll(hash, `\${hash#${index + 1}}`);
    text = text
      // Pods that were refused never came to be, so that their names are known from the refusal only.
      .replace(
        /(pods \\"[\w.$#{}-]+-)[bcdfghjklmnpqrstvwxz2456789]{5}(\\" is forbidden)/g,
        `$1${placeholder("suffix")}$2`,
      )
      .replaceAll(this.#namespace, placeholder("ns"))
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, placeholder("uid"))
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, placeholder("timestamp"))
      .replace(/\b10\.88\.\d+\.\d+\b/g, placeholder("podIP"))
      .replace(/"clusterIP":"\d[^"]*"/g, `"clusterIP":"${placeholder("clusterIP")}"`)
      .replace(/\broomy-\d\b/g, placeholder("node"))
      .replace(/\b(\w+)-\d{8}\b/g, `$1-${placeholder("minute")}`);
    return JSON.parse(text) as Entry[];
  }
}

/** What a scenario looks at in pods beyond the usual. */
function fieldsOf({ steps }: Scenario): ReadonlySet<string> {
  const pods = steps.flatMap(({ then }) => then.objects).filter(({ kind }) => kind === "Pod");
  return new Set<string>(optionalPodFields.filter((field) => pods.some((pod) => field in pod)));
}

/** What every namespace has, where the scenario is not about it. */
function givenObjects({ steps }: Scenario): ReadonlySet<string> {
  const recorded = new Set(steps.flatMap(({ then }) => then.objects.map(({ kind, name }) => `${kind}/${name}`)));
  return new Set(["ServiceAccount/default", "ConfigMap/kube-root-ca.crt"].filter((name) => !recorded.has(name)));
}
