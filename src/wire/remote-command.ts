import type { Buffer } from "node:buffer";
import type { Readable, Writable } from "node:stream";
import type { Fault } from "../lib/fault.ts";

/** The columns and rows of a terminal. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** How a remote command ended: with an exit code, or because it could not be run. */
export type ExitStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "failed"; readonly message: string; readonly reason?: string; readonly code?: number };

/** Which streams an exec or attach asks for. With `tty` there is no separate stderr. */
export interface StreamSelection {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly tty?: boolean;
}

/**
 * An exec or attach as the serving side holds it, whatever the client speaks. The streams never throw for want of an
 * error listener; when the client goes away they are destroyed and `signal` aborts with a Fault.
 */
export interface RemoteCommandSession {
  /** What was agreed, such as `v5.channel.k8s.io`. */
  readonly protocol: string;
  /** Ends when the client half-closes, if its protocol can say so, or hangs up. */
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** The newest terminal size each time it changes; sizes that nobody read in time are skipped. Ends with the session. */
  readonly resize: AsyncIterable<TerminalSize>;
  /** Aborts with a Fault when the client is gone before `exit`. */
  readonly signal: AbortSignal;
  /** Ends stdout and stderr, waits until they are flushed, tells the status and closes. Resolves also when the client is gone. */
  exit(status: ExitStatus): Promise<void>;
  /** Cuts the connection. */
  destroy(fault?: Fault): void;
}

/** What a client connects to a remote command. The streams given are the streams asked for. */
export interface RemoteCommandStreams {
  /** Its end half-closes the remote stdin. Left as it is when the command ends first. */
  readonly stdin?: Readable;
  /** Written with backpressure, never ended. */
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  readonly tty?: boolean;
  readonly resize?: AsyncIterable<TerminalSize>;
}

export const streamProtocol = {
  v1: "channel.k8s.io",
  v2: "v2.channel.k8s.io",
  v3: "v3.channel.k8s.io",
  v4: "v4.channel.k8s.io",
  v5: "v5.channel.k8s.io",
} as const;

/** The numbers of exec's channels on a WebSocket. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** The Status object that ends an exec or attach from v4 on. */
export function encodeStatus(status: ExitStatus): string {
  const head = { kind: "Status", apiVersion: "v1", metadata: {} };
  if (status.kind === "exited" && status.code === 0) return JSON.stringify({ ...head, status: "Success" });
  if (status.kind === "exited") {
    return JSON.stringify({
      ...head,
      status: "Failure",
      message: plainStatus(status),
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: String(status.code) }] },
    });
  }
  const { message, reason, code } = status;
  if (reason) return JSON.stringify({ ...head, status: "Failure", message, reason, code });
  return JSON.stringify({
    ...head,
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  });
}

/** What protocols before v4 write on the error stream: nothing for success, else a sentence. */
export function plainStatus(status: ExitStatus): string {
  if (status.kind === "failed") return status.message;
  return status.code === 0 ? "" : `command terminated with non-zero exit code: exit status ${status.code}`;
}

/** Reads what came on the error stream; an empty one means success. */
export function decodeStatus(text: string, options: { readonly json: boolean }): ExitStatus {
  if (text.trim() === "") return { kind: "exited", code: 0 };
  if (!options.json) return { kind: "failed", message: `error executing remote command: ${text}` };
  const status = parseObject(text);
  if (status?.status === "Success") return { kind: "exited", code: 0 };
  if (status?.status !== "Failure") {
    return { kind: "failed", message: `error stream protocol error: unknown error: ${text}` };
  }
  const { details, message, reason, code } = status;
  if (reason === "NonZeroExitCode" && isObject(details) && Array.isArray(details.causes)) {
    const cause = details.causes.find((each) => isObject(each) && each.reason === "ExitCode");
    const exitCode =
      isObject(cause) && typeof cause.message === "string" ? Number.parseInt(cause.message, 10) : Number.NaN;
    if (Number.isInteger(exitCode)) return { kind: "exited", code: exitCode };
  }
  return {
    kind: "failed",
    message: typeof message === "string" ? message : "",
    ...(typeof reason === "string" ? { reason } : {}),
    ...(typeof code === "number" ? { code } : {}),
  };
}

/** A terminal size as it travels: one JSON object. */
export function encodeSize(size: TerminalSize): string {
  return `${JSON.stringify({ Width: size.width, Height: size.height })}\n`;
}

/** Reads terminal sizes from a stream of JSON objects that may be cut anywhere; what makes no sense is passed over. */
export class SizeDecoder {
  #text = "";

  push(data: Buffer): readonly TerminalSize[] {
    const parts = `${this.#text}${data.toString("latin1")}`.split("}");
    // A size is a flat object of some thirty bytes: whatever goes on for longer without a brace is none.
    this.#text = (parts.pop() ?? "").slice(-1024);
    return parts.flatMap((part) => {
      const size = parseObject(`${part}}`);
      return size && isSide(size.Width) && isSide(size.Height) ? [{ width: size.Width, height: size.Height }] : [];
    });
  }
}

/** Terminal sizes for one reader, of which only the newest matters. */
export class SizeChanges implements AsyncIterable<TerminalSize> {
  #newest: TerminalSize | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  push(size: TerminalSize): void {
    if (this.#ended) return;
    this.#newest = size;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<TerminalSize> {
    for (;;) {
      const size = this.#newest;
      this.#newest = undefined;
      if (size) {
        yield size;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSide(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff;
}
