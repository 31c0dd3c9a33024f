import type { Readable } from "node:stream";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";

/** Where a command writes to. Writes come out in order; what a broken pipe swallows is lost without an error. */
export interface Output {
  write(text: string | Uint8Array): void;
  readonly isTerminal: boolean;
  /** The terminal's width, if there is one. */
  readonly columns?: number;
}

/** The terminal that a person sits at. */
export interface Terminal {
  /** Undefined when it does not say. */
  size(): { readonly width: number; readonly height: number } | undefined;
  onResize(listener: () => void): Disposable;
  /** Hands every key on as it is pressed, until disposed. */
  raw(): Disposable;
}

/** What a command runs in: a process has one, a test makes as many as it likes. */
export interface Host {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** There when stdin is one. */
  readonly terminal?: Terminal;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here. */
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Raised when the user interrupts. */
  readonly signal: AbortSignal;
}
