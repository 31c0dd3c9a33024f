import { chmodSync, lchownSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PodSecurityContext } from "../../api/generated/core-v1.ts";

/** Makes a volume's files readable and writable for the pod's `fsGroup`, and new ones in it the group's too. */
export function giveToGroup(path: string, security: PodSecurityContext | undefined): void {
  const { fsGroup, fsGroupChangePolicy } = security ?? {};
  if (fsGroup === undefined) return;
  const { gid, mode } = statSync(path);
  if (fsGroupChangePolicy === "OnRootMismatch" && gid === fsGroup && (mode & 0o2070) === 0o2070) return;
  give(path, fsGroup);
}

function give(path: string, group: number): void {
  const stats = lstatSync(path);
  lchownSync(path, stats.uid, group);
  if (stats.isSymbolicLink()) return;
  chmodSync(path, (stats.mode & 0o7777) | (stats.isDirectory() ? 0o2770 : 0o660));
  if (stats.isDirectory()) for (const name of readdirSync(path)) give(join(path, name), group);
}
