import type { HeaderList } from "./exchange.ts";

/** What ends the head of a message. */
export const headEnd: Buffer = Buffer.from("\r\n\r\n");

const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const fieldText = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The lines of a head (RFC 9112, 2.1), of which the first is for the caller to read. */
export interface ReadLines {
  readonly first: string;
  readonly fields: HeaderList;
}

/**
 * Takes a head without its last line apart. Undefined for all that somebody else might read in another way: lines that end
 * by themselves, folded lines, names with spaces, control characters.
 */
export function readLines(text: string): ReadLines | undefined {
  let end = text.indexOf("\r\n");
  if (end < 0) end = text.length;
  const first = text.slice(0, end);
  const fields: string[] = [];
  while (end < text.length) {
    const start = end + 2;
    end = text.indexOf("\r\n", start);
    if (end < 0) end = text.length;
    const colon = text.indexOf(":", start);
    if (colon < 0 || colon > end) return undefined;
    const name = text.slice(start, colon);
    const value = trimmed(text, colon + 1, end);
    if (!fieldName.test(name) || !fieldText.test(value)) return undefined;
    fields.push(name, value);
  }
  return { first, fields };
}

/** Without the spaces and tabs around it. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;

/** Fields as lines, each with its end. */
export function fieldLines(fields: HeaderList): string {
  let text = "";
  for (let index = 0; index + 1 < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return text;
}
