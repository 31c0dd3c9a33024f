import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

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
}

const root = join(import.meta.dirname, "../..");

/** Runs a suite with its output shown as it comes. */
export async function runSuite(suite: Suite): Promise<Result> {
  const start = performance.now();
  const counts = suite.config ? await runVitest(suite.config) : await runCommand(suite.command ?? []);
  return { name: suite.name, skipped: 0, ...counts, seconds: (performance.now() - start) / 1000 };
}

type Counts = Pick<Result, "passed" | "failed"> & { readonly skipped?: number };

async function runCommand(command: readonly string[]): Promise<Counts> {
  const ok = (await run(command)) === 0;
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

async function runVitest(config: string): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "navarch-report-"));
  const file = join(folder, "report.json");
  const vitest = ["node", "node_modules/vitest/vitest.mjs", "run", "--config", config];
  const code = await run([...vitest, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`]);
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
    // A file that cannot be read, or a hook that fails, has no test of its own that could be counted.
    const broken = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === "failed" && !assertionResults.some((result) => result.status === "failed"),
    ).length;
    const failed = report.numFailedTests + broken;
    const unseen = code !== 0 && failed === 0 ? 1 : 0;
    return { passed: report.numPassedTests, failed: failed + unseen, skipped: report.numPendingTests };
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

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
