import type { IpFamily } from "../../machine/address.ts";
import type { Door, Front } from "../front.ts";

/** What the rules of one table are made from. */
export interface RulesetOptions {
  /** The table's name, one per cluster and node, e.g. `navarch-dev`. */
  readonly table: string;
  readonly family: IpFamily;
  /** The ranges of all pods of the cluster; traffic from elsewhere to a cluster IP is masqueraded. */
  readonly podRanges: readonly string[];
  /** The ranges of cluster IPs; an address in them that no service has is refused. */
  readonly serviceRanges: readonly string[];
  /** The node's addresses on which node ports answer; undefined means all of them, loopback included. */
  readonly nodePortRanges?: readonly string[];
  /** The packet mark bit for "replace the source address", one bit; 0x4000 as kube-proxy's. */
  readonly masqueradeMark: number;
}

/** The words in which the two families differ. */
export function familyWords(family: IpFamily): {
  readonly ip: "ip" | "ip6";
  readonly address: string;
  readonly loopback: string;
} {
  return family === "IPv4"
    ? { ip: "ip", address: "ipv4_addr", loopback: "127.0.0.0/8" }
    : { ip: "ip6", address: "ipv6_addr", loopback: "::1/128" };
}

/** The chains that one front's verdict needs: `name` is where its map element goes, the rest is what that chain goes to. */
export interface Dispatch {
  readonly name: string;
  readonly chains: ReadonlyMap<string, readonly string[]>;
}

/**
 * The chain for a front. Chains are shared: they depend on how many targets there are, not on which, because nftables
 * needs a constant to divide by. Undefined when the front has no target.
 */
export function dispatchFor(front: Front, options: RulesetOptions): Dispatch | undefined {
  if (front.targets.length === 0) return undefined;
  const { ip } = familyWords(options.family);
  const mark = `meta mark set meta mark | 0x${options.masqueradeMark.toString(16)}`;
  const maps = doorMaps(front.door);
  const key = front.door.kind === "address" ? `${ip} daddr . meta l4proto . th dport` : "meta l4proto . th dport";
  const infix = front.door.kind === "address" ? "" : "np-";
  const remembered = `dnat ${ip} to ${ip} saddr . ${ip} daddr . meta l4proto . th dport map @affinity`;
  const chains = new Map<string, readonly string[]>();
  // nft 1.0.6 fails on rules that put an IPv6 address of several parts into a map; into a set it can. So for clients of IPv6
  // the slot is remembered, and not the target itself.
  const bySlot = options.family === "IPv6" ? front.affinitySeconds : undefined;
  const byMemory = front.affinitySeconds !== undefined && options.family === "IPv4";

  const lookup = (map: string) => `dnat ${ip} to ${key} . meta priority map @${map}`;
  // The packet's priority carries the drawn slot: nft 1.0.6 cannot use numgen itself in the key of a map that has a
  // concatenation as its data (it adds a protocol match that is not there), and routing resets the priority.
  const draw = (count: number) => `meta priority set numgen random mod ${count} offset 1`;
  const go = (map: string) => [
    lookup(map),
    // A commit between the verdict lookup and this one may have taken the slot away; slot 1 is the last to go.
    "meta priority set 0:1",
    lookup(map),
    // Dropped, not let through: the client tries again and meets the new verdict.
    "drop",
  ];
  const pick = (map: string, count: number): readonly string[] => {
    if (bySlot === undefined) return [draw(count), ...go(map)];
    const memory = map === maps.targets ? "remembered" : "remembered-local";
    const client = `${ip} saddr . ${ip} daddr . meta l4proto . th dport . meta priority`;
    const keep = `keep-${infix}${map === maps.targets ? "" : "local-"}${bySlot}`;
    chains.set(keep, [`update @${memory} { ${client} timeout ${bySlot}s }`, ...go(map)]);
    const known = Array.from({ length: count }, (_, slot) => [
      `meta priority set ${slotText(slot)}`,
      `${client} @${memory} goto ${keep}`,
    ]);
    return [...known.flat(), draw(count), `goto ${keep}`];
  };
  const own = bySlot === undefined ? "" : `-${bySlot}`;
  const toAny = (masquerade: Front["masquerade"]): string => {
    const rule = masquerade === "everybody" ? mark : `${ip} saddr != @pod-ranges ${mark}`;
    const letter = masquerade === "everybody" ? "e" : "o";
    const name = `${own ? "own" : "to"}-${infix}${letter}-${front.targets.length}${own}`;
    chains.set(name, [rule, ...pick(maps.targets, front.targets.length)]);
    if (!byMemory) return name;
    const sticky = `aff-${infix}${letter}-${front.targets.length}`;
    chains.set(sticky, [rule, remembered, `goto ${name}`]);
    return sticky;
  };

  if (!front.localOnly) return { name: toAny(front.masquerade), chains };
  const localCount = front.localOnly.length;
  const name = `${byMemory ? "afl" : own ? "owl" : "loc"}-${infix}${front.targets.length}-${localCount}${own}`;
  const local = localCount === 0 ? ["drop"] : pick(maps.localTargets, localCount);
  // Pods and the node itself are inside the cluster: the Local policy is about clients whose address must be kept.
  const rules = [
    `${ip} saddr @pod-ranges goto ${toAny("outsidePods")}`,
    `fib saddr type local goto ${toAny("everybody")}`,
  ];
  chains.set(name, [...rules, ...(byMemory && localCount > 0 ? [remembered] : []), ...local]);
  return { name, chains };
}

/** A slot in nft's notation of packet priorities; 0 has a name of its own there, so slots count from 1. */
export function slotText(slot: number): string {
  return `0:${(slot + 1).toString(16)}`;
}

/** The names of the maps that a door's elements live in. */
export function doorMaps(door: Door) {
  return door.kind === "address"
    ? {
        verdicts: "services",
        targets: "targets",
        localTargets: "local-targets",
        refused: "refused",
        affinity: "affinity-services",
      }
    : {
        verdicts: "node-ports",
        targets: "node-port-targets",
        localTargets: "node-port-local-targets",
        refused: "refused-node-ports",
        affinity: "affinity-node-ports",
      };
}

/** The chain that writes down which target a client got, to last `seconds`. */
export function rememberChain(
  seconds: number,
  family: IpFamily,
): { readonly name: string; readonly rules: readonly string[] } {
  const { ip } = familyWords(family);
  const rules = ["tcp", "udp", "sctp"].map(
    (protocol) =>
      // nft types `ct original proto-dst` by the protocol matched before it, so each protocol needs its own rule.
      `meta l4proto ${protocol} update @affinity { ${ip} saddr . ct original ${ip} daddr . meta l4proto . ct original proto-dst timeout ${seconds}s : ${ip} daddr . th dport }`,
  );
  return { name: `remember-${seconds}`, rules };
}
