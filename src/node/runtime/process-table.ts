import { readdir, readFile } from "node:fs/promises";
import type { Clock } from "../../lib/clock.ts";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's start to the process's. */
  readonly startTicks: number;
  /** Which start of the machine that was. */
  readonly bootId: string;
}

/** Who runs under a number now; undefined when nobody does, or only what is left of a process that ended. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const [stat, bootId] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined),
    readFile("/proc/sys/kernel/random/boot_id", "utf8"),
  ]);
  // The name in brackets may hold anything, brackets included.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (!fields || fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startTicks: Number(fields[19]), bootId: bootId.trim() };
}

/** Whether exactly that process still runs. */
export async function stillRuns(process: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(process.pid);
  return now !== undefined && now.startTicks === process.startTicks && now.bootId === process.bootId;
}

/** The kernel counts a process's start in these, whatever its own clock's ticks are. */
const ticksPerSecond = 100;

/** When a process began, in milliseconds since the epoch, give or take a tick. */
export async function startedAt({ startTicks }: ProcessIdentity, clock: Clock): Promise<number> {
  const [uptime] = (await readFile("/proc/uptime", "utf8")).split(" ");
  return clock.now() - (Number(uptime) - startTicks / ticksPerSecond) * 1000;
}

/** The running processes whose argument list satisfies `matches`. */
export async function findProcesses(
  matches: (args: readonly string[]) => boolean,
): Promise<readonly ProcessIdentity[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return line !== "" && matches(line.split("\0").slice(0, -1)) ? identifyProcess(pid) : undefined;
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** Asks a process to end, insists after `graceMs`, and resolves when it is gone. */
export async function endProcess(process: ProcessIdentity, graceMs: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + graceMs;
  signalProcess(process.pid, "SIGTERM");
  while (await stillRuns(process)) {
    if (clock.monotonic() >= deadline) signalProcess(process.pid, "SIGKILL");
    await clock.sleep(10);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}
