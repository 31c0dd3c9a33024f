import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { Child } from "./child.ts";

export interface SupervisedRole {
  /** What the process and its log are called: `server`, `agent`, `agent-2`. */
  readonly part: string;
  /** The command and what tells it more than the cluster's folder. */
  readonly args: readonly string[];
  /** Flags of Node itself. */
  readonly flags?: readonly string[];
  /** The network namespace that it runs in. */
  readonly namespace?: string;
}

export interface Supervisor {
  /** The folder of the cluster, or of the node that joined one. */
  readonly dataDir: string;
  /** The program that starts a role: `main.ts`. */
  readonly program: string;
  readonly clock: Clock;
  /** Told when a process died and was started again. */
  readonly warn: (text: string) => void;
}

/** A process of the cluster, not started yet. */
export function roleProcess(
  { part, args, flags, namespace }: SupervisedRole,
  { dataDir, clock, program, warn }: Supervisor,
  note: (text: string) => void,
): Child {
  const logFile = join(dataDir, "logs", `${part}.log`);
  return new Child({
    module: program,
    args: [...args, "--data-dir", dataDir],
    ...(flags ? { flags } : {}),
    logFile,
    ...(namespace ? { namespace } : {}),
    clock,
    onNote: note,
    onRestart: (why) => warn(`the ${part} process was started again: ${why}; see ${logFile}`),
  });
}
