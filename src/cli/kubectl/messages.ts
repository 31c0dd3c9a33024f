import { constants } from "node:os";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { goQuote } from "../../lib/go-text.ts";
import { StatusError } from "../../machinery/status-error.ts";

/** Something that the user has to hear; told as `error: ...` unless the text says so itself. */
export class CommandError extends Error {
  readonly exitCode: number;
  /** The text is told as it is, without `error: ` before it. */
  readonly verbatim: boolean;

  constructor(message: string, options: { readonly exitCode?: number; readonly verbatim?: boolean } = {}) {
    super(message);
    this.name = "CommandError";
    this.exitCode = options.exitCode ?? 1;
    this.verbatim = options.verbatim ?? false;
  }
}

/** A manifest, or what it is built from, that cannot be read. */
export class SourceError extends CommandError {}

/** Throws what a command met one object after the other: of that alone that could not be read, the bare words are told. */
export function throwCollected(errors: readonly unknown[]): void {
  const [only] = errors;
  if (errors.length === 1 && only instanceof SourceError) throw new CommandError(only.message, { verbatim: true });
  throwAll(errors);
}

/** The arguments make no sense: the message, and where to read about the command. */
export function usageError(path: string, message: string): CommandError {
  return new CommandError(`${message}\nSee '${path} -h' for help and examples`);
}

/** Ends the command with a code and without a word. */
export function silentExit(exitCode: number): CommandError {
  return new CommandError("", { exitCode, verbatim: true });
}

/** What shells see of a program that a signal ended: 128 and the signal's number. */
export function signalExitCode({ reason }: AbortSignal): number {
  return 128 + (constants.signals[reason as keyof typeof constants.signals] ?? constants.signals.SIGINT);
}

/** The exit code of a command that was interrupted: 1 where it followed something, as upstream, else the signal's. */
export function interruptedExitCode(error: unknown, signal: AbortSignal): number {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  const followed = errors.some((one) => one instanceof CommandError && one.message === "" && one.exitCode === 1);
  return followed ? 1 : signalExitCode(signal);
}

/** A resource type that the server has not. */
export class NoResourceMatch extends Error {
  constructor(resource: string, group = "", version = "") {
    const where =
      group && version
        ? ` in group ${goQuote(group)} and version ${goQuote(version)}`
        : group
          ? ` in group ${goQuote(group)}`
          : version
            ? ` in version ${goQuote(version)}`
            : "";
    super(`the server doesn't have a resource type ${goQuote(resource)}${where}`);
    this.name = "NoResourceMatch";
  }
}

/** No answer came, so that what was asked may or may not have been done. */
export class ConnectionError extends Error {
  /** The call and what became of it, as stands behind the words of who made it. */
  readonly detail: string;

  constructor(message: string, options: ErrorOptions & { readonly detail: string }) {
    super(message, options);
    this.name = "ConnectionError";
    this.detail = options.detail;
  }
}

/** The kubeconfig makes no sense. */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      problems.length === 1
        ? `invalid configuration: ${problems[0]}`
        : `invalid configuration: [${problems.join(", ")}]`,
    );
    this.name = "ConfigurationError";
    this.problems = problems;
  }
}

/** Several errors as one, or the one; nothing of none. */
export function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors);
}

/** What stderr gets for an error that ends the program, without the last line end, and the exit code. */
export function tellError(error: unknown): { readonly text: string; readonly exitCode: number } {
  if (error instanceof AggregateError && error.errors.length === 1) return tellError(error.errors[0]);
  if (error instanceof AggregateError) {
    return { text: `${flatten(error).map(oneOfSeveral).join("\n")}`, exitCode: 1 };
  }
  if (error instanceof CommandError)
    return { text: error.verbatim ? error.message : prefixed(error.message), exitCode: error.exitCode };
  if (error instanceof StatusError && error.reason === "Invalid") return { text: invalidText(error), exitCode: 1 };
  if (error instanceof ConfigurationError) {
    const [first = "", ...rest] = error.problems;
    const text =
      rest.length === 0
        ? `Error in configuration: ${first}`
        : `Error in configuration: \n${error.problems.map((problem) => `* ${problem}`).join("\n")}`;
    return { text, exitCode: 1 };
  }
  return {
    text: known(error) ?? prefixed(errorMessage(error)),
    exitCode: error instanceof Fault && error.code === "aborted" ? 130 : 1,
  };
}

const prefixed = (message: string) => (message.startsWith("error: ") ? message : `error: ${message}`);

/** An error of a program's own as one of several: its words alone. */
function oneOfSeveral(error: unknown): string {
  return known(error) ?? errorMessage(error);
}

function known(error: unknown): string | undefined {
  if (error instanceof StatusError) {
    if (error.reason === "Unauthorized") return `error: You must be logged in to the server (${error.message})`;
    return error.reason
      ? `Error from server (${error.reason}): ${error.message}`
      : `Error from server: ${error.message}`;
  }
  return error instanceof ConnectionError ? error.message : undefined;
}

function flatten(error: AggregateError): readonly unknown[] {
  return error.errors.flatMap((one) => (one instanceof AggregateError ? flatten(one) : [one]));
}

function invalidText({ details, message }: StatusError): string {
  if (!details) return message ? `The request is invalid: ${message}` : "The request is invalid";
  const causes = details.causes ?? [];
  const subject =
    details.kind || details.name
      ? `The ${details.kind ?? ""} ${goQuote(details.name ?? "")} is invalid`
      : message && causes.length === 0
        ? `The request is invalid: ${message}`
        : "The request is invalid";
  const texts = [...new Set(causes.map((cause) => `${cause.field ?? ""}: ${cause.message ?? ""}`))];
  if (texts.length === 0) return subject;
  if (texts.length === 1) return `${subject}: ${texts[0]}`;
  return `${subject}: \n${texts.map((line) => `* ${line}`).join("\n")}`;
}
