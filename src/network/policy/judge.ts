import { addressToNumber, cidrContains, familyOf, parseCidr } from "../machine/address.ts";
import type { Protocol } from "../proxy/front.ts";
import { everyone, type PolicyEntry, type PortSpan } from "./entries.ts";
import type { Direction } from "./policy-input.ts";

/** A new connection as the node's packet filter meets it: after translation to a service's endpoint. */
export interface Passing {
  readonly source: string;
  readonly destination: string;
  /** Undefined for protocols without ports, such as ICMP. */
  readonly to?: { readonly protocol: Protocol; readonly port: number };
}

/** What becomes of a connection, and why. */
export interface Judgement {
  readonly allowed: boolean;
  /** The direction that closed it. */
  readonly direction?: Direction;
  readonly because: string;
}

/** The same decision that the kernel's tables make, as a value with its reason. Pure. */
export function judge(passing: Passing, entries: Iterable<PolicyEntry>, localRanges: readonly string[]): Judgement {
  const all = [...entries];
  const { source, destination } = passing;
  const known = (address: string) => all.some((entry) => entry.kind === "known" && entry.address === address);
  if (source === destination && known(source)) return { allowed: true, because: "a pod may always reach itself" };
  const here = (address: string) => localRanges.some((range) => contains(range, address));
  for (const direction of ["egress", "ingress"] satisfies Direction[]) {
    const [subject, peer] = direction === "ingress" ? [destination, source] : [source, destination];
    if (!known(subject)) {
      const waiting = all.some((entry) => entry.kind === "waiting" && entry.direction === direction);
      if (!waiting || !here(subject)) continue;
      return { allowed: false, direction, because: "a pod that will be isolated has no known address yet" };
    }
    const isolated = all.some(
      (entry) => entry.kind === "isolated" && entry.direction === direction && entry.address === subject,
    );
    if (!isolated) continue;
    const classes = [everyone, classOf(peer, all)];
    const allowed = all.some(
      (entry) =>
        entry.kind === "allowed" &&
        entry.direction === direction &&
        entry.address === subject &&
        classes.includes(entry.class) &&
        (!entry.ports || entry.ports.some((span) => coversPort(span, passing.to))),
    );
    if (!allowed) return { allowed: false, direction, because: `no policy allows this ${direction}` };
  }
  return { allowed: true, because: "nothing isolates its ends, or a policy allows it" };
}

function classOf(address: string, entries: readonly PolicyEntry[]): number | undefined {
  const pod = entries.find((entry) => entry.kind === "pod" && entry.address === address);
  const found = pod ?? entries.find((entry) => entry.kind === "block" && contains(entry.range, address));
  return found?.kind === "pod" || found?.kind === "block" ? found.class : undefined;
}

function coversPort(ports: PortSpan, to: Passing["to"]): boolean {
  return to !== undefined && ports.protocol === to.protocol && ports.from <= to.port && to.port <= ports.to;
}

/** `range` is a CIDR, an address, or `first-last`. */
function contains(range: string, address: string): boolean {
  const [first = "", last] = range.split("-");
  if (last !== undefined) {
    const number = addressToNumber(address);
    return familyOf(first) === familyOf(address) && addressToNumber(first) <= number && number <= addressToNumber(last);
  }
  const outer = parseCidr(range);
  const inner = parseCidr(address);
  return outer !== undefined && inner !== undefined && cidrContains(outer, inner);
}
