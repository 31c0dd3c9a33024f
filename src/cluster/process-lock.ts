import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** When a process began, in clock ticks since boot; undefined if there is none. Tells a process from a later one with its number. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** The process that runs a cluster, if one does. */
export function runningProcess(runDir: string): number | undefined {
  try {
    const [pid, start] = readFileSync(join(runDir, "up.pid"), "utf8").trim().split(" ");
    return processStart(Number(pid)) === start ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Notes that this process runs the cluster, until disposed. */
export function claimRunDir(runDir: string): Disposable {
  mkdirSync(runDir, { recursive: true, mode: 0o755 });
  const file = join(runDir, "up.pid");
  writeFileSync(file, `${process.pid} ${processStart(process.pid) ?? "0"}\n`);
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}
