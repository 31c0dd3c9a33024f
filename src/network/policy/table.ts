import type { IpFamily } from "../machine/address.ts";
import { familyOf } from "../machine/address.ts";
import { getOrMake } from "../nft/transaction.ts";
import { objectKey } from "../proxy/service-input.ts";
import { type Block, blocksAround, cutBlocks } from "./blocks.ts";
import { Classes } from "./classes.ts";
import { entryKey, everyone, type PolicyChange, type PolicyEntry, type PortSpan } from "./entries.ts";
import { type Membership, membershipText, readMembership } from "./membership.ts";
import type { PodTerm, PodView } from "./peers.ts";
import { type Passage, planSubject, type ReadPolicy, readPolicy, type SubjectPlan } from "./plan.ts";
import {
  directions,
  isolatedByAnnotation,
  type NetworkPolicyInput,
  type PolicyContainerInput,
  type PolicyNamespaceInput,
  type PolicyPodInput,
} from "./policy-input.ts";
import { joinSpans } from "./ports.ts";

/** Where a table of policies is for. */
export interface PolicyContext {
  readonly nodeName: string;
  readonly family: IpFamily;
}

interface KnownPod {
  readonly view: PodView;
  readonly key: string;
  readonly address: string | undefined;
  /** Bound here and on the pod network. */
  readonly local: boolean;
  readonly hasNetwork: boolean;
}

/**
 * What one node's packet filter must know of the policies, kept up to date object by object. `drain` says what changed
 * since the last call; nothing is computed before that. Pods of the whole cluster are told, since any may be a peer;
 * rules are made for this node's pods only.
 */
export class PolicyTable {
  readonly #context: PolicyContext;
  readonly #policies = new Map<string, Map<string, ReadPolicy>>();
  readonly #namespaces = new Map<string, PolicyNamespaceInput>();
  readonly #pods = new Map<string, KnownPod>();
  /** Pods by address: one that is gone and its successor may share one for a moment. */
  readonly #byAddress = new Map<string, Map<string, KnownPod>>();
  readonly #local = new Set<string>();
  readonly #touchedAddresses = new Set<string>();
  readonly #classes = new Classes();
  /** The class of each address that a peer of some policy means. */
  readonly #podClasses = new Map<string, number>();
  #blockClasses = new Map<string, number>();
  #terms: ReadonlyMap<string, PodTerm> = new Map();
  #blocks: ReadonlyMap<string, Block> = new Map();
  #published = new Map<string, PolicyEntry>();
  #dirty = true;

  constructor(context: PolicyContext) {
    this.#context = context;
  }

  /** Whether objects came in that no drain has seen. */
  get dirty(): boolean {
    return this.#dirty;
  }

  setPolicy(policy: NetworkPolicyInput): void {
    const ofNamespace = getOrMake(
      this.#policies,
      policy.metadata?.namespace ?? "",
      () => new Map<string, ReadPolicy>(),
    );
    ofNamespace.set(objectKey(policy), readPolicy(policy));
    this.#dirty = true;
  }

