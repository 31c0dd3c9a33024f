import type { Pod } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import type { Refusal } from "../pods/node-room.ts";

/** Settings of the kernel that a pod may have for itself without harm to others (Kubernetes documentation: sysctls). */
const safe: ReadonlySet<string> = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

/** Beginnings of the names that the kernel keeps apart for each pod. */
const namespaced = { ipc: ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."], net: ["net."] } as const;

/** Why a pod's sysctls are not for this node; `allowed` has names, and beginnings that end in `*`, which the administrator lets pass. */
export function refusedSysctl({ spec }: Pod, allowed: readonly string[]): Refusal | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const known = dotted(name);
    const why =
      spec.hostIPC && isOf("ipc", known)
        ? "not allowed with host ipc enabled"
        : spec.hostNetwork && isOf("net", known)
          ? "not allowed with host net enabled"
          : safe.has(known) || allowed.some((pattern) => matches(dotted(pattern), known))
            ? undefined
            : "not allowlisted";
    if (why) return { reason: "SysctlForbidden", message: `forbidden sysctl: ${JSON.stringify(known)} ${why}` };
  }
  return undefined;
}

/** Checks what an administrator lets pass: names and beginnings that belong to one pod alone. Throws Fault `invalid`. */
export function checkedPatterns(patterns: readonly string[]): readonly string[] {
  for (const pattern of patterns) {
    const name = dotted(pattern);
    if (!/^([a-z0-9]([-_a-z0-9]*[a-z0-9])?\.)*([a-z0-9][-_a-z0-9]*)?\*?$/.test(name) || name === "")
      throw new Fault("invalid", `allowed-unsafe-sysctls: ${JSON.stringify(pattern)} is no name of a sysctl`);
    if (!isOf("ipc", name) && !isOf("net", name))
      throw new Fault("invalid", `the sysctls ${JSON.stringify(pattern)} are not known to be namespaced`);
  }
  return patterns;
}

/** A name may be written with slashes; then its dots are slashes. */
function dotted(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === "/" ? name.replace(/[./]/g, (sign) => (sign === "/" ? "." : "/")) : name;
}

function isOf(namespace: keyof typeof namespaced, name: string): boolean {
  return namespaced[namespace].some((begin) => name.startsWith(begin));
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
