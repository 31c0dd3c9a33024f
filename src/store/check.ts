import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { errorMessage } from "../lib/fault.ts";
import { inspectDirectory } from "./lmdb-directory.ts";

/** What a check of a data directory found. */
export interface CheckReport {
  /** True when nothing is wrong. */
  readonly ok: boolean;
  /** What is wrong, in sentences; the first twenty of many. */
  readonly problems: readonly string[];
  /** What was counted; absent when the check could not get that far. */
  readonly contents?: CheckedContents;
}

export interface CheckedContents {
  readonly revision: number;
  readonly compacted: number;
  readonly keys: number;
  readonly records: number;
  readonly bytes: number;
}

/**
 * Reads everything in a data directory and compares it with itself. A damaged map can kill the process that reads it,
 * so another process does the reading. The store may be in use meanwhile. Never throws for damage: it reports.
 */
export async function checkDataDirectory(path: string): Promise<CheckReport> {
  try {
    if (!existsSync(path) || inspectDirectory(path) === "new") return failed(`there is no store in ${path}`);
  } catch (error) {
    return failed(errorMessage(error));
  }
  // Compiled, the file beside this one ends in .js as this one does.
  const reader = fileURLToPath(new URL(`./check-reader${import.meta.url.slice(-3)}`, import.meta.url));
  const child = spawn(process.execPath, [reader, path], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  try {
    const [{ code, signal }, output, complaint] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (signal) return failed(`reading the data ended with ${signal}: the file is damaged or was cut short`);
    if (code !== 0) return failed(`the data could not be read: ${complaint.trim().slice(-500) || `exit code ${code}`}`);
    return JSON.parse(output);
  } catch (error) {
    return failed(`the check could not run: ${errorMessage(error)}`);
  }
}

function failed(problem: string): CheckReport {
  return { ok: false, problems: [problem] };
}
