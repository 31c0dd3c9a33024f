import { stat } from "node:fs/promises";
import type { RunCommand } from "./command.ts";
import { imagePath, type LayerEntry, mergeUsr, symlinkEntry } from "./layer-entry.ts";

/** Where Debian's busybox-static puts its one program; another package puts a dynamic busybox at the same place. */
const installed = "/bin/busybox";

/** The machine's static busybox, or undefined when Debian's busybox-static is not installed. */
export async function installedBusybox(run: RunCommand): Promise<string | undefined> {
  if (!(await stat(installed).catch(() => undefined))?.isFile()) return undefined;
  const record = await run("dpkg-query", ["--status", "busybox-static"]).catch(() => "");
  return /^Status: .* installed$/m.test(record) ? installed : undefined;
}

/** Busybox itself and a link for each of its commands, at the places where people look for them. */
export async function busyboxEntries(binary: string, run: RunCommand): Promise<LayerEntry[]> {
  const { size } = await stat(binary);
  const commands = (await run(binary, ["--list-full"])).split("\n").filter((path) => path !== "");
  const program: LayerEntry = {
    path: "usr/bin/busybox",
    mode: 0o755,
    uid: 0,
    gid: 0,
    kind: "copy",
    source: binary,
    size,
  };
  const links = commands
    .filter((path) => imagePath(path) !== "bin/busybox")
    .map((path) => symlinkEntry(path, "/bin/busybox"));
  return [...mergeUsr(links), program];
}
