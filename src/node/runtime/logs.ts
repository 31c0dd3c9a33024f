import type { Clock } from "../../lib/clock.ts";
import { Fault, faultCode } from "../../lib/fault.ts";
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

/** Throws Fault `invalid` for tailLines together with one stream (as upstream). */
export function refuseContradiction({ tailLines, stream = "All" }: LogRequest): void {
  if (tailLines !== undefined && stream !== "All")
    throw new Fault("invalid", "tailLines and a specific stream cannot be asked for together");
}

/**
 * Yields a container's log as its reader sees it, from the file at `path` and, when following, from those that take its place
 * after a rotation. Ends at the end of the file, at the byte limit, when aborted or, following, when the container has ended.
 * Throws Fault `missing` when there is no file, for which following waits, and `invalid` for tailLines together with one stream.
 */
export async function* readLog(path: string, request: LogRequest, context: LogContext): AsyncGenerator<Uint8Array> {
  const { files, clock, signal } = context;
  refuseContradiction(request);
  const since =
    request.since ?? (request.sinceSeconds === undefined ? undefined : clock.now() - request.sinceSeconds * 1_000);
  const selector = new LogSelector({ ...request, since });
  let file = await files.open(path);
  if (!file && !request.follow) throw new Fault("missing", `There is no log file ${path}`);

  try {
    let position = file && request.tailLines !== undefined ? await tailStart(file, request.tailLines) : 0;
    const drain = async function* () {
      while (file && !selector.full) {
        const bytes = await file.read(position, chunkSize);
        if (bytes.length === 0 || signal.aborted) return;
        position += bytes.length;
        const out = selector.take(bytes);
        if (out.length > 0) yield out;
      }
    };
    const readOn = async function* () {
      yield* drain();
      const next = await files.open(path);
      if (next && next.identity !== file?.identity) {
        // The runtime may have written to the old file until it opened the new one.
        yield* drain();
        await file?.[Symbol.asyncDispose]();
        file = next;
        position = 0;
        yield* drain();
      } else {
        await next?.[Symbol.asyncDispose]();
        if (file && (await file.size()) < position) position = 0;
      }
    };
    yield* drain();
    if (request.follow) {
      const ended = new AbortController();
      const ask = asker(context.running, ended);
      for await (const _ of files.changes(path, AbortSignal.any([signal, ended.signal]))) {
        ask();
        yield* readOn();
        if (selector.full) break;
      }
      // What was written until the container ended is there now.
      if (ended.signal.aborted) yield* readOn();
    }
    const rest = selector.finish();
    if (rest.length > 0 && !signal.aborted) yield rest;
  } finally {
    await file?.[Symbol.asyncDispose]();
  }
}

/**
 * Asks beside the reading whether the container still runs, and aborts `ended` when it does not: a runtime that is slow to answer, or
 * does not answer for a while, must not hold back what is in the file already.
 */
function asker(running: () => Promise<boolean>, ended: AbortController): () => void {
  let asking = false;
  let again = false;
  const ask = async () => {
    do {
      again = false;
      try {
        if (!(await running())) ended.abort();
      } catch (error) {
        // Asked again at the next change; of a runtime that was let go nothing more will be heard.
        if (faultCode(error) === "closed") ended.abort();
      }
    } while (again && !ended.signal.aborted);
    asking = false;
  };
  return () => {
    again = true;
    if (asking) return;
    asking = true;
    void ask();
  };
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
