import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Fault } from "../lib/fault.ts";

/** How to run one program: where, with what on its standard input, and for how long anyone still wants the answer. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file streamed into standard input; empty input without it. */
  readonly stdinFile?: string;
  readonly signal?: AbortSignal;
}

/** Runs a program to its end and resolves to its standard output; anything but exit code 0 throws a Fault carrying the last of its standard error. */
export type RunCommand = (program: string, args: readonly string[], options?: CommandOptions) => Promise<string>;

/** Runs programs of the machine, in the C locale so that their output can be parsed. */
export const runCommand: RunCommand = async (program, args, options = {}) => {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: "C", ...options.env },
    signal: options.signal,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => reject(startFault(program, cause)));
    child.once("close", (code) => resolve(code ?? -1));
  });
  const input = options.stdinFile ? pipeline(createReadStream(options.stdinFile), child.stdin) : undefined;
  if (!input) child.stdin.end();
  // A program that stops reading early tells why on standard error; the broken pipe itself is no news.
  const inputError = input?.then(
    () => undefined,
    (error: unknown) => error,
  );
  const code = await ended;
  const unread = await inputError;
  if (code !== 0) {
    const said = Buffer.concat(err).toString("utf8").trim().split("\n").slice(-5).join("\n");
    throw new Fault("unavailable", `${program} ${args[0] ?? ""} ended with code ${code}${said ? `: ${said}` : ""}`);
  }
  if (unread) throw new Fault("internal", `${program} did not read its whole input`, { cause: unread });
  return Buffer.concat(out).toString("utf8");
};

function startFault(program: string, cause: Error): Fault {
  if (cause.name === "AbortError") return new Fault("aborted", `${program} was stopped`, { cause });
  if ("code" in cause && cause.code === "ENOENT") return new Fault("missing", `${program} is not installed`, { cause });
  return new Fault("unavailable", `${program} could not be started: ${cause.message}`, { cause });
}
