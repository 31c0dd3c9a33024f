import { EVENT_ID, type Event, getScalarValue, parseEvents } from "js-yaml";

/** Where something stands in a text; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where the fields of a YAML document stand, by their paths as `/spec/nodes/0`: a key's own place, an item's beginning. */
export function yamlPlaces(text: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const events = parseEvents(text, { source: text } as Parameters<typeof parseEvents>[1]);
  let next = 0;
  const placeOf = lineCounter(text);

  // Events nest as the document does: each call reads one node and everything in it.
  const node = (path: string): void => {
    const event = events[next++];
    if (!event) return;
    if (!places.has(path) && startOf(event) !== undefined) places.set(path, placeOf(startOf(event)!));
    if (event.type === EVENT_ID.SEQUENCE) {
      for (let index = 0; more(); index++) node(`${path}/${index}`);
      next++;
    } else if (event.type === EVENT_ID.MAPPING) {
      while (more()) {
        const key = events[next]!;
        const name = key.type === EVENT_ID.SCALAR ? getScalarValue(text, key) : "";
        const member = `${path}/${escaped(name)}`;
        if (startOf(key) !== undefined) places.set(member, placeOf(startOf(key)!));
        node(`${member}#key`);
        node(member);
      }
      next++;
    }
  };
  const more = () => next < events.length && events[next]?.type !== EVENT_ID.POP;

  while (next < events.length && events[next]?.type !== EVENT_ID.DOCUMENT) next++;
  next++;
  node("");
  return places;
}

/** One step of a path, as in JSON Pointers. */
export const escaped = (name: string): string => name.replace(/~/g, "~0").replace(/\//g, "~1");

function startOf(event: Event): number | undefined {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) return event.start;
  return undefined;
}

function lineCounter(text: string): (offset: number) => Place {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    const line = starts.findLastIndex((start) => start <= offset);
    return { line: line + 1, column: offset - starts[line]! + 1 };
  };
}
