/** One reason why an expression does not compile; line from 1, column from 0. */
export interface CelIssue {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  /** As kubectl users know it: `ERROR: <input>:1:5: message`, the line of source and a caret under the place. */
  readonly display: string;
}

/** Ends parsing at the first fault, with its place. */
export class SyntaxFault {
  readonly message: string;
  readonly at: number;
  constructor(message: string, at: number) {
    this.message = message;
    this.at = at;
  }
}

/** An issue at an offset of the source. */
export function issueAt(source: string, at: number, message: string): CelIssue {
  const before = source.slice(0, at).split("\n");
  const line = before.length;
  const column = Array.from(before[line - 1] ?? "").length;
  const text = source.split("\n")[line - 1] ?? "";
  const display = `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${".".repeat(column)}^`;
  return { message, line, column, display };
}
