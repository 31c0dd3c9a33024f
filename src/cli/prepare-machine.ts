import { createInterface } from "node:readline/promises";
import { inspectMachine, installPackages, type MachineNeeds, type MachineReport } from "../cluster/machine.ts";
import { endOrphans } from "../cluster/process-lock.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { alignedTable } from "./flags.ts";
import type { Progress } from "./progress.ts";

export interface Preparation extends MachineNeeds {
  /** Where a run that was killed has noted its processes; they are ended first. */
  readonly runDir: string;
}

/** Looks whether the machine can do it, and installs what is missing if people agree. Throws Fault `unsupported` or `aborted`. */
export async function prepareMachine(
  { runDir, ...needs }: Preparation,
  flags: { readonly yes?: boolean },
  progress: Progress,
): Promise<void> {
  const report = await progress.phase("machine", async (note) => {
    await endOrphans(runDir, systemClock);
    const found = await inspectMachine(needs, process.env);
    if (found.obstacles.length > 0) throw new Fault("unsupported", describeObstacles(found));
    note(found.missing.length === 0 ? "everything needed is there" : `${found.missing.length} packages are missing`);
    return found;
  });
  if (report.missing.length === 0) return;
  console.error("\nTo be installed with apt-get, nothing removed:");
  console.error(alignedTable(report.missing.map((item) => [`  ${item.package}`, item.purpose])));
  console.error(
    "Changed while the cluster runs, and put back at its end: IP forwarding, and interfaces, routes and nftables tables of its own.\n",
  );
  if (!flags.yes && !(await agreed("Go on?"))) throw new Fault("aborted", "nothing was changed");
  await progress.phase("packages", async (note) => {
    await installPackages(
      report.missing.map((item) => item.package),
      process.env,
      note,
    );
    note(report.missing.map((item) => item.package).join(" "));
  });
}

function describeObstacles({ obstacles }: MachineReport): string {
  return ["this machine cannot run it yet:", ...obstacles.map(({ what, mend }) => `  - ${what}\n    ${mend}`)].join(
    "\n",
  );
}

async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Fault("invalid", "there is no terminal to ask on; say --yes to agree");
  using reader = createInterface({ input: process.stdin, output: process.stderr });
  return /^y(es)?$/i.test((await reader.question(`${question} [y/N] `)).trim());
}
