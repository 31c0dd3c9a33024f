import { EVENT_ID, getScalarValue, parseEvents } from "js-yaml";
import { depthLimit } from "./json-text.ts";

/** Keys that stand twice in a map of a YAML text that can be read, in Go's words: `line 4: key "x" already set in map`. */
export function yamlDuplicates(text: string): readonly string[] {
  const found: string[] = [];
  const lineOf = lineCounter(text);
  // The next member of each map that is open: its key, or undefined where a key is what comes next.
  interface Open {
    readonly seen: Set<string> | undefined;
    key: string | undefined;
    line: number;
  }
  const open: Open[] = [];
  const ended = () => {
    const top = open.at(-1);
    if (top?.seen === undefined || top.key === undefined) return;
    if (top.seen.has(top.key)) found.push(`line ${top.line}: key ${JSON.stringify(top.key)} already set in map`);
    top.seen.add(top.key);
    top.key = undefined;
  };
  const begins = (at: number) => {
    const top = open.at(-1);
    if (top?.key !== undefined) top.line = lineOf(at);
  };
  for (const event of parseEvents(text, { maxDepth: depthLimit })) {
    const top = open.at(-1);
    const isKey = top?.seen !== undefined && top.key === undefined;
    switch (event.type) {
      case EVENT_ID.SCALAR:
        if (isKey && top) top.key = getScalarValue(text, event);
        else {
          begins(event.valueStart);
          ended();
        }
        break;
      case EVENT_ID.ALIAS:
        begins(event.anchorStart);
        if (isKey && top) top.key = text.slice(event.anchorStart, event.anchorEnd);
        else ended();
        break;
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        begins(event.start);
        open.push({ seen: event.type === EVENT_ID.MAPPING ? new Set() : undefined, key: undefined, line: 0 });
        break;
      case EVENT_ID.DOCUMENT:
        open.push({ seen: undefined, key: undefined, line: 0 });
        break;
      case EVENT_ID.POP:
        open.pop();
        ended();
        break;
    }
  }
  return found;
}

/** How Go tells of them in one text. */
export const yamlFault = (found: readonly string[]): string => `yaml: unmarshal errors:\n  ${found.join("\n  ")}`;

/** Lines of growing places in a text, from 1. */
function lineCounter(text: string): (at: number) => number {
  let line = 1;
  let passed = 0;
  return (at) => {
    for (let next = text.indexOf("\n", passed); next !== -1 && next < at; next = text.indexOf("\n", passed)) {
      line += 1;
      passed = next + 1;
    }
    return line;
  };
}
