import { type ChildProcess, spawn } from "node:child_process";
import { eventually, type Patience } from "./eventually.ts";

/** What a program said and how it ended. */
export interface Outcome {
  /** 128 and more where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  /** Milliseconds; then it is killed and the call throws. */
  readonly patience?: number;
}

/** Runs a program to its end, whatever that is. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  await using program = start(command, args, options);
  program.write(options.input ?? "");
  program.endInput();
  const patience = options.patience ?? 120_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    program.kill("SIGKILL");
  }, patience);
  const code = await program.ended;
  clearTimeout(timer);
  const { stdout, stderr } = program;
  if (late) throw new Error(`not ended within ${patience / 1000} s: ${command} ${args.join(" ")}\n${stdout}${stderr}`);
  return { code, stdout, stderr };
}

/** A program that runs beside the test; disposing kills it. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ended: Promise<number>;
  write(text: string): void;
  endInput(): void;
  kill(signal: NodeJS.Signals): void;
  /** Waits until its output has something; fails with the whole output. */
  says(what: RegExp, patience?: Patience): Promise<RegExpExecArray>;
}

/** Starts a program and collects what it says. */
export function start(
  command: string,
  args: readonly string[],
  { env, cwd }: Pick<RunOptions, "env" | "cwd"> = {},
): RunningProgram {
  const child: ChildProcess = spawn(command, [...args], { env: env ?? process.env, cwd });
  const said = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  child.stdin?.on("error", () => {});
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });
  ended.catch(() => {});
  return {
    get pid() {
      if (child.pid === undefined) throw new Error(`${command} did not start`);
      return child.pid;
    },
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    ended,
    write: (text) => void child.stdin?.write(text),
    endInput: () => void child.stdin?.end(),
    kill: (signal) => void child.kill(signal),
    says: (what, patience) =>
      eventually(
        `${command} ${args.join(" ")} says ${what}`,
        () => {
          const found = what.exec(said.stdout + said.stderr);
          if (!found) throw new Error(`it said:\n${said.stdout}${said.stderr}`);
          return found;
        },
        { every: 30, ...patience },
      ),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended.catch(() => {});
    },
  };
}

/** Whether a process is there, a zombie not counted. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === "SIGKILL" ? 9 : signal === "SIGTERM" ? 15 : signal === "SIGINT" ? 2 : 1;
}
