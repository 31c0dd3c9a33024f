import { spawn } from "node:child_process";
import { errorMessage, Fault } from "../../lib/fault.ts";

/** What a finished program left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end with optional standard input; rejects only when it cannot be started. */
export type RunCommand = (argv: readonly string[], input?: string) => Promise<CommandResult>;

/**
 * A runner whose programs start with `prefix`, e.g. `["nsenter", "--net=/run/netns/x"]` to work in a network namespace.
 * Throws Fault `missing` when the program is not installed.
 */
export function commandRunner(prefix: readonly string[] = []): RunCommand {
  return (argv, input) =>
    new Promise((resolve, reject) => {
      const [program, ...args] = [...prefix, ...argv];
      const child = spawn(program!, args, { stdio: ["pipe", "pipe", "pipe"] });
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      // A program that exits before reading its input breaks the pipe; its exit code tells the story.
      child.stdin.on("error", () => {});
      child.on("error", (error) =>
        reject(new Fault("missing", `${argv[0]}: ${errorMessage(error)}`, { cause: error })),
      );
      child.on("close", (code) =>
        resolve({
          code: code ?? 128,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        }),
      );
      child.stdin.end(input ?? "");
    });
}

/** Runs a program and returns its output; throws Fault `internal` with its message when it fails. */
export async function mustRun(run: RunCommand, argv: readonly string[], input?: string): Promise<string> {
  const result = await run(argv, input);
  if (result.code === 0) return result.stdout;
  throw new Fault(
    "internal",
    `${argv.join(" ")}: ${(result.stderr || result.stdout).trim() || `exit code ${result.code}`}`,
  );
}
