import { spawn } from "node:child_process";
import { Fault } from "../lib/fault.ts";

/** How to run one program: where, and for how long anyone still wants the answer. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** Runs a program to its end and resolves to its standard output; anything but exit code 0 throws a Fault carrying the last of its standard error. */
export type RunCommand = (program: string, args: readonly string[], options?: CommandOptions) => Promise<string>;

/** Runs programs of the machine, in the C locale so that their output can be parsed. */
export const runCommand: RunCommand = async (program, args, options = {}) => {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: "C" },
    signal: options.signal,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => reject(startFault(program, cause)));
    child.once("close", (ended) => resolve(ended ?? -1));
  });
  if (code !== 0) {
    const said = Buffer.concat(err).toString("utf8").trim().split("\n").slice(-5).join("\n");
    throw new Fault("unavailable", `${program} ${args[0] ?? ""} ended with code ${code}${said ? `: ${said}` : ""}`);
  }
  return Buffer.concat(out).toString("utf8");
};

function startFault(program: string, cause: Error): Fault {
  if (cause.name === "AbortError") return new Fault("aborted", `${program} was stopped`, { cause });
  if ("code" in cause && cause.code === "ENOENT") return new Fault("missing", `${program} is not installed`, { cause });
  return new Fault("unavailable", `${program} could not be started: ${cause.message}`, { cause });
}
