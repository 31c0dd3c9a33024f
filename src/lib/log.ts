import { destination, pino } from "pino";

/** Structured log: a message for people and fields for programs. Never pass secrets. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields that every line carries. */
  child(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** What is held back of lines that could not be written yet. */
const heldBytes = 1024 * 1024;

/** A log that writes one JSON line per message to a file, or to standard error without one. Lines are dropped where they cannot be written. */
export function openLog(options: { readonly level?: LogLevel; readonly file?: string } = {}): Log {
  const target = destination({ dest: options.file ?? 2, sync: true, mkdir: true, maxLength: heldBytes });
  // A disk that is full costs lines of the log, not the program.
  target.on("error", () => {});
  return wrap(
    pino({ level: options.level ?? "info", base: null, serializers: { error: pino.stdSerializers.err } }, target),
  );
}

/** A log that drops everything. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (fields) => wrap(logger.child(fields)),
  };
}
