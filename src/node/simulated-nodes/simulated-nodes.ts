import { Lease } from "../../api/coordination/lease.ts";
import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { NodeCondition } from "../../api/generated/core-v1.ts";
import type { Client, Informer, Informers } from "../../client/client.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { keyOf, keyText } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { microTimeOf, timeOf } from "../../machinery/times.ts";
import { isSimulated, usualAmounts } from "./make-nodes.ts";
import { nextStep } from "./pod-life.ts";

export interface SimulatedNodesOptions {
  /** Local copies of nodes and pods that somebody has anyway; theirs to close. */
  readonly informers: Informers;
  /** A client under a node's own identity. */
  readonly clientFor: (node: string) => Client;
  readonly clock: Clock;
  readonly log: Log;
  /** `v1.35.0+navarch` */
  readonly version: string;
}

/** Between two renewals of a node's lease: half of what it lasts. */
const leasePeriod = 20_000;
const leaseSeconds = 40;
/** The nodes take turns: at each tick a share of them renews its leases. */
const tick = 1_000;
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
}

/** Plays every node that is labelled as simulated: it renews its lease, reports, and its pods go through their lives. */
export class SimulatedNodes implements AsyncDisposable {
  readonly #options: SimulatedNodesOptions;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #played = new Map<string, Played>();
  readonly #timers = new Map<string, Disposable>();
  readonly #due = new Map<string, () => Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  readonly #subscriptions: Disposable[] = [];
  #turn = 0;
  #closed = false;
  #beat: Disposable | undefined;

  constructor(options: SimulatedNodesOptions) {
    this.#options = options;
    this.#pods = options.informers.of(Pod);
    this.#nodes = options.informers.of(Node);
    const seen = (node: Node) => this.#seen(node);
    const look = (pod: Pod) => this.#look(pod);
    this.#subscriptions.push(
      this.#nodes.on({ added: seen, updated: seen, deleted: ({ metadata }) => this.#forget(metadata.name) }),
      this.#pods.on({ added: look, updated: look, deleted: (pod) => this.#calm(keyText(keyOf(pod))) }),
    );
  }

  /** Names of the nodes that are played. */
  get names(): readonly string[] {
    return [...this.#played.keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#beat?.[Symbol.dispose]();
    this.#due.clear();
    await Promise.allSettled(this.#running);
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
    this.#beat ??= this.#options.clock.after(tick, () => this.#tick());
  }

  #forget(name: string): void {
    this.#played.delete(name);
    if (this.#played.size > 0) return;
    this.#beat?.[Symbol.dispose]();
    this.#beat = undefined;
  }

  #tick(): void {
    const names = this.names;
    const share = Math.ceil((names.length * tick) / leasePeriod);
    for (let count = 0; count < share; count += 1, this.#turn += 1) {
      const name = names[this.#turn % names.length];
      if (name !== undefined) this.#do(`lease ${name}`, () => this.#renewAndReport(name));
    }
    this.#beat = this.#options.clock.after(tick, () => this.#tick());
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
      leaseDurationSeconds: leaseSeconds,
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
    if (!played || this.#closed) return;
    const key = keyText(keyOf(pod));
    this.#calm(key);
    const { clock } = this.#options;
    const step = nextStep(pod, clock.now(), () => undefined);
    if (!step) return;
    const wait = step.at - clock.now();
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
    const { clock } = this.#options;
    const step = nextStep(current, clock.now(), () => this.#address(name, played));
    if (!step || step.at > clock.now()) return;
    if (step.kind === "status") await played.client.updateStatus(Pod, { ...current, status: step.status() });
    else {
      const { uid } = current.metadata;
      await played.client.delete(Pod, keyOf(current), { gracePeriodSeconds: 0, preconditions: { uid } });
    }
  }

  /** The next address of the node's range that none of its pods has; undefined until the node has a range. */
  #address(name: string, played: Played): string | undefined {
    const [, base] = /^(\d+\.\d+\.\d+)\.0\/24$/.exec(this.#nodes.get({ name })?.spec.podCIDR ?? "") ?? [];
    if (!base) return undefined;
    const taken = new Set(this.#pods.by(podsByNode, name).map(({ status }) => status?.podIP));
    for (let tried = 0; tried < 253; tried += 1) {
      played.lastAddress = played.lastAddress >= 254 ? 2 : played.lastAddress + 1;
      const address = `${base}.${played.lastAddress}`;
      if (!taken.has(address)) return address;
    }
    return undefined;
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