  deletePolicy(policy: NetworkPolicyInput): void {
    if (this.#policies.get(policy.metadata?.namespace ?? "")?.delete(objectKey(policy))) this.#dirty = true;
  }

  setNamespace(namespace: PolicyNamespaceInput): void {
    const name = namespace.metadata?.name ?? "";
    const before = this.#namespaces.get(name);
    this.#namespaces.set(name, namespace);
    if (isolatedByAnnotation(before) !== isolatedByAnnotation(namespace)) this.#dirty = true;
    if (JSON.stringify(before?.metadata?.labels) !== JSON.stringify(namespace.metadata?.labels)) this.#relabel(name);
  }

  deleteNamespace(namespace: PolicyNamespaceInput): void {
    const name = namespace.metadata?.name ?? "";
    if (this.#namespaces.delete(name)) this.#relabel(name);
  }

  setPod(pod: PolicyPodInput): void {
    const known = this.#pods.get(objectKey(pod));
    // Most changes of a pod are of its status and mean nothing here.
    if (known && traits(known.view.pod) === traits(pod)) return;
    this.#replace(pod);
  }

  deletePod(pod: PolicyPodInput): void {
    this.#forget(objectKey(pod));
  }

  /** Plans what was touched and returns the difference to what earlier calls returned. */
  drain(): PolicyChange {
    this.#dirty = false;
    const subjects = this.#subjects();
    this.#follow(subjects.map(({ plan }) => plan));
    const wanted = new Map<string, PolicyEntry>();
    const want = (entry: PolicyEntry) => wanted.set(entryKey(entry), entry);
    for (const [range, number] of this.#blockClasses) want({ kind: "block", range, class: number });
    for (const [address, number] of this.#podClasses) want({ kind: "pod", address, class: number });
    const members = this.#members();
    for (const { pod, plan } of subjects) {
      if (pod.address !== undefined) {
        want({ kind: "known", address: pod.address });
        for (const entry of entriesOf(pod.address, plan, members)) want(entry);
      }
      // One that has no address of this family, but of another, will not get one.
      if (pod.hasNetwork) continue;
      for (const direction of directions) if (plan[direction]) want({ kind: "waiting", direction });
    }
    const add = [...wanted].filter(([key]) => !this.#published.has(key)).map(([, entry]) => entry);
    const remove = [...this.#published].filter(([key]) => !wanted.has(key)).map(([, entry]) => entry);
    this.#published = wanted;
    return { add, remove };
  }

  #subjects(): { readonly pod: KnownPod; readonly plan: SubjectPlan }[] {
    return [...this.#local].flatMap((key) => {
      const pod = this.#pods.get(key);
      if (!pod) return [];
      const { namespace } = pod.view;
      const denied = isolatedByAnnotation(this.#namespaces.get(namespace));
      return [{ pod, plan: planSubject(pod.view, this.#policies.get(namespace)?.values() ?? [], denied) }];
    });
  }

  /** Brings the classes of addresses in line with whom the plans mean. */
  #follow(plans: readonly SubjectPlan[]): void {
    const terms = new Map<string, PodTerm>();
    const blocks = new Map<string, Block>();
    for (const { who } of plans.flatMap((plan) => directions.flatMap((direction) => plan[direction] ?? []))) {
      if (who === "everyone") continue;
      if ("term" in who) terms.set(who.term.id, who.term);
      else if (who.block.family === this.#context.family) blocks.set(who.block.id, who.block);
    }
    const same = sameKeys(terms, this.#terms) && sameKeys(blocks, this.#blocks);
    this.#terms = terms;
    this.#blocks = blocks;
    if (!same) {
      const before = this.#blockClasses;
      const pieces = cutBlocks([...blocks.values()], this.#context.family);
      this.#blockClasses = new Map(
        pieces.map((piece) => [piece.range, this.#classes.hold(membershipText(piece.blocks.map((id) => ({ id }))))]),
      );
      for (const number of before.values()) this.#classes.release(number);
    }
    for (const address of same
      ? this.#touchedAddresses
      : new Set([...this.#byAddress.keys(), ...this.#podClasses.keys()])) {
      this.#classify(address);
    }
    this.#touchedAddresses.clear();
  }

  #classify(address: string): void {
    const before = this.#podClasses.get(address);
    const pod = newest(this.#byAddress.get(address));
    const ofPod = pod ? this.#memberships(pod.view) : [];
    if (ofPod.length > 0) {
      const around = blocksAround(address, [...this.#blocks.values()]).map((id) => ({ id }));
      this.#podClasses.set(address, this.#classes.hold(membershipText([...around, ...ofPod])));
    } else this.#podClasses.delete(address);
    if (before !== undefined) this.#classes.release(before);
  }

  #memberships(view: PodView): Membership[] {
    return [...this.#terms.values()].flatMap((term) => {
      const meets = term.meets(view);
      if (meets === undefined) return [];
      return [{ id: term.id, ports: meets === true ? undefined : meets }];
    });
  }

  /** Which classes are in a term or block, and the ports that its name means there. */
  #members(): ReadonlyMap<string, readonly ClassMember[]> {
    const members = new Map<string, ClassMember[]>();
    for (const [number, text] of this.#classes.all()) {
      for (const { id, ports } of readMembership(text)) {
        getOrMake(members, id, () => [] as ClassMember[]).push({ class: number, ports });
      }
    }
    return members;
  }

  #replace(pod: PolicyPodInput): void {
    this.#forget(objectKey(pod));
    if (pod.spec?.hostNetwork || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return;
    const key = objectKey(pod);
    const namespace = pod.metadata?.namespace ?? "";
    const addresses = (pod.status?.podIPs?.map(({ ip }) => ip) ?? [pod.status?.podIP]).filter((ip) => ip !== undefined);
    const address = addresses.find((ip) => familyOf(ip) === this.#context.family);
    const local = pod.spec?.nodeName === this.#context.nodeName;
    const known: KnownPod = {
      view: {
        pod,
        namespace,
        labels: pod.metadata?.labels ?? {},
        namespaceLabels: this.#namespaces.get(namespace)?.metadata?.labels ?? {},
      },
      ...{ key, address, local, hasNetwork: addresses.length > 0 && !lacksNetwork(pod) },
    };
    this.#pods.set(key, known);
    if (address !== undefined) {
      getOrMake(this.#byAddress, address, () => new Map<string, KnownPod>()).set(key, known);
      this.#touchedAddresses.add(address);
      this.#dirty = true;
    }
    if (local) {
      this.#local.add(key);
      this.#dirty = true;
    }
  }

  #forget(key: string): void {
    const known = this.#pods.get(key);
    if (!known) return;
    this.#pods.delete(key);
    if (this.#local.delete(key)) this.#dirty = true;
    if (known.address === undefined) return;
    const sharing = this.#byAddress.get(known.address);
    sharing?.delete(key);
    if (sharing?.size === 0) this.#byAddress.delete(known.address);
    this.#touchedAddresses.add(known.address);
    this.#dirty = true;
  }

  /** A namespace's labels changed, so its pods are other peers than before. */
  #relabel(namespace: string): void {
    for (const { view } of [...this.#pods.values()]) if (view.namespace === namespace) this.#replace(view.pod);
  }
}

interface ClassMember {
  readonly class: number;
  readonly ports: readonly number[] | undefined;
}

/** The entries that isolate one pod and let through what its plan says. Pure. */
function entriesOf(
  address: string,
  plan: SubjectPlan,
  members: ReadonlyMap<string, readonly ClassMember[]>,
): PolicyEntry[] {
  return directions.flatMap((direction) => {
    const passages = plan[direction];
    if (!passages) return [];
    const allowed = [...spansByClass(passages, members)].map(([number, spans]): PolicyEntry => {
      const entry = { kind: "allowed", direction, address, class: number } as const;
      return spans === "all" ? entry : { ...entry, ports: joinSpans(spans) };
    });
    return [{ kind: "isolated", direction, address } as const, ...allowed];
  });
}

/** Per class the ports it may use; "all" when all. */
function spansByClass(
  passages: readonly Passage[],
  members: ReadonlyMap<string, readonly ClassMember[]>,
): ReadonlyMap<number, readonly PortSpan[] | "all"> {
  const spansOf = new Map<number, PortSpan[] | "all">();
  const permit = (number: number, spans: readonly PortSpan[] | undefined) => {
    const before = spansOf.get(number) ?? [];
    spansOf.set(number, before === "all" || spans === undefined ? "all" : [...before, ...spans]);
  };
  for (const { who, spans } of passages) {
    if (who === "everyone") {
      permit(everyone, spans);
      continue;
    }
    const term = "term" in who ? who.term : undefined;
    const id = "term" in who ? who.term.id : who.block.id;
    for (const member of members.get(id) ?? []) {
      const protocol = term?.named?.protocol;
      const own = protocol && (member.ports ?? []).map((port) => ({ protocol, from: port, to: port }));
      permit(member.class, own ?? spans);
    }
  }
  return spansOf;
}

/** What of a pod matters here, as a text that can be compared. */
function traits({ metadata, spec, status }: PolicyPodInput): string {
  const ports = (containers: readonly PolicyContainerInput[] | undefined) =>
    containers?.map((container) => [container.restartPolicy, container.ports]);
  const place = [spec?.nodeName, spec?.hostNetwork, ports(spec?.containers), ports(spec?.initContainers)];
  const state = [status?.phase, status?.podIP, status?.podIPs, lacksNetwork({ status })];
  return JSON.stringify([metadata?.creationTimestamp, metadata?.labels, place, state]);
}

/** Whether its node says that the pod's sandbox is not there (any more). */
function lacksNetwork({ status }: PolicyPodInput): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === "PodReadyToStartContainers" && condition.status === "False",
  );
}

function newest(pods: ReadonlyMap<string, KnownPod> | undefined): KnownPod | undefined {
  if (!pods) return undefined;
  const born = ({ view }: KnownPod) => view.pod.metadata?.creationTimestamp ?? "";
  return [...pods.values()].reduce((a, b) => (born(b) > born(a) ? b : a));
}

function sameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}
