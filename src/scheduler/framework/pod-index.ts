import { type NamespaceLabels, type PodQuestion, type StatedTerm, statedTerms } from "./affinity-terms.ts";
import type { NodeInfo } from "./node-info.ts";
import type { PodInfo } from "./pod-info.ts";
import { PodCounts, Topology } from "./topology.ts";

/** Placed pods that state one and the same term about others. */
export interface TermGroup extends StatedTerm {
  readonly counts: PodCounts;
}

interface Counted {
  readonly question: PodQuestion;
  readonly counts: PodCounts;
}

/** Questions that are kept answered; the one not asked for longest is dropped, and counted anew when asked again. */
const remembered = 512;

/**
 * What placed pods answer to questions about them, kept up to date pod by pod: how many match a selector, and which affinity
 * terms they hold over others. A look-up costs nothing per pod.
 */
export class PodIndex {
  readonly #namespaceLabels: NamespaceLabels;
  readonly #pods = new Map<string, Map<string, { readonly info: PodInfo; readonly slot: number }>>();
  readonly #nodes = new Set<NodeInfo>();
  readonly #topologies = new Map<string, Topology>();
  readonly #questions = new Map<string, Counted>();
  readonly #groups = new Map<string, TermGroup>();
  readonly #stated = new Map<string, readonly TermGroup[]>();
  readonly #supposed = new Map<string, { readonly info: PodInfo; readonly slot: number; readonly by: number }>();

  constructor(namespaceLabels: NamespaceLabels) {
    this.#namespaceLabels = namespaceLabels;
  }

  get namespaceLabels(): NamespaceLabels {
    return this.#namespaceLabels;
  }

  /** The domains of a node label. */
  topology(key: string): Topology {
    let topology = this.#topologies.get(key);
    if (!topology) {
      topology = new Topology(key, Math.max(64, this.#nodes.size));
      for (const node of this.#nodes) topology.place(node);
      this.#topologies.set(key, topology);
    }
    return topology;
  }

  /** How many placed pods match, by node; the answer follows later changes for as long as the question is asked now and then. */
  count(question: PodQuestion): PodCounts {
    const known = this.#questions.get(question.key);
    if (known) {
      this.#questions.delete(question.key);
      this.#questions.set(question.key, known);
      return known.counts;
    }
    const counted = { question, counts: new PodCounts() };
    const spaces = question.namespaces ?? this.#pods.keys();
    for (const namespace of spaces)
      for (const { info, slot } of this.#pods.get(namespace)?.values() ?? [])
        if (question.matches(info.pod)) counted.counts.add(slot, 1);
    for (const { info, slot, by } of this.#supposed.values())
      if (question.matches(info.pod)) counted.counts.add(slot, by);
    this.#questions.set(question.key, counted);
    if (this.#questions.size > remembered) this.#questions.delete(this.#questions.keys().next().value as string);
    return counted.counts;
  }

  /** Terms that placed pods hold over others. */
  get terms(): Iterable<TermGroup> {
    return this.#groups.values();
  }

  get hasTerms(): boolean {
    return this.#groups.size > 0;
  }

  /** Forgets answers that depend on namespaces' labels. */
  namespacesChanged(): void {
    for (const [key, { question }] of this.#questions) if (!question.namespaces) this.#questions.delete(key);
  }

  addNode(node: NodeInfo): void {
    this.#nodes.add(node);
    for (const topology of this.#topologies.values()) topology.place(node);
  }

  relabelNode(node: NodeInfo): void {
    for (const topology of this.#topologies.values()) topology.place(node);
  }

  /** Its pods must be taken out before. */
  removeNode(node: NodeInfo): void {
    this.#nodes.delete(node);
    for (const topology of this.#topologies.values()) topology.leave(node);
  }

  add(info: PodInfo, { slot }: NodeInfo): void {
    const { namespace } = info.pod.metadata;
    let pods = this.#pods.get(namespace);
    if (!pods) {
      pods = new Map();
      this.#pods.set(namespace, pods);
    }
    pods.set(info.uid, { info, slot });
    this.#tally(info, slot, 1);
    if (!info.hasPodAffinity) return;
    const groups = statedTerms(info.pod, this.#namespaceLabels).map((stated) => this.#group(stated));
    this.#stated.set(info.uid, groups);
    for (const group of groups) group.counts.add(slot, 1);
  }

  /** A pod's newer form that counts as the one before. */
  renew(info: PodInfo): void {
    const pods = this.#pods.get(info.pod.metadata.namespace);
    const known = pods?.get(info.uid);
    if (known) pods?.set(info.uid, { info, slot: known.slot });
  }

  /** Counts a pod that is only supposed to come or go; supposing the opposite takes it back. */
  suppose(info: PodInfo, { slot }: NodeInfo, by: 1 | -1): void {
    const before = this.#supposed.get(info.uid);
    if (before && before.by + by === 0) this.#supposed.delete(info.uid);
    else this.#supposed.set(info.uid, { info, slot, by });
    this.#tally(info, slot, by);
    if (!info.hasPodAffinity) return;
    const placed = this.#stated.get(info.uid);
    const groups = placed ?? statedTerms(info.pod, this.#namespaceLabels).map((stated) => this.#group(stated));
    for (const group of groups) {
      group.counts.add(slot, by);
      // The group of a pod that is placed stays, since what was prepared holds on to it.
      if (!placed && group.counts.total === 0) this.#groups.delete(groupKey(group));
    }
  }

  remove(info: PodInfo, { slot }: NodeInfo): void {
    const { namespace } = info.pod.metadata;
    const pods = this.#pods.get(namespace);
    if (pods?.delete(info.uid) && pods.size === 0) this.#pods.delete(namespace);
    this.#tally(info, slot, -1);
    for (const group of this.#stated.get(info.uid) ?? []) {
      group.counts.add(slot, -1);
      if (group.counts.total === 0) this.#groups.delete(groupKey(group));
    }
    this.#stated.delete(info.uid);
  }

  #tally({ pod }: PodInfo, slot: number, by: 1 | -1): void {
    for (const { question, counts } of this.#questions.values()) {
      if (question.namespaces && !question.namespaces.has(pod.metadata.namespace)) continue;
      if (question.matches(pod)) counts.add(slot, by);
    }
  }

  #group(stated: StatedTerm): TermGroup {
    const key = groupKey(stated);
    let group = this.#groups.get(key);
    if (!group) {
      group = { ...stated, counts: new PodCounts() };
      this.#groups.set(key, group);
    }
    return group;
  }
}

const groupKey = ({ kind, weight, term }: StatedTerm) => `${kind}|${weight}|${term.topologyKey}|${term.key}`;
