import { execFileSync } from "node:child_process";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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
 * What is there now and was not before, or the other way round, as lines to read. Things that bear another cluster's name
 * (interfaces `nvb-NAME`, tables `navarch-NAME`, ...) are that cluster's affair.
 */
export function difference(before: MachineState, after: MachineState, cluster: string): readonly string[] {
  const others = othersOf([...before, ...after], cluster);
  const foreign = (line: string) => others.some((name) => line.includes(name));
  return [
    ...[...after].filter((line) => !before.has(line)).map((line) => `left behind: ${line}`),
    ...[...before].filter((line) => !after.has(line)).map((line) => `gone: ${line}`),
  ].filter((line) => !foreign(line));
}

function othersOf(state: readonly string[], cluster: string): readonly string[] {
  const names = state.flatMap((line) => /^interface: nv[bs]-(\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(names)]
    .filter((name) => name !== cluster)
    .flatMap((name) => [`nvb-${name}`, `nvs-${name}`, `navarch-${name}`, `/${name}`]);
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

/** Programs that a cluster starts, by what they are; the ones of other people's containers come and go as well. */
function processes(): readonly string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const words = readFileSync(join("/proc", pid, "cmdline"), "utf8")
          .split("\0")
          .join(" ")
          .trim();
        return /navarch|containerd|pause|--data-dir/.test(words) ? [`process: ${pid} ${words}`] : [];
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
