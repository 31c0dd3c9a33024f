import type { NetworkPolicyPeer, NetworkPolicyPort } from "../../api/generated/networking-v1.ts";
import { type Selector, selectorOfObject } from "../../machinery/labels.ts";
import type { Block } from "./blocks.ts";
import type { PortSpan } from "./entries.ts";
import { anyPodWith, type PodTerm, type PodView, type RulePeers, rulePeers, withNamed } from "./peers.ts";
import { type Direction, directionsOf, type NetworkPolicyInput } from "./policy-input.ts";
import { portsNamed, type RulePorts, rulePorts } from "./ports.ts";

/** A policy, read once. */
export interface ReadPolicy {
  readonly namespace: string;
  readonly selector: Selector;
  readonly closes: readonly Direction[];
  readonly rules: Readonly<Record<Direction, readonly ReadRule[]>>;
}

interface ReadRule {
  readonly peers: RulePeers;
  readonly ports: RulePorts;
}

/** Reads a policy. Pure. */
export function readPolicy({ metadata, spec = {} }: NetworkPolicyInput): ReadPolicy {
  const namespace = metadata?.namespace ?? "";
  const rule = (
    peers: readonly NetworkPolicyPeer[] | undefined,
    ports: readonly NetworkPolicyPort[] | undefined,
  ): ReadRule => ({ peers: rulePeers(peers, namespace), ports: rulePorts(ports) });
  return {
    namespace,
    selector: selectorOfObject(spec.podSelector ?? {}),
    closes: directionsOf(spec),
    rules: {
      ingress: (spec.ingress ?? []).map(({ from, ports }) => rule(from, ports)),
      egress: (spec.egress ?? []).map(({ to, ports }) => rule(to, ports)),
    },
  };
}

/** Something that gets through: from or to whom, and on which ports. */
export interface Passage {
  readonly who: "everyone" | { readonly term: PodTerm } | { readonly block: Block };
  /** Undefined: all ports of all protocols; for a term with a named port, that port of each pod. */
  readonly spans: readonly PortSpan[] | undefined;
}

/** What one pod's policies say: per direction what gets through, or undefined where no policy closes it. */
export type SubjectPlan = Readonly<Record<Direction, readonly Passage[] | undefined>>;

/** The policies of a pod's own namespace make its plan; `denied` says that the namespace's annotation closes ingress. Pure. */
export function planSubject(view: PodView, policies: Iterable<ReadPolicy>, denied: boolean): SubjectPlan {
  const plan: { [D in Direction]: Passage[] | undefined } = { ingress: denied ? [] : undefined, egress: undefined };
  for (const { selector, closes, rules } of policies) {
    if (!selector.matches(view.labels)) continue;
    for (const direction of closes) {
      plan[direction] ??= [];
      plan[direction].push(...rules[direction].flatMap((rule) => passages(rule, direction, view)));
    }
  }
  return plan;
}

function passages({ peers, ports }: ReadRule, direction: Direction, subject: PodView): Passage[] {
  const numbered = ports.all ? undefined : [...ports.spans];
  if (numbered && direction === "ingress") {
    for (const named of ports.named) {
      const { protocol } = named;
      numbered.push(...portsNamed(subject.pod, named).map((port) => ({ protocol, from: port, to: port })));
    }
  }
  const found: Passage[] = [];
  if (numbered === undefined || numbered.length > 0) {
    if (peers === "everyone") found.push({ who: "everyone", spans: numbered });
    else {
      found.push(...peers.terms.map((term) => ({ who: { term }, spans: numbered })));
      found.push(...peers.blocks.map((block) => ({ who: { block }, spans: numbered })));
    }
  }
  // On the way out the name is looked up in the pod that is called, so a block of addresses has no named port.
  for (const named of direction === "egress" ? ports.named : []) {
    const terms = peers === "everyone" ? [anyPodWith(named)] : peers.terms.map((term) => withNamed(term, named));
    found.push(...terms.map((term) => ({ who: { term }, spans: undefined })));
  }
  return found;
}
