import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
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

/** Whether frames between pods of one bridge pass through netfilter here; without that, services do not work among them. */
export async function bridgeFiltering(run: RunCommand): Promise<boolean> {
  return (await run(["sysctl", "-n", "net.bridge.bridge-nf-call-iptables"])).code === 0;
}

/**
 * Makes the settings and puts the former values back when disposed. The former values are also kept in `file`, so that
 * a process that comes after a crash still restores what was there before the first one.
 */
export async function openSysctls(run: RunCommand, wanted: readonly Sysctl[], file: string): Promise<AsyncDisposable> {
  const former = new Map(Object.entries(await remembered(file)));
  for (const { name, value, optional } of wanted) {
    const now = await run(["sysctl", "-n", slashed(name)]);
    if (now.code !== 0 && optional) continue;
    const before = now.stdout.trim();
    if (now.code === 0 && before === value) continue;
    if (!former.has(name)) {
      former.set(name, before);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, JSON.stringify(Object.fromEntries(former)));
    }
    await mustRun(run, ["sysctl", "-qw", `${slashed(name)}=${value}`]);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      // Not checked: a setting of an interface goes with the interface.
      for (const [name, value] of former) await run(["sysctl", "-qw", `${slashed(name)}=${value}`]);
      await rm(file, { force: true });
    },
  };
}

/** An interface's name may contain dots, which sysctl would take for separators. */
function slashed(name: string): string {
  const device = /^(net\.ipv[46]\.conf\.)(.+)(\.[a-z_]+)$/.exec(name);
  return device ? `${device[1]!.replaceAll(".", "/")}${device[2]}${device[3]!.replace(".", "/")}` : name;
}

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
