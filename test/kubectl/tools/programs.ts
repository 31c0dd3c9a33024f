import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { kubectl } from "../../../src/cli/kubectl/main.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/random.ts";
import { kubectlPath } from "../../e2e/tools/kubectl.ts";

/** A program that takes longer is interrupted (milliseconds). */
const patience = 15_000;

/** How a command line ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Call {
  readonly words: readonly string[];
  /** Standard input; default: empty. */
  readonly input?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Interrupts the program once its standard output is like this. */
  readonly stopAt?: RegExp;
  /** Called when the first words come out of it. */
  readonly speaks?: () => void;
}

/** Runs the unmodified kubectl. */
export function runReference({ words, input = "", env, cwd, stopAt, speaks }: Call): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(kubectlPath(), [...words], {
      cwd,
      env: { ...env, PATH: process.env.PATH },
      timeout: patience,
      killSignal: "SIGINT",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      speaks?.();
      if (stopAt?.test(stdout)) child.kill("SIGINT");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Runs our own in this process. */
export async function runOurs({ words, input = "", env, cwd, stopAt, speaks }: Call): Promise<Ended> {
  const chunks = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const output = (to: Uint8Array[]) => ({
    write: (text: string | Uint8Array) => void to.push(Buffer.from(text)),
    isTerminal: false,
  });
  const interrupt = new AbortController();
  const text = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString("utf8");
  const stdout = output(chunks.stdout);
  const code = await kubectl(words, {
    stdin: Readable.from(input === "" ? [] : [Buffer.from(input)]),
    stdout: {
      ...stdout,
      write(what) {
        stdout.write(what);
        speaks?.();
        if (stopAt?.test(text(chunks.stdout))) interrupt.abort();
      },
    },
    stderr: output(chunks.stderr),
    env: { ...env, PATH: process.env.PATH ?? "" },
    cwd,
    clock: systemClock,
    random: systemRandom,
    signal: AbortSignal.any([interrupt.signal, AbortSignal.timeout(patience)]),
  });
  return { code, stdout: text(chunks.stdout), stderr: text(chunks.stderr) };
}
