import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";

/** When a process began, in clock ticks since boot; undefined if there is none. Tells a process from a later one with its number. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** The process that has a part of a cluster, if one does: `up` is the one that runs it. */
export function runningProcess(runDir: string, part = "up"): number | undefined {
  try {
    const [pid, start] = readFileSync(join(runDir, `${part}.pid`), "utf8")
      .trim()
      .split(" ");
    return processStart(Number(pid)) === start ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

/** Notes that this process has a part of the cluster (`up`, `server`, `agent`), until disposed. */
export function claimProcess(runDir: string, part: string): Disposable {
  mkdirSync(runDir, { recursive: true, mode: 0o755 });
  const file = join(runDir, `${part}.pid`);
  writeFileSync(file, `${process.pid} ${processStart(process.pid) ?? "0"}\n`);
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

/** Ends the server and agent processes that a killed `up` left behind; they end by themselves, this waits for it. */
export async function endOrphans(runDir: string, clock: Clock): Promise<void> {
  // Nodes first, as they tell the server what becomes of them.
  for (const part of parts(runDir).filter((name) => name !== "up")) {
    const pid = runningProcess(runDir, part);
    if (!pid) continue;
    process.kill(pid, "SIGTERM");
    const deadline = clock.monotonic() + 30_000;
    while (runningProcess(runDir, part) === pid) {
      await clock.sleep(50);
      if (clock.monotonic() > deadline) process.kill(pid, "SIGKILL");
    }
  }
}

/** The parts that somebody has or had, by name: agents come before the server. */
function parts(runDir: string): readonly string[] {
  const files = existsSync(runDir) ? readdirSync(runDir) : [];
  return files.flatMap((file) => /^(.*)\.pid$/.exec(file)?.[1] ?? []).sort();
}
