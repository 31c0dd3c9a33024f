import { createHash } from "node:crypto";
import { disjointRanges, type IpFamily } from "../../machine/address.ts";
import { type Declaration, rangeText, type TableShape } from "../../nft/kernel-table.ts";
import type { Element } from "../../nft/transaction.ts";
import { familyWords } from "../../proxy/nft/chains.ts";
import { protocolNumber } from "../../proxy/nft/elements.ts";
import { everyone, type PolicyEntry, spanText } from "../entries.ts";
import type { Direction } from "../policy-input.ts";

export interface PolicyTableOptions {
  /** The table's name, one per cluster and node, e.g. `navarch-dev-policy`. */
  readonly table: string;
  readonly family: IpFamily;
  /** The pod ranges of this node: addresses in them are closed while a pod that will be isolated has no known address. */
  readonly localPodRanges: readonly string[];
}

/**
 * The fixed part of the table. Only what is forwarded is judged, after translation and before masquerading: the node's
 * own traffic with its pods, such as probes, does not come this way. A packet's class is looked up into its priority,
 * which routing has just set and nobody else needs yet, because a set's key may hold it there.
 */
export function policyTable({ table, family }: PolicyTableOptions): TableShape {
  const { ip, address } = familyWords(family);
  const set = (body: string): Declaration => ({ kind: "set", body });
  const map = (body: string): Declaration => ({ kind: "map", body });
  const perDirection = (direction: string): [string, Declaration][] => [
    [`${direction}-isolated`, set(`type ${address};`)],
    [`${direction}-waiting`, set(`type ${address}; flags interval;`)],
    [`${direction}-allowed`, set(`type ${address} . classid;`)],
    [`${direction}-allowed-port`, set(`type ${address} . classid . inet_proto . inet_service;`)],
    // Not a set of intervals: nft 1.0.6 mixes up the bytes of a priority in the key of one.
    [`${direction}-allowed-spans`, map(`type ${address} . classid : verdict;`)],
  ];
  const judging = (direction: Direction, own: string, peer: string) => {
    const allowed = [
      `${ip} ${own} . meta priority @${direction}-allowed goto ${allowedChain[direction]}`,
      `${ip} ${own} . meta priority . meta l4proto . th dport @${direction}-allowed-port goto ${allowedChain[direction]}`,
      `${ip} ${own} . meta priority vmap @${direction}-allowed-spans`,
    ];
    return {
      name: direction,
      rules: [
        `meta priority set ${classText(everyone)}`,
        ...allowed,
        `meta priority set ${ip} ${peer} map @blocks`,
        `meta priority set ${ip} ${peer} map @pods`,
        ...allowed,
        "drop",
      ],
    };
  };
  return {
    name: `${ip} ${table}`,
    declarations: new Map([
      ["pods", map(`type ${address} : classid;`)],
      ["blocks", map(`type ${address} : classid; flags interval;`)],
      ["known", set(`type ${address};`)],
      ["selves", set(`type ${address} . ${address};`)],
      ...perDirection("egress"),
      ...perDirection("ingress"),
    ]),
    chains: [
      { name: allowedChain.ingress, rules: ["meta priority set 0:0", "accept"] },
      judging("ingress", "daddr", "saddr"),
      {
        name: allowedChain.egress,
        rules: [`${ip} daddr @ingress-isolated goto ingress`, `goto ${allowedChain.ingress}`],
      },
      judging("egress", "saddr", "daddr"),
      {
        name: "forward",
        hook: "type filter hook forward priority 0; policy accept;",
        rules: [
          "ct state established,related accept",
          `${ip} saddr . ${ip} daddr @selves accept`,
          `${ip} saddr @egress-waiting ${ip} saddr != @known drop`,
          `${ip} daddr @ingress-waiting ${ip} daddr != @known drop`,
          `${ip} saddr @egress-isolated goto egress`,
          `${ip} daddr @ingress-isolated goto ingress`,
        ],
      },
    ],
    ignored: new Set(),
  };
}

/** Where a packet goes on that a direction lets through: what may leave must still be let in. */
const allowedChain: Readonly<Record<Direction, string>> = { egress: "arriving", ingress: "passed" };

/** The chain that lets spans of ports through, if the entry needs one; entries with the same spans share it. Pure. */
export function spansChain(
  entry: PolicyEntry,
): { readonly name: string; readonly rules: readonly string[] } | undefined {
  if (entry.kind !== "allowed") return undefined;
  const spans = (entry.ports ?? []).filter(({ from, to }) => from !== to);
  if (spans.length === 0) return undefined;
  const digest = createHash("sha256").update(spans.map(spanText).join()).digest("hex").slice(0, 16);
  const rules = [...Map.groupBy(spans, ({ protocol }) => protocol)].map(
    ([protocol, some]) =>
      `meta l4proto ${protocol} th dport { ${some.map(({ from, to }) => `${from}-${to}`).join(", ")} } goto ${allowedChain[entry.direction]}`,
  );
  return { name: `${entry.direction}-spans-${digest}`, rules };
}

/** The elements of one entry. Pure. */
export function policyElements(entry: PolicyEntry, options: PolicyTableOptions): Element[] {
  switch (entry.kind) {
    case "isolated":
      return [{ map: `${entry.direction}-isolated`, key: entry.address }];
    case "known":
      return [
        { map: "known", key: entry.address },
        { map: "selves", key: `${entry.address} . ${entry.address}` },
      ];
    case "waiting":
      return disjointRanges(options.localPodRanges, options.family).map((range) => ({
        map: `${entry.direction}-waiting`,
        key: rangeText(range),
      }));
    case "pod":
      return [{ map: "pods", key: entry.address, value: classText(entry.class) }];
    case "block":
      return [{ map: "blocks", key: entry.range, value: classText(entry.class) }];
    case "allowed": {
      const key = `${entry.address} . ${classText(entry.class)}`;
      if (!entry.ports) return [{ map: `${entry.direction}-allowed`, key }];
      const chain = spansChain(entry);
      const single = entry.ports.filter(({ from, to }) => from === to);
      return [
        ...single.map(({ protocol, from }) => ({
          map: `${entry.direction}-allowed-port`,
          key: `${key} . ${protocolNumber[protocol]} . ${from}`,
        })),
        ...(chain ? [{ map: `${entry.direction}-allowed-spans`, key, value: `jump ${chain.name}` }] : []),
      ];
    }
  }
}

/** A class in nft's notation of packet priorities. */
function classText(number: number): string {
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
}
