import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** When a log is rotated and how much is kept; the kubelet's own defaults are 10 MiB and 5 files. */
export interface RotationPolicy {
  readonly maxBytes: number;
  /** All files of one container together, the one that is being written included; at least 2. */
  readonly maxFiles: number;
}

export const usualRotation: RotationPolicy = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

export interface RotationContext {
  /** Milliseconds since the epoch; it names the rotated file. */
  readonly now: number;
  /** Makes the runtime write to a new file at the path. */
  readonly reopen: () => Promise<void>;
}

/**
 * Rotates a running container's log if it has grown over the limit, and says whether it did. Rotated files are named
 * `<log>.<yyyymmdd-hhmmss>`; all but the newest of them are compressed (`.gz`), and the oldest removed. When the runtime
 * does not open a new file, the old one is put back and the fault thrown.
 */
export async function rotateLog(path: string, policy: RotationPolicy, context: RotationContext): Promise<boolean> {
  const size = await stat(path).then(
    (info) => info.size,
    () => 0,
  );
  if (size < policy.maxBytes) return false;

  const rotated = await rotatedLogs(path);
  // One place is for the file being written, one for what is rotated now.
  const excess = rotated.slice(0, Math.max(0, rotated.length - (policy.maxFiles - 2)));
  await Promise.all(excess.map((file) => rm(file, { force: true })));
  for (const file of rotated.slice(excess.length)) if (!file.endsWith(".gz")) await compress(file);

  const aside = `${path}.${timestampOf(context.now)}`;
  await rename(path, aside);
  try {
    await context.reopen();
  } catch (error) {
    await rename(aside, path);
    throw error;
  }
  return true;
}

/** A log's rotated files, the oldest first. Removes what an interrupted compression left. */
export async function rotatedLogs(path: string): Promise<readonly string[]> {
  const directory = dirname(path);
  const names = (await readdir(directory)).filter((name) => name.startsWith(`${basename(path)}.`)).sort();
  const unfinished = names.filter((name) => name.endsWith(".tmp"));
  await Promise.all(unfinished.map((name) => rm(join(directory, name), { force: true })));
  return names.filter((name) => !name.endsWith(".tmp")).map((name) => join(directory, name));
}

/** Removes a container's log with everything rotated from it. */
export async function removeLogs(path: string): Promise<void> {
  const rotated = await rotatedLogs(path).catch(() => []);
  await Promise.all([path, ...rotated].map((file) => rm(file, { force: true })));
}

async function compress(file: string): Promise<void> {
  const unfinished = `${file}.tmp`;
  await pipeline(createReadStream(file), createGzip(), createWriteStream(unfinished));
  await rename(unfinished, `${file}.gz`);
  await rm(file);
}

function timestampOf(now: number): string {
  const [date = "", time = ""] = new Date(now).toISOString().split(/[T.]/);
  return `${date.replaceAll("-", "")}-${time.replaceAll(":", "")}`;
}
