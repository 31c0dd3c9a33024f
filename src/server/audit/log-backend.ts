import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { AuditBackend, AuditEvent } from "./audit-event.ts";

export interface LogBackendOptions {
  /** `-` is standard output, which is never rotated. */
  readonly path: string;
  /** Megabytes after which a new file is begun, as `--audit-log-maxsize`. Default 100. */
  readonly maxSize?: number;
  /** How many old files are kept, as `--audit-log-maxbackup`; 0 keeps all. */
  readonly maxBackups?: number;
  /** Days that old files are kept, as `--audit-log-maxage`; 0 keeps them for good. */
  readonly maxAge?: number;
  readonly clock: Clock;
  readonly log: Log;
}

const day = 86_400_000;
const usualSize = 100;

/** Writes events as lines of JSON, each before its request is answered, readable by the server's own user alone. */
export function logBackend(options: LogBackendOptions): AuditBackend {
  const { path, clock, log, maxSize = usualSize, maxBackups = 0, maxAge = 0 } = options;
  const limit = maxSize * 1024 * 1024;
  const standard = path === "-";
  let file = standard ? 1 : open(path);
  let size = standard ? 0 : fstatSync(file).size;
  let failing = false;

  const rotate = () => {
    closeSync(file);
    renameSync(path, freeName(path, clock.now()));
    file = open(path);
    size = 0;
    dropOld(path, { maxBackups, maxAge, now: clock.now() });
  };
  return {
    write(event: AuditEvent) {
      const line = Buffer.from(`${JSON.stringify(event)}\n`);
      try {
        if (!standard && size > 0 && size + line.length > limit) rotate();
        for (let at = 0; at < line.length; ) at += writeSync(file, line, at);
        size += line.length;
        failing = false;
      } catch (error) {
        // Once is enough: a full disk would fill the server's log as well.
        if (!failing) log.error("audit events cannot be written", { path, error: errorMessage(error) });
        failing = true;
      }
    },
    async [Symbol.asyncDispose]() {
      if (!standard) closeSync(file);
    },
  };
}

function open(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return openSync(path, "a", 0o600);
}

// audit-2026-11-21T06-00-00.000.log, as upstream names them.
function freeName(path: string, now: number): string {
  const time = new Date(now).toISOString().slice(0, -1).replaceAll(":", "-");
  const { stem, end } = parts(path);
  for (let count = 0; ; count++) {
    const name = join(dirname(path), `${stem}-${time}${count === 0 ? "" : `-${count}`}${end}`);
    if (!existsSync(name)) return name;
  }
}

function parts(path: string): { readonly stem: string; readonly end: string } {
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  return dot > 0 ? { stem: name.slice(0, dot), end: name.slice(dot) } : { stem: name, end: "" };
}

function dropOld(
  path: string,
  { maxBackups, maxAge, now }: { readonly maxBackups: number; readonly maxAge: number; readonly now: number },
): void {
  const { stem, end } = parts(path);
  const backups = readdirSync(dirname(path))
    .filter((name) => name.startsWith(`${stem}-`) && name.endsWith(end) && name !== basename(path))
    .sort()
    .reverse()
    .map((name) => join(dirname(path), name));
  const old = backups.filter(
    (name, index) =>
      (maxBackups > 0 && index >= maxBackups) || (maxAge > 0 && now - statSync(name).mtimeMs > maxAge * day),
  );
  for (const name of old) unlinkSync(name);
}
