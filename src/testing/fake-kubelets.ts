import { Lease } from "../api/coordination/lease.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import type { NodeCondition, PodStatus } from "../api/generated/core-v1.ts";
import type { Client, Informers } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import { keyOf, keyText } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import { microTimeOf, timeOf } from "../machinery/times.ts";

/** A node's size and looks. */
export interface NodeGiven {
  readonly name: string;
  readonly cpu: number | string;
  readonly memory: string;
  readonly pods: number;
  readonly zone?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly object[];
  readonly unschedulable?: boolean;
}

/** Which pods a rule or a pin is about; what is absent matches all. */
export interface PodMatch {
  /** A regular expression for the whole name. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly node?: string;
}

/** What the kubelet does with the pods that match. */
export interface KubeletRule {
  readonly match?: PodMatch;
  readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly ready?: boolean;
  readonly restarts?: number;
  readonly hold?: boolean;
  readonly terminate?: boolean;
}

const leaseNamespace = "kube-node-lease";
const leasePeriod = 2000;
/** Milliseconds until a kubelet looks again: new rules and deletions reach the pods that are there then. */
const nextLook = 50;

/** Nodes and the kubelets on them, acting by themselves: they report, and do with pods at once what the rules say. */
export class FakeKubelets implements Disposable {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #informers: Informers;
  readonly #alive = new Set<string>();
  readonly #pins = new Map<string, KubeletRule>();
  readonly #ending = new Set<string>();
  readonly #subscription: Disposable;
  readonly #waiting = new Set<string>();
  #rules: readonly KubeletRule[] = [];
  #working = false;
  #addresses = 0;
  #beat: Disposable | undefined;

  constructor(options: { readonly client: Client; readonly clock: Clock; readonly informers: Informers }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#informers = options.informers;
    const look = (pod: Pod) => this.#look(pod);
    this.#subscription = this.#informers.of(Pod).on({ added: look, updated: look });
    this.#renewLater();
  }

  async addNode(node: NodeGiven): Promise<void> {
    const { name, cpu, memory, pods, zone, labels, taints, unschedulable } = node;
    const amounts = { cpu: String(cpu), memory, pods: String(pods), "ephemeral-storage": "100Gi" };
    await this.#client.create(Node, {
      metadata: {
        name,
        labels: {
          "kubernetes.io/hostname": name,
          ...(zone ? { "topology.kubernetes.io/zone": zone } : {}),
          ...labels,
        },
      },
      spec: { ...(taints ? { taints } : {}), ...(unschedulable ? { unschedulable } : {}) } as Node["spec"],
      status: { capacity: amounts, allocatable: amounts, conditions: this.#conditions() },
    });
    const metadata = { name, namespace: leaseNamespace };
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTimeOf(this.#clock.now()) };
    await this.#client.create(Lease, { metadata, spec });
    this.#alive.add(name);
  }

  /** The node's machine is switched off: no more reports, no work on its pods. */
  stop(name: string): void {
    this.#alive.delete(name);
  }

