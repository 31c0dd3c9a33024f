import { disjointRanges } from "../../machine/address.ts";
import type { Declaration, FixedChain, TableShape } from "../../nft/kernel-table.ts";
import { familyWords, type RulesetOptions } from "./chains.ts";

/** The maps and sets of a table: how each is declared. `flags dynamic` ones hold what the kernel writes itself. */
function declarations(options: RulesetOptions): ReadonlyMap<string, Declaration> {
  const { address } = familyWords(options.family);
  const door = `${address} . inet_proto . inet_service`;
  const port = "inet_proto . inet_service";
  const target = `${address} . inet_service`;
  const targets = `type ${door} . classid : ${target};`;
  const nodePortTargets = `type ${port} . classid : ${target};`;
  const ranges = (of: readonly string[]) => {
    const list = disjointRanges(of, options.family);
    return `type ${address}; flags interval;${list.length > 0 ? ` elements = { ${list.join(", ")} };` : ""}`;
  };
  const everywhere = options.family === "IPv4" ? ["0.0.0.0/0"] : ["::/0"];
  const map = (body: string): Declaration => ({ kind: "map", body });
  const set = (body: string): Declaration => ({ kind: "set", body });
  const written = "flags dynamic,timeout; size 65536; timeout 3h;";
  const client = `type ${address} . ${door} . classid; ${written}`;
  const memory: readonly (readonly [string, Declaration])[] =
    options.family === "IPv4"
      ? [
          ["affinity-services", map(`type ${door} : verdict;`)],
          ["affinity-node-ports", map(`type ${port} : verdict;`)],
          ["affinity", map(`type ${address} . ${door} : ${target}; ${written}`)],
        ]
      : slotMemories.map((name) => [name, set(client)]);
  return new Map<string, Declaration>([
    ["services", map(`type ${door} : verdict;`)],
    ["targets", map(targets)],
    ["local-targets", map(targets)],
    ["refused", set(`type ${door};`)],
    ["node-ports", map(`type ${port} : verdict;`)],
    ["node-port-targets", map(nodePortTargets)],
    ["node-port-local-targets", map(nodePortTargets)],
    ["refused-node-ports", set(`type ${port};`)],
    ["host-ports", map(`type ${port} : ${target};`)],
    ["host-ports-at", map(`type ${door} : ${target};`)],
    ["guarded", set(`type ${door};`)],
    ["guests", set(`type ${door} . ${address}; flags interval;`)],
    ["selves", set(`type ${address} . ${address};`)],
    ...memory,
    ["pod-ranges", set(ranges(options.podRanges))],
    ["service-ranges", set(ranges(options.serviceRanges))],
    ["node-port-ranges", set(ranges(options.nodePortRanges ?? everywhere))],
  ]);
}

/** Where the kernel notes the slots of clients of IPv6: among all targets, and among this node's. */
export const slotMemories = ["remembered", "remembered-local"] as const;

/** The sets whose elements are fixed when the table is made. */
const fixedSets: ReadonlySet<string> = new Set(["pod-ranges", "service-ranges", "node-port-ranges"]);

/** The chains that do not depend on services, in the order in which they can be declared. */
function fixedChains(options: RulesetOptions): readonly FixedChain[] {
  const { ip, loopback } = familyWords(options.family);
  const mark = `0x${options.masqueradeMark.toString(16)}`;
  const door = `${ip} daddr . meta l4proto . th dport`;
  const nodePort = `${ip} daddr @node-port-ranges fib daddr type local meta l4proto . th dport`;
  const remembering = ["tcp", "udp", "sctp"].flatMap((protocol) => [
    `ct state new ct status dnat meta l4proto ${protocol} ct original ${ip} daddr . meta l4proto . ct original proto-dst vmap @affinity-services`,
    `ct state new ct status dnat meta l4proto ${protocol} meta l4proto . ct original proto-dst vmap @affinity-node-ports`,
  ]);
  return [
    { name: "refuse", rules: ["meta l4proto tcp reject with tcp reset", "reject"] },
    {
      name: "refusals",
      rules: [`${door} @refused goto refuse`, `${nodePort} @refused-node-ports goto refuse`],
    },
    {
      name: "services-door",
      rules: [
        `${door} vmap @services`,
        `${nodePort} vmap @node-ports`,
        `dnat ${ip} to ${door} map @host-ports-at`,
        `fib daddr type local dnat ${ip} to meta l4proto . th dport map @host-ports`,
      ],
    },
    {
      name: "as-node",
      rules: [`meta mark set meta mark & 0x${(~options.masqueradeMark >>> 0).toString(16)}`, "masquerade fully-random"],
    },
    {
      // route_localnet lets the node's own loopback clients reach pods; nobody else may use that.
      name: "martians",
      hook: "type filter hook prerouting priority -300; policy accept;",
      rules: [`iifname != "lo" ${ip} daddr ${loopback} drop`, `iifname != "lo" ${ip} saddr ${loopback} drop`],
    },
    {
      name: "guard",
      rules: [`${door} @guarded ${door} . ${ip} saddr != @guests drop`],
    },
    {
      name: "filter-prerouting",
      hook: "type filter hook prerouting priority -110; policy accept;",
      rules: ["ct state new jump guard"],
    },
    {
      name: "filter-input",
      hook: "type filter hook input priority -110; policy accept;",
      rules: ["ct state new jump refusals"],
    },
    {
      name: "filter-forward",
      hook: "type filter hook forward priority -110; policy accept;",
      rules: ["ct state new jump refusals", `ct state new ${ip} daddr @service-ranges goto refuse`],
    },
    {
      name: "filter-output",
      hook: "type filter hook output priority -110; policy accept;",
      rules: ["ct state new jump refusals"],
    },
    {
      // After the node's own translation had its chance: what still goes to a cluster IP nobody has.
      name: "filter-output-late",
      hook: "type filter hook output priority 0; policy accept;",
      rules: [`ct state new ${ip} daddr @service-ranges fib daddr type != local goto refuse`],
    },
    {
      name: "nat-prerouting",
      hook: "type nat hook prerouting priority -100; policy accept;",
      rules: ["jump services-door"],
    },
    { name: "nat-output", hook: "type nat hook output priority -100; policy accept;", rules: ["jump services-door"] },
    ...(options.family === "IPv4"
      ? [
          {
            name: "affinity-postrouting",
            hook: "type filter hook postrouting priority 90; policy accept;",
            rules: remembering,
          },
        ]
      : []),
    {
      name: "nat-postrouting",
      hook: "type nat hook postrouting priority 100; policy accept;",
      rules: [
        `meta mark & ${mark} == ${mark} goto as-node`,
        `ct status dnat ${ip} saddr . ${ip} daddr @selves goto as-node`,
        `ct status dnat ${ip} saddr ${loopback} goto as-node`,
      ],
    },
  ];
}

/** The fixed part of the proxy's table. */
export function proxyTable(options: RulesetOptions): TableShape {
  return {
    name: `${familyWords(options.family).ip} ${options.table}`,
    declarations: declarations(options),
    chains: fixedChains(options),
    ignored: new Set([...fixedSets, "affinity", ...slotMemories]),
  };
}
