import type { Writable } from "node:stream";
import { systemClock } from "../../lib/clock.ts";
import { systemRandom } from "../../lib/random.ts";
import type { Output, Terminal } from "./host.ts";
import { kubectl } from "./main.ts";
import { signalExitCode } from "./messages.ts";

/** Runs kubectl as a process: its arguments, streams and signals are this process's. */
export async function runProgram(words: readonly string[]): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A second one ends what does not listen.
      if (interrupted.signal.aborted) die(interrupted.signal);
      interrupted.abort(signal);
      // What waits for input waits no more.
      process.stdin.destroy();
    });
  }
  const exitCode = await kubectl(words, {
    stdin: process.stdin,
    ...(process.stdin.isTTY ? { terminal: ownTerminal } : {}),
    stdout: outputTo(process.stdout),
    stderr: outputTo(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    random: systemRandom,
    signal: interrupted.signal,
  });
  if (interrupted.signal.aborted && exitCode === signalExitCode(interrupted.signal)) die(interrupted.signal);
  process.exitCode = exitCode;
}

/** Ends this process as the signal that it got would have, so that whoever started it can tell. */
function die({ reason }: AbortSignal): void {
  process.removeAllListeners(reason as NodeJS.Signals);
  process.kill(process.pid, reason as NodeJS.Signals);
}

function outputTo(stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }): Output {
  // Whoever reads no more (head, less) ends the program, as the shell expects.
  stream.on("error", () => process.exit(141));
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    columns: stream.columns,
  };
}

const ownTerminal: Terminal = {
  size() {
    const { columns, rows } = process.stdout;
    return columns && rows ? { width: columns, height: rows } : undefined;
  },
  onResize(listener) {
    process.stdout.on("resize", listener);
    return { [Symbol.dispose]: () => void process.stdout.off("resize", listener) };
  },
  raw() {
    process.stdin.setRawMode(true);
    return { [Symbol.dispose]: () => void process.stdin.setRawMode(false) };
  },
};
