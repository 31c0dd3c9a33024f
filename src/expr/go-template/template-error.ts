/** A template that cannot be read or carried out; the message is in the words of Go's text/template. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

/** `NAME:LINE:COLUMN`, the column counted from 0 in bytes, as Go has it. */
export function placeOf(name: string, source: string, at: number): string {
  const before = source.slice(0, at);
  const start = before.lastIndexOf("\n") + 1;
  return `${name}:${lineOf(source, at)}:${Buffer.byteLength(before.slice(start))}`;
}

/** Counted from 1. */
export function lineOf(source: string, at: number): number {
  return source.slice(0, at).split("\n").length;
}
