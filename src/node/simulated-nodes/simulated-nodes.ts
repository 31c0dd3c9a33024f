import { Lease } from "../../api/coordination/lease.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { NodeCondition } from "../../api/generated/core-v1.ts";
import type { Client, Informer, Informers } from "../../client/client.ts";
import { createEventRecorder, type EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { keyOf, keyText } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { microTimeOf, timeOf } from "../../machinery/times.ts";
import { isSimulated, usualAmounts } from "./make-nodes.ts";
import { addressesAt, lastNumber } from "./pod-addresses.ts";
import { nextStep } from "./pod-life.ts";
import type { Stage } from "./stage-file.ts";
import { type ChosenStage, StagePlay } from "./stage-play.ts";
import { followStages } from "./stages.ts";

export interface SimulatedNodesOptions {
  /** Local copies of nodes and pods that somebody has anyway; theirs to close. */
  readonly informers: Informers;
  /** A client under a node's own identity. */
  readonly clientFor: (node: string) => Client;
  readonly clock: Clock;
  /** Milliseconds between two renewals of a node's lease, half of what it lasts; default 20 s. */
  readonly leasePeriod?: number;
  readonly random: Random;
  readonly log: Log;
  /** Copies of ConfigMaps, by which the cluster's stages are followed (`stages.ts`); without them there are none. */
  readonly stagesFrom?: Informers;
  /** `v1.35.0+navarch` */
  readonly version: string;
}

const usualLeasePeriod = 20_000;
/** The nodes take turns: one at each tick or, when they are more than so many, at each of these a share of them. */
const mostTicksInPeriod = 20;
const quietReport = 300_000;
const writesAtOnce = 32;
const retryAfter = 1_000;
const podsByNode = "nodeName";

interface Played {
  readonly client: Client;
  uid: string;
  reported: number;
  hasLease: boolean;
  lastAddress: number;
  events?: EventRecorder;
}

/** Plays every node that is labelled as simulated: it renews its lease, reports, and its pods go through their lives. */
export class SimulatedNodes implements AsyncDisposable {
  readonly #options: SimulatedNodesOptions;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #leasePeriod: number;
  readonly #played = new Map<string, Played>();
  readonly #timers = new Map<string, Disposable>();
  readonly #due = new Map<string, () => Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  readonly #subscriptions: Disposable[] = [];
  readonly #stages: StagePlay;
  readonly #began: number;
  /** Until it is known whether there are stages, no pod goes on. */
  #held: boolean;
  #turn = 0;
  #closed = false;
  #beat: { readonly pause: number; readonly timer: Disposable } | undefined;

  constructor(options: SimulatedNodesOptions) {
    this.#options = options;
    this.#stages = new StagePlay(options.random);
    this.#began = options.clock.now();
    this.#held = options.stagesFrom !== undefined;
    this.#leasePeriod = options.leasePeriod ?? usualLeasePeriod;
    this.#pods = options.informers.of(Pod);
    this.#nodes = options.informers.of(Node);
    const seen = (node: Node) => this.#seen(node);
    const look = (pod: Pod) => this.#look(pod);
    this.#subscriptions.push(
      this.#nodes.on({ added: seen, updated: seen, deleted: ({ metadata }) => this.#forget(metadata.name) }),
      this.#pods.on({ added: look, updated: look, deleted: (pod) => this.#gone(keyText(keyOf(pod))) }),
    );
    if (options.stagesFrom) {
      const use = (stages: readonly Stage[]) => {
        this.#held = false;
        this.#stages.use(stages);
        for (const pod of this.#pods.list()) look(pod);
      };
      this.#subscriptions.push(followStages(options.stagesFrom, options.log, use));
    }
  }

  /** Names of the nodes that are played. */
  get names(): readonly string[] {
    return [...this.#played.keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#beat?.timer[Symbol.dispose]();
    this.#due.clear();
    await Promise.allSettled(this.#running);
    await Promise.all([...this.#played.values()].map(({ events }) => events?.flush()));
  }

  #seen(node: Node): void {
    if (!isSimulated(node)) return;
    const { name, uid } = node.metadata;
    const known = this.#played.get(name);
    const ready = node.status?.conditions?.find(({ type }) => type === "Ready")?.status;
    if (known?.uid === uid) {
      // Somebody took it for dead: it says that it lives.
      if (ready !== "True" && known.reported > 0) this.#do(`node ${name}`, () => this.#report(name));
      return;
    }
    this.#pods.index(podsByNode, ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
    const client = known?.client ?? this.#options.clientFor(name);
    this.#played.set(name, { client, uid, reported: 0, hasLease: false, lastAddress: 1 });
    this.#do(`node ${name}`, async () => {
      await this.#renew(name);
      await this.#report(name);
    });
    for (const pod of this.#pods.by(podsByNode, name)) this.#look(pod);
    this.#arm();
  }

  #forget(name: string): void {
    this.#played.delete(name);
    if (this.#played.size > 0) return;
    this.#beat?.timer[Symbol.dispose]();
    this.#beat = undefined;
  }

  /** The next tick comes, and no later than so many nodes need it. */
  #arm(): void {
    const pause = this.#leasePeriod / Math.min(mostTicksInPeriod, this.#played.size);
    if (this.#beat && this.#beat.pause <= pause) return;
    this.#beat?.timer[Symbol.dispose]();
    this.#beat = { pause, timer: this.#options.clock.after(pause, () => this.#tick(pause)) };
  }

  #tick(pause: number): void {
    const names = this.names;
    const share = Math.ceil((names.length * pause) / this.#leasePeriod);
    for (let count = 0; count < share; count += 1, this.#turn += 1) {
      const name = names[this.#turn % names.length];
      if (name !== undefined) this.#do(`lease ${name}`, () => this.#renewAndReport(name));
    }
    this.#beat = undefined;
    this.#arm();
  }

  async #renewAndReport(name: string): Promise<void> {
    await this.#renew(name);
    const played = this.#played.get(name);
    if (played && this.#options.clock.now() - played.reported >= quietReport) await this.#report(name);
  }

  async #renew(name: string): Promise<void> {
    const played = this.#played.get(name);
    if (!played) return;
    const { client, uid, hasLease } = played;
    const key = { namespace: "kube-node-lease", name };
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: (2 * this.#leasePeriod) / 1000,
      renewTime: microTimeOf(this.#options.clock.now()),
    };
    const renew = () => client.patch(Lease, key, { type: "merge", body: { spec } });
    if (hasLease) {
      await renew();
      return;
    }
    try {
      const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid }];
      await client.create(Lease, { metadata: { ...key, ownerReferences }, spec });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      await renew();
    }
    played.hasLease = true;
  }

  async #report(name: string): Promise<void> {
    const { clock, version } = this.#options;
    const played = this.#played.get(name);
    const node = this.#nodes.get({ name });
    if (!played || !node) return;
    const now = clock.now();
    const time = timeOf(now);
    const condition = (type: NodeCondition["type"], status: "True" | "False", reason: string, message: string) => {
      const known = node.status?.conditions?.find((each) => each.type === type);
      const lastTransitionTime = known?.status === status ? known.lastTransitionTime : time;
      return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime };
    };
    const amounts = node.status?.capacity ?? usualAmounts;
    const status = {
      capacity: amounts,
      allocatable: node.status?.allocatable ?? amounts,
      // No address: there is nobody to call.
      nodeInfo: {
        ...{ machineID: "", systemUUID: "", bootID: "", kernelVersion: "simulated", osImage: "Navarch simulated node" },
        ...{ containerRuntimeVersion: `simulated://${version}`, kubeletVersion: version, kubeProxyVersion: "" },
        ...{ operatingSystem: "linux", architecture: "amd64" },
      },
      conditions: [
        condition("Ready", "True", "KubeletReady", "the simulated node lives"),
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      ],
    };
    await played.client.patch(Node, { name }, { type: "strategic", body: { status } }, { subresource: "status" });
    played.reported = now;
  }

  /** Sees to it that the pod's next step is taken in time. */
  #look(pod: Pod): void {
    const played = this.#played.get(pod.spec.nodeName ?? "");
    if (!played || this.#closed || this.#held) return;
    const key = keyText(keyOf(pod));
    this.#calm(key);
    const { clock } = this.#options;
    const now = clock.now();
    const step = this.#stages.next(key, pod, now) ?? nextStep(pod, now, () => []);
    if (!step) return;
    const wait = step.at - now;
    if (wait <= 0) this.#do(key, () => this.#take(pod));
    else this.#after(key, wait, () => this.#do(key, () => this.#take(pod)));
  }

  #after(key: string, ms: number, task: () => void): void {
    this.#timers.set(
      key,
      this.#options.clock.after(ms, () => {
        this.#timers.delete(key);
        task();
      }),
    );
  }

  #gone(key: string): void {
    this.#calm(key);
    this.#stages.forget(key);
  }

  #calm(key: string): void {
    this.#timers.get(key)?.[Symbol.dispose]();
    this.#timers.delete(key);
    this.#due.delete(key);
  }

  async #take(pod: Pod): Promise<void> {
    const name = pod.spec.nodeName ?? "";
    const played = this.#played.get(name);
    const current = this.#pods.get(keyOf(pod));
    if (!played || current?.metadata.uid !== pod.metadata.uid) return;
    const now = this.#options.clock.now();
    const key = keyText(keyOf(current));
    const chosen = this.#stages.next(key, current, now);
    if (chosen) {
      if (chosen.at > now) {
        this.#look(current);
        return;
      }
      await this.#enact(current, chosen, played);
      this.#stages.done(key, current, chosen, now);
      return;
    }
    const step = nextStep(current, now, () => this.#addresses(name, played));
    if (!step || step.at > now) {
      // A timer may fire a moment before its time.
      this.#look(current);
      return;
    }
    if (step.kind === "status") await played.client.updateStatus(Pod, { ...current, status: step.status() });
    else await this.#remove(current, played);
  }

  async #remove(pod: Pod, { client }: Played): Promise<void> {
    const { uid } = pod.metadata;
    await client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
  }

  /** Does what a stage says. One whose template cannot be carried out is told of in an event, and does nothing. */
  async #enact(pod: Pod, { stage }: ChosenStage, played: Played): Promise<void> {
    const { clock, version } = this.#options;
    const node = pod.spec.nodeName ?? "";
    if (stage.status) {
      let own: readonly string[] | undefined = pod.spec.hostNetwork ? [] : pod.status?.podIPs?.map(({ ip }) => ip);
      const addresses = () => {
        own ??= this.#addresses(node, played);
        return own;
      };
      try {
        const status = stage.status(pod, { now: clock.now(), started: this.#began, version, node, addresses });
        const body = { metadata: { uid: pod.metadata.uid }, status };
        await played.client.patch(Pod, keyOf(pod), { type: "strategic", body }, { subresource: "status" });
      } catch (error) {
        if (faultCode(error) !== "invalid" && !isStatus(error, "Invalid", "BadRequest")) throw error;
        this.#tell(pod, node, played, { type: "Warning", reason: "StageFailed", message: errorMessage(error) });
        return;
      }
    }
    if (stage.event) this.#tell(pod, node, played, stage.event);
    if (stage.deletes) await this.#remove(pod, played);
  }

  #tell(pod: Pod, host: string, played: Played, { type, reason, message }: NonNullable<Stage["event"]>): void {
    played.events ??= createEventRecorder({
      ...this.#options,
      ...played,
      source: { component: "simulated-node", host },
    });
    played.events.record(pod, type, reason, message);
  }

  /** The next addresses of the node's ranges that none of its pods has; none until the node has a range. */
  #addresses(name: string, played: Played): readonly string[] {
    const ranges = this.#nodes.get({ name })?.spec.podCIDRs ?? [];
    const last = lastNumber(ranges[0] ?? "");
    const taken = new Set(this.#pods.by(podsByNode, name).map(({ status }) => status?.podIP));
    for (let tried = 1; tried < last; tried += 1) {
      played.lastAddress = played.lastAddress >= last ? 2 : played.lastAddress + 1;
      const addresses = addressesAt(ranges, played.lastAddress);
      if (!taken.has(addresses[0])) return addresses;
    }
    return [];
  }

  /** Runs a task under a name as soon as there is room; one that waits under the same name gives way. */
  #do(key: string, task: () => Promise<void>): void {
    if (this.#closed) return;
    this.#due.set(key, task);
    this.#pump();
  }

  #pump(): void {
    for (const [key, task] of this.#due) {
      if (this.#running.size >= writesAtOnce) return;
      this.#due.delete(key);
      const run = this.#attempt(key, task).finally(() => {
        this.#running.delete(run);
        this.#pump();
      });
      this.#running.add(run);
    }
  }

  async #attempt(key: string, task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      // Who won the race is on its way to the local copy, which wakes the pod again.
      if (this.#closed || isStatus(error, "Conflict", "NotFound") || faultCode(error) === "aborted") return;
      this.#options.log.debug(`a simulated node's write failed: ${errorMessage(error)}`, { key });
      if (!this.#timers.has(key)) this.#after(key, retryAfter, () => this.#do(key, task));
    }
  }
}
