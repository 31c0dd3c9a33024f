/** What went wrong, as a closed set: programs switch on it, people read the message. */
export type FaultCode =
  | "aborted" // the caller gave up
  | "closed" // used after it was closed
  | "compacted" // history before a revision is gone
  | "conflict" // somebody else changed it
  | "corrupt" // stored bytes do not make sense
  | "exhausted" // no space, memory, port or address left
  | "in-use" // another process holds it
  | "internal" // a fault of this program
  | "invalid" // the caller's input does not make sense
  | "missing" // a file, program or object is not there
  | "newer-format" // data written by a later version
  | "timeout" // it took too long
  | "unavailable" // the other side does not answer
  | "unsupported"; // this machine or build cannot do it

/** The one error class for faults. Expected outcomes are values, not errors. */
export class Fault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Fault";
    this.code = code;
  }
}

/** The Fault code of an error, or undefined if it is something else. */
export function faultCode(error: unknown): FaultCode | undefined {
  return error instanceof Fault ? error.code : undefined;
}

/** A sentence for people out of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
