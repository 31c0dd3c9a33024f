import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../../lib/fault.ts";
import { mustRun, type RunCommand } from "../machine/command.ts";

/** A kernel setting to be made. */
export interface Sysctl {
  readonly name: string;
  readonly value: string;
  /** It may be absent on this kernel. */
  readonly optional?: boolean;
}

/** The settings that a node's network needs. `devices` are those over which loopback clients reach pods. Pure. */
export function networkSysctls(options: { readonly devices: readonly string[]; readonly ipv6: boolean }): Sysctl[] {
  return [
    { name: "net.ipv4.ip_forward", value: "1" },
    ...(options.ipv6 ? [{ name: "net.ipv6.conf.all.forwarding", value: "1" }] : []),
    // Answers from a pod to its neighbour on the same bridge must come past the translation of services.
    { name: "net.bridge.bridge-nf-call-iptables", value: "1", optional: true },
    ...(options.ipv6 ? [{ name: "net.bridge.bridge-nf-call-ip6tables", value: "1", optional: true }] : []),
    ...options.devices.flatMap((device) => [
      { name: `net.ipv4.conf.${device}.route_localnet`, value: "1" },
      // Loose: an answer may come in by another way than the question went out.
      { name: `net.ipv4.conf.${device}.rp_filter`, value: "2" },
    ]),
  ];
}

/**
 * The settings by which interfaces that have learnt routes from IPv6 routers go on doing so: a machine that forwards would
 * stop listening to them, and lose its own way out.
 */
export async function listeningToRouters(run: RunCommand): Promise<readonly Sysctl[]> {
  const { code, stdout } = await run(["ip", "-6", "-j", "route", "show", "proto", "ra"]);
  const routes = JSON.parse((code === 0 && stdout) || "[]") as readonly { readonly dev?: string }[];
  const devices = [...new Set(routes.flatMap(({ dev }) => dev ?? []))];
  const listening: Sysctl[] = [];
  for (const device of devices) {
    const name = `net.ipv6.conf.${device}.accept_ra`;
    // With 0, a program listens in the kernel's place, and goes on.
    if ((await readSysctl(run, name)) === "1") listening.push({ name, value: "2" });
  }
  return listening;
}

/** Throws Fault `unsupported` when interfaces cannot have addresses of IPv6 here. */
export async function needIpv6(run: RunCommand): Promise<void> {
  const off = await readSysctl(run, "net.ipv6.conf.all.disable_ipv6");
  if (off === "0") return;
  const why = off === undefined ? "has no IPv6" : "has IPv6 switched off (net.ipv6.conf.all.disable_ipv6)";
  throw new Fault(
    "unsupported",
    `the cluster's pods have addresses of both families, but this machine's kernel ${why}`,
  );
}

/** Whether frames between pods of one bridge pass through netfilter here; without that, services do not work among them. */
export async function bridgeFiltering(run: RunCommand): Promise<boolean> {
  return (await readSysctl(run, "net.bridge.bridge-nf-call-iptables")) !== undefined;
}

/**
 * Makes the settings and puts the former values back when disposed. The former values are also kept in `file`, so that
 * a process that comes after a crash still restores what was there before the first one.
 */
export async function openSysctls(run: RunCommand, wanted: readonly Sysctl[], file: string): Promise<AsyncDisposable> {
  const former = new Map(Object.entries(await remembered(file)));
  for (const { name, value, optional } of wanted) {
    const before = await readSysctl(run, name);
    if (before === undefined && optional) continue;
    if (before === value) continue;
    if (!former.has(name)) {
      former.set(name, before ?? "");
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, JSON.stringify(Object.fromEntries(former)));
    }
    await mustRun(run, writing(name, value));
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // Not checked: a setting of an interface goes with the interface.
      for (const [name, value] of former) await run(writing(name, value));
      await rm(file, { force: true });
    },
  };
}

/** What a setting is now; undefined where the kernel has none of that name. */
async function readSysctl(run: RunCommand, name: string): Promise<string | undefined> {
  const { code, stdout } = await run(["cat", fileOf(name)]);
  return code === 0 ? stdout.trim() : undefined;
}

/** The program `sysctl` is not on every machine; a shell is. */
function writing(name: string, value: string): readonly string[] {
  return ["sh", "-c", 'printf %s "$0" > "$1"', value, fileOf(name)];
}

/** An interface's name may contain dots, which are not separators. */
function fileOf(name: string): string {
  const device = /^(net\.ipv[46]\.(?:conf|neigh)\.)(.+)(\.[a-z_]+)$/.exec(name);
  const path = device ? `${slashed(device[1]!)}${device[2]}${slashed(device[3]!)}` : slashed(name);
  return `/proc/sys/${path}`;
}

const slashed = (name: string) => name.replaceAll(".", "/");

async function remembered(file: string): Promise<Record<string, string>> {
  try {
    const content: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof content !== "object" || content === null) return {};
    return Object.fromEntries(
      Object.entries(content).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return {};
  }
}