  /** It is back, and reports that it is ready. */
  async start(name: string): Promise<void> {
    this.#alive.add(name);
    await this.#renew();
    await this.#client.patch(
      Node,
      { name },
      { type: "strategic", body: { status: { conditions: this.#conditions() } } },
      { subresource: "status" },
    );
    this.#lookAtAll();
  }

  /** Replaces the rules; the first that matches a pod counts. */
  rule(rules: readonly KubeletRule[]): void {
    this.#rules = rules;
    this.#lookAtAll();
  }

  /** Holds the running pods that match now to a state, over all rules. */
  pin({ match, count, ...state }: KubeletRule & { readonly match: PodMatch; readonly count?: number }): void {
    const running = this.#informers
      .of(Pod)
      .list()
      .filter((pod) => pod.status?.phase === "Running" && !pod.metadata.deletionTimestamp && matches(pod, match));
    for (const pod of running.slice(0, count ?? running.length)) {
      this.#clock.after(nextLook, () => {
        this.#pins.set(pod.metadata.uid, state);
        this.#look(pod);
      });
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#beat?.[Symbol.dispose]();
  }

  #conditions(): readonly NodeCondition[] {
    const now = timeOf(this.#clock.now());
    const condition = (type: NodeCondition["type"], status: "True" | "False", reason: string, message: string) => ({
      ...{ type, status, reason, message },
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    });
    return [
      condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ];
  }

  #renewLater(): void {
    this.#beat = this.#clock.after(leasePeriod, () => {
      void this.#renew();
      this.#renewLater();
    });
  }

  async #renew(): Promise<void> {
    const body = { spec: { renewTime: microTimeOf(this.#clock.now()) } };
    for (const name of this.#alive) {
      await this.#client.patch(Lease, { namespace: leaseNamespace, name }, { type: "merge", body });
    }
  }

  #lookAtAll(): void {
    this.#clock.after(nextLook, () => {
      for (const pod of this.#informers.of(Pod).list()) this.#look(pod);
    });
  }

  #look(pod: Pod): void {
    this.#waiting.add(keyText(keyOf(pod)));
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      try {
        await this.#serve(key);
      } catch (error) {
        // Who won the race is on its way to the informer, which wakes this key again.
        if (!isStatus(error, "Conflict", "NotFound")) throw error;
      }
    }
    this.#working = false;
  }

  async #serve(key: string): Promise<void> {
    const [namespace = "", name = ""] = key.split("/");
    const pod = this.#informers.of(Pod).get({ namespace, name });
    if (!pod?.spec.nodeName || !this.#alive.has(pod.spec.nodeName)) return;
    const rule = this.#rules.find(({ match }) => matches(pod, match ?? {})) ?? {};
    const { uid } = pod.metadata;
    if (pod.metadata.deletionTimestamp) {
      if (rule.terminate === false || pod.metadata.deletionGracePeriodSeconds === 0) return;
      if (this.#ending.has(uid)) {
        await this.#client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid } });
      } else {
        this.#ending.add(uid);
        this.#clock.after(nextLook, () => this.#look(pod));
      }
      return;
    }
    if (rule.hold) return;
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return;
    const wanted = this.#pins.get(uid) ?? rule;
    const next = this.#statusOf(pod, wanted);
    if (next) await this.#client.updateStatus(Pod, { ...pod, status: next });
  }

  /** Nothing when the pod says all this already. */
  #statusOf(
    pod: Pod,
    { phase = "Running", ready = phase === "Running", restarts = 0 }: KubeletRule,
  ): PodStatus | undefined {
    const now = timeOf(this.#clock.now());
    const known = pod.status;
    const [container] = known?.containerStatuses ?? [];
    const isReady = known?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
    if (known?.phase === phase && container && isReady === ready && container.restartCount === restarts)
      return undefined;
    const condition = (type: "Initialized" | "Ready" | "ContainersReady", holds: boolean) => {
      const status = holds ? ("True" as const) : ("False" as const);
      const before = known?.conditions?.find((each) => each.type === type);
      if (before?.status === status) return before;
      return { type, status, lastTransitionTime: now, ...(holds ? {} : { reason: "ContainersNotReady" }) };
    };
    const own = ["Initialized", "Ready", "ContainersReady"];
    const podIP = known?.podIP ?? this.#nextAddress();
    return {
      ...known,
      phase,
      podIP,
      podIPs: [{ ip: podIP }],
      startTime: known?.startTime ?? now,
      conditions: [
        ...(known?.conditions ?? []).filter(({ type }) => !own.includes(type)),
        condition("Initialized", true),
        condition("Ready", ready),
        condition("ContainersReady", ready),
      ],
      containerStatuses: pod.spec.containers.map(({ name, image = "" }) => ({
        name,
        image,
        imageID: "",
        ready,
        restartCount: restarts,
        state: containerState(phase, known?.startTime ?? now, now),
      })),
    };
  }

  #nextAddress(): string {
    this.#addresses += 1;
    return `10.88.${Math.floor(this.#addresses / 250)}.${(this.#addresses % 250) + 1}`;
  }
}

function containerState(phase: KubeletRule["phase"], startedAt: string, finishedAt: string) {
  if (phase === "Pending") return { waiting: { reason: "ContainerCreating" } };
  if (phase === "Running") return { running: { startedAt } };
  return { terminated: { exitCode: phase === "Failed" ? 1 : 0, startedAt, finishedAt } };
}

function matches(pod: Pod, { name, labels, image, node }: PodMatch): boolean {
  if (name !== undefined && !new RegExp(`^(?:${name})$`).test(pod.metadata.name)) return false;
  if (image !== undefined && pod.spec.containers[0]?.image !== image) return false;
  if (node !== undefined && pod.spec.nodeName !== node) return false;
  return Object.entries(labels ?? {}).every(([key, value]) => pod.metadata.labels?.[key] === value);
}
