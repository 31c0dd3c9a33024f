import type { Writable } from "node:stream";
import { systemClock } from "../../lib/clock.ts";
import { systemRandom } from "../../lib/random.ts";
import type { Output, Terminal } from "./host.ts";
import { kubectl } from "./main.ts";

/** Runs kubectl as a process: its arguments, streams and signals are this process's. */
export async function runProgram(words: readonly string[]): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A second one ends what does not listen.
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    });
  }
  process.exitCode = await kubectl(words, {
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
