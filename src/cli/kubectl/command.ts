import type { Flags, ValuesOf } from "./flags/flag.ts";
import type { Session } from "./session.ts";

/** What a command gets to know about how it was called. */
export interface Invocation<F extends Flags = Flags> {
  readonly session: Session;
  /** By the flags' own names, as `flags["dry-run"]`; `session.globals` has those of every command. */
  readonly flags: ValuesOf<F>;
  /** The flags that were given. */
  readonly given: ReadonlySet<string>;
  readonly args: readonly string[];
  /** How many of `args` stand before `--`; undefined without one. */
  readonly dash: number | undefined;
  /** `kubectl create configmap` */
  readonly path: string;
}

/** One command. Its file is loaded when it is called. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  /** One line in the list of commands. */
  readonly short: string;
  /** The paragraphs at the head of its help; default: `short`. */
  readonly long?: string;
  /** Lines, `# what it does` above each command. */
  readonly examples?: string;
  /** What follows the command's path in its usage line, as `(TYPE NAME | TYPE/NAME)`. */
  readonly usage?: string;
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
  readonly flags?: F;
  /** Flags that must be given. */
  readonly required?: readonly (string & keyof F)[];
  /** The exit code of a command line that cannot be read; default: 1. */
  readonly misreadExitCode?: number;
  /** False: everything after the first word belongs to that word (exec, plugins). */
  readonly interspersed?: boolean;
  readonly subcommands?: readonly CommandEntry[];
  /**
   * Carries the command out; a number is the exit code, nothing is 0. Throws CommandError, StatusError, Fault or
   * AggregateError: messages.ts says how they are told. Absent where only the subcommands do something.
   */
  run?(invocation: Invocation<F>): Promise<number | undefined>;
}

/** A command as lists of commands know it, before its file is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly short: string;
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
  load(): Promise<Command>;
}

/** A command as a value: its flags give `run` the types of their values. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command {
  // A Command of known flags is called with exactly those: main.ts parses by the same table.
  return command as unknown as Command;
}
