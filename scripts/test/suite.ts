import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";

export interface Suite {
  readonly name: string;
  /** Vitest's configuration of it; its tests are counted one by one. */
  readonly config?: string;
  /** A program that ends well or not: one test. */
  readonly command?: readonly string[];
  /** It starts containers and the like: root and the programs for that are needed. */
  readonly needsMachine?: boolean;
}

export interface Result {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What failed, a line each: a suite, a test's full name, or a file that could not be run. */
  readonly failures: readonly string[];
}

const root = join(import.meta.dirname, "../..");

/** Runs a suite with its output shown as it comes. */
export async function runSuite(suite: Suite): Promise<Result> {
  const start = performance.now();
  const counts = suite.config ? await runVitest(suite.config) : await runCommand(suite.name, suite.command ?? []);
  return { name: suite.name, skipped: 0, ...counts, seconds: (performance.now() - start) / 1000 };
}

type Counts = Pick<Result, "passed" | "failed" | "failures"> & { readonly skipped?: number };

async function runCommand(name: string, command: readonly string[]): Promise<Counts> {
  const ok = (await run(command)) === 0;
  return ok ? { passed: 1, failed: 0, failures: [] } : { passed: 0, failed: 1, failures: [name] };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

async function runVitest(config: string): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "navarch-report-"));
  const file = join(folder, "report.json");
  const vitest = ["node", "node_modules/vitest/vitest.mjs", "run", "--config", config];
  const code = await run([...vitest, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`]);
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
    const failures = report.testResults.flatMap(failuresOf);
    if (code !== 0 && failures.length === 0) failures.push(`${config}: vitest ended with ${code}`);
    return { passed: report.numPassedTests, failed: failures.length, skipped: report.numPendingTests, failures };
  } catch {
    return { passed: 0, failed: 1, failures: [`${config}: vitest left no report`] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file that cannot be read, or a hook that fails, has no test of its own that could be named. */
function failuresOf({ name, status, message, assertionResults }: VitestReport["testResults"][number]): string[] {
  const file = relative(root, name);
  const failed = assertionResults.filter((result) => result.status === "failed");
  if (failed.length === 0) return status === "failed" ? [`${file}: ${firstLine(message)}`] : [];
  return failed.map(({ fullName, failureMessages }) => `${file}: ${fullName}: ${firstLine(failureMessages?.[0])}`);
}

const firstLine = (text = "") => text.split("\n", 1)[0];

function run([program = "false", ...args]: readonly string[]): Promise<number> {
  // The pinned Node and the tools of this package come first, whoever calls.
  const path = [join(root, "node_modules", ".bin"), join(root, ".cache", "bin"), process.env.PATH].join(delimiter);
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, PATH: path } });
    child.once("error", (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
}
