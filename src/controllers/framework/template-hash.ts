import { safeLetters } from "./safe-letters.ts";

/**
 * A short name ending that stands for a value: equal values give equal endings, and so few letters are used that no word
 * comes out. `collisions` counts how often the ending was found taken by another value.
 */
export function contentHash(value: unknown, collisions = 0): string {
  let hash = fnv1a(canonicalText(value), 0x811c9dc5);
  if (collisions > 0) hash = fnv1a(String(collisions), hash);
  return safeLetters(String(hash));
}

/** JSON with sorted members, so that the order in which they were sent does not count; nothing for what says nothing. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && member !== null && !(Array.isArray(member) && member.length === 0))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`);
  return `{${members.join(",")}}`;
}

function fnv1a(text: string, seed: number): number {
  let hash = seed;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
