import { disjointRanges, type IpFamily } from "../machine/address.ts";
import { mustRun, type RunCommand } from "../machine/command.ts";

export interface PodMasqueradeOptions {
  readonly table: string;
  readonly family: IpFamily;
  /** This node's pods. */
  readonly podCIDRs: readonly string[];
  /** Destinations that see pods' own addresses: all pods of the cluster. */
  readonly clusterCIDRs: readonly string[];
}

/** The nft script that gives pods the node's address when they talk to the world outside the cluster. Pure. */
export function masqueradeScript(options: PodMasqueradeOptions): string {
  const ip = options.family === "IPv4" ? "ip" : "ip6";
  const table = `${ip} ${options.table}`;
  const own = disjointRanges(options.podCIDRs, options.family).join(", ");
  const multicast = options.family === "IPv4" ? "224.0.0.0/4" : "ff00::/8";
  const inside = [...disjointRanges([...options.clusterCIDRs, ...options.podCIDRs], options.family), multicast].join(
    ", ",
  );
  return `${[
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    `add chain ${table} postrouting { type nat hook postrouting priority 110; policy accept; }`,
    `add rule ${table} postrouting ${ip} saddr { ${own} } ${ip} daddr != { ${inside} } masquerade fully-random`,
  ].join("\n")}\n`;
}

/** Sets the table up and removes it when disposed. */
export async function openPodMasquerade(run: RunCommand, options: PodMasqueradeOptions): Promise<AsyncDisposable> {
  await mustRun(run, ["nft", "-f", "-"], masqueradeScript(options));
  const table = `${options.family === "IPv4" ? "ip" : "ip6"} ${options.table}`;
  return {
    [Symbol.asyncDispose]: async () => {
      await mustRun(run, ["nft", "-f", "-"], `add table ${table}\ndelete table ${table}\n`);
    },
  };
}

/**
 * Lets pods' packets through where another program's packet filter (Docker's, a firewall's) forwards nothing by
 * default: an accept in our own table cannot overrule a drop in theirs.
 */
export async function openForwarding(run: RunCommand, ranges: readonly string[]): Promise<AsyncDisposable> {
  const rules = ranges.flatMap((range) => [
    { program: range.includes(":") ? "ip6tables" : "iptables", match: ["-s", range, "-j", "ACCEPT"] },
    { program: range.includes(":") ? "ip6tables" : "iptables", match: ["-d", range, "-j", "ACCEPT"] },
  ]);
  const added: (typeof rules)[number][] = [];
  for (const rule of rules) {
    const policy = await run([rule.program, "-w", "-S", "FORWARD"]).catch(() => undefined);
    if (!policy?.stdout.startsWith("-P FORWARD DROP")) continue;
    if ((await run([rule.program, "-w", "-C", "FORWARD", ...rule.match])).code !== 0) {
      await mustRun(run, [rule.program, "-w", "-I", "FORWARD", ...rule.match]);
    }
    added.push(rule);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      for (const { program, match } of added) await run([program, "-w", "-D", "FORWARD", ...match]);
    },
  };
}
