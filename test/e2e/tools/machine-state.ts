import { execFileSync } from "node:child_process";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterPlace } from "./cluster.ts";

/** Everything that a cluster could leave behind on a machine, a line each. */
export type MachineState = ReadonlySet<string>;

const path = `${process.env.PATH}:/usr/sbin:/sbin`;

/** Writes down the machine's interfaces, routes, tables, mounts, control groups, namespaces, settings and processes. */
export function machineState(): MachineState {
  return new Set([
    ...interfaces(),
    ...lines("ip", "-4", "route", "show", "table", "all").map((line) => `route: ${line}`),
    ...lines("ip", "rule", "show").map((line) => `rule: ${line}`),
    ...lines("nft", "list", "tables").map((line) => `nftables: ${line}`),
    ...readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4])
      .filter((point) => point !== undefined)
      .map((point) => `mount: ${point}`),
    ...globSync("/sys/fs/cgroup/{,*/}{navarch,kubepods,k8s}*").map((folder) => `control group: ${folder}`),
    ...folder("/run/netns").map((name) => `network namespace: ${name}`),
    ...folder("/run/navarch").map((name) => `in /run/navarch: ${name}`),
    ...settings(),
    ...processes(),
  ]);
}

/**
 * What is there now and was not before, or the other way round, as lines to read. What bears the mark of something else
 * (another cluster's name, a folder that is not this one's) is not this cluster's affair; nor are the
 * interfaces that carry other nodes' addresses, where it is told which one carries this cluster's.
 */
export function difference(
  before: MachineState,
  after: MachineState,
  { name, folder, link }: ClusterPlace & { readonly link?: string },
): readonly string[] {
  const bridge = `nvb-${name}`;
  const others = (line: string) => {
    // What other tests of this repository make begins so.
    if (/\bnv(?:agt|net|wire)\w*/.test(line)) return true;
    if (line.startsWith("process: ")) return !line.includes(folder) && !line.includes(`/navarch-${name}`);
    if (line.startsWith("mount: ") && /: \/(tmp|var)\//.test(line)) return !line.includes(folder);
    if (line.startsWith("in /run/navarch: ")) return !line.endsWith(`: ${name}`);
    if (line.startsWith("interface: ") && / in /.test(line)) return !line.endsWith(` in ${bridge}`);
    const carrier = /\bnavarch\d+\b/.exec(line)?.[0];
    if (link !== undefined && carrier !== undefined) return carrier !== link;
    const cluster = /\b(?:navarch|nv[bsx])-(\S+)/.exec(line)?.[1];
    return cluster !== undefined && !cluster.startsWith(name);
  };
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `left behind: ${line}`),
    // A process that ended in the meantime was somebody's, and had its own reasons.
    ...[...before].filter((line) => !after.has(line) && !line.startsWith("process: ")).map((line) => `gone: ${line}`),
  ].filter((line) => !others(line.slice(line.indexOf(": ") + 2)));
}

/** A pod's interface has a random name: it is known by the bridge that it is plugged into. */
function interfaces(): readonly string[] {
  return lines("ip", "-o", "link", "show").map((line) => {
    const name = /^\d+: ([^:@]+)/.exec(line)?.[1];
    const master = / master (\S+)/.exec(line)?.[1];
    return `interface: ${name}${master ? ` in ${master}` : ""}`;
  });
}

function settings(): readonly string[] {
  return globSync(["/proc/sys/net/ipv4/ip_*", "/proc/sys/net/ipv4/conf/{all,default}/*", "/proc/sys/net/bridge/*"])
    .sort()
    .flatMap((file) => {
      try {
        return [`setting: ${file} = ${readFileSync(file, "utf8").trim()}`];
      } catch {
        return [];
      }
    });
}

/** What runs, with the control groups that tell whose container it is in. */
function processes(): readonly string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const words = readFileSync(join("/proc", pid, "cmdline"), "utf8")
          .split("\0")
          .join(" ")
          .trim();
        const group = /:memory:(.*)|^0::(.*)/m.exec(readFileSync(join("/proc", pid, "cgroup"), "utf8"));
        const line = `${pid} ${words} in ${group?.[1] ?? group?.[2]}`;
        return /navarch/.test(line) ? [`process: ${line}`] : [];
      } catch {
        return [];
      }
    });
}

function folder(place: string): readonly string[] {
  try {
    return readdirSync(place);
  } catch {
    return [];
  }
}

function lines(command: string, ...args: readonly string[]): readonly string[] {
  try {
    const text = execFileSync(command, args, { encoding: "utf8", env: { ...process.env, PATH: path } });
    return text.split("\n").filter((line) => line.trim() !== "");
  } catch {
    // A bare machine has no such program before the first start has installed it.
    return [];
  }
}
