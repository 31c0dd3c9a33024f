import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { LogFiles, OpenLogFile } from "./log-files.ts";
import { type LogSelection, LogSelector } from "./log-lines.ts";

/** What `kubectl logs` asks for. */
export interface LogRequest extends LogSelection {
  /** Only the last lines; 0 gives none of those that are there. Counts the file's lines, so a split one counts per piece, as upstream. */
  readonly tailLines?: number;
  /** An alternative to `since`, in seconds before now. */
  readonly sinceSeconds?: number;
  /** Goes on with what is written later. */
  readonly follow?: boolean;
}

export interface LogContext {
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Following ends once this says false and everything written has been given out. */
  readonly running: () => Promise<boolean>;
}

/**
 * Yields a container's log as its reader sees it, from the file at `path` and, when following, from those that take its place
 * after a rotation. Ends at the end of the file, at the byte limit, when aborted or, following, when the container has ended.
 * Throws Fault `missing` when there is no file, and `invalid` for tailLines together with one stream.
 */
export async function* readLog(path: string, request: LogRequest, context: LogContext): AsyncGenerator<Uint8Array> {
  const { files, clock, signal } = context;
  if (request.tailLines !== undefined && request.stream !== undefined && request.stream !== "All") {
    throw new Fault("invalid", "tailLines and a specific stream cannot be asked for together");
  }
  const since =
    request.since ?? (request.sinceSeconds === undefined ? undefined : clock.now() - request.sinceSeconds * 1_000);
  const selector = new LogSelector({ ...request, since });
  const first = await files.open(path);
  if (!first) throw new Fault("missing", `There is no log file ${path}`);

  let file: OpenLogFile = first;
  try {
    let position = request.tailLines === undefined ? 0 : await tailStart(file, request.tailLines);
    const drain = async function* () {
      for (;;) {
        const bytes = await file.read(position, chunkSize);
        if (bytes.length === 0 || signal.aborted) return;
        position += bytes.length;
        const out = selector.take(bytes);
        if (out.length > 0) yield out;
        if (selector.full) return;
      }
    };
    yield* drain();
    if (request.follow && !selector.full) {
      for await (const _ of files.changes(path, signal)) {
        // Asked before reading: what is written until a container ends is then read after it ended.
        const running = await context.running();
        yield* drain();
        const next = await files.open(path);
        if (next && next.identity !== file.identity) {
          // The runtime may have written to the old file until it opened the new one.
          yield* drain();
          await file[Symbol.asyncDispose]();
          file = next;
          position = 0;
          yield* drain();
        } else {
          await next?.[Symbol.asyncDispose]();
          if ((await file.size()) < position) position = 0;
        }
        if (selector.full || !running) break;
      }
    }
    const rest = selector.finish();
    if (rest.length > 0 && !signal.aborted) yield rest;
  } finally {
    await file[Symbol.asyncDispose]();
  }
}

const chunkSize = 64 * 1024;

/** Where the last `lines` lines begin. A last line without a newline counts as one. */
export async function tailStart(file: Pick<OpenLogFile, "size" | "read">, lines: number): Promise<number> {
  const size = await file.size();
  if (lines <= 0) return size;
  let missing = lines;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - chunkSize);
    const bytes = await file.read(start, end - start);
    for (
      let index = bytes.lastIndexOf(0x0a);
      index >= 0;
      index = index === 0 ? -1 : bytes.lastIndexOf(0x0a, index - 1)
    ) {
      // The newline at the very end closes the last line; it does not begin another.
      if (start + index === size - 1) continue;
      missing -= 1;
      if (missing === 0) return start + index + 1;
    }
    end = start;
  }
  return 0;
}
