import type { NetworkPolicyPort } from "../../api/generated/networking-v1.ts";
import { type Protocol, protocolOf } from "../proxy/front.ts";
import type { PortSpan } from "./entries.ts";
import type { PolicyPodInput } from "./policy-input.ts";

/** A port that is a name: which number that is depends on the pod that is connected to. */
export interface NamedPort {
  readonly protocol: Protocol;
  readonly name: string;
}

/** What the `ports` of a rule mean: all ports of all protocols, or spans and names. */
export interface RulePorts {
  readonly all: boolean;
  readonly spans: readonly PortSpan[];
  readonly named: readonly NamedPort[];
}

const allPorts: RulePorts = { all: true, spans: [], named: [] };

/** The ports of a rule; an absent or empty list means all. Protocols that are not known let nothing through. */
export function rulePorts(ports: readonly NetworkPolicyPort[] | undefined): RulePorts {
  if (!ports || ports.length === 0) return allPorts;
  const spans: PortSpan[] = [];
  const named: NamedPort[] = [];
  for (const { protocol: word, port, endPort } of ports) {
    const protocol = protocolOf(word);
    if (!protocol) continue;
    if (port === undefined) spans.push({ protocol, from: 0, to: 65_535 });
    else if (typeof port === "string") named.push({ protocol, name: port });
    else spans.push({ protocol, from: port, to: endPort ?? port });
  }
  return { all: false, spans, named };
}

/** The numbers that a named port has in a pod: those of its containers and sidecars. Ascending. */
export function portsNamed(pod: PolicyPodInput, { protocol, name }: NamedPort): readonly number[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always");
  const numbers = [...(pod.spec?.containers ?? []), ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.name === name && protocolOf(port.protocol) === protocol)
    .map((port) => port.containerPort);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** The same ports as spans that neither overlap nor touch: a set of intervals in the kernel takes no others. */
export function joinSpans(spans: readonly PortSpan[]): PortSpan[] {
  const joined: PortSpan[] = [];
  const order = [...spans].sort((a, b) => a.protocol.localeCompare(b.protocol) || a.from - b.from);
  for (const span of order) {
    const last = joined.at(-1);
    if (last?.protocol === span.protocol && span.from <= last.to + 1) {
      joined[joined.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    } else joined.push(span);
  }
  return joined;
}
