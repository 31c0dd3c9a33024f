import { chmodSync, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { Fault } from "../../lib/fault.ts";
import type { ReadyVolume } from "../pods/container-config.ts";

/**
 * The path of a volume's sub path on the node. A missing one is made as a folder with the volume's permissions, unless the
 * volume cannot be written. Throws Fault `invalid` for one that leaves the volume, by dots or by links inside of it.
 */
export function subPath(volume: ReadyVolume, path: string): string {
  const root = realpathSync(volume.path);
  const target = resolve(root, path);
  const outside = new Fault("invalid", `subPath ${path} must not leave its volume`);
  if (!isWithin(target, root)) throw outside;
  if (!existsSync(target)) {
    if (volume.readonly) throw new Fault("invalid", `subPath ${path} is not in its volume`);
    // Only below what is truly inside: a link may have been put where a folder was expected.
    let present = dirname(target);
    while (!existsSync(present)) present = dirname(present);
    if (!isWithin(realpathSync(present), root)) throw outside;
    const first = mkdirSync(target, { recursive: true, mode: 0o750 });
    const mode = statSync(root).mode & 0o7777;
    for (let made = target; first && isWithin(made, first); made = dirname(made)) chmodSync(made, mode);
  }
  // What counts is where links end.
  const real = realpathSync(target);
  if (!isWithin(real, root)) throw outside;
  return real;
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
