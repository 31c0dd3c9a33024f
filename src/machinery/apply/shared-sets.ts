import type { FieldSet } from "./field-set.ts";

/** Sets beyond these are not shared: few objects have them, and they would cost more than they save. */
const longestText = 16_384;
const mostSets = 2048;

const byText = new Map<string, FieldSet>();
const texts = new WeakMap<FieldSet, string>();

/**
 * The set, or an equal one that was seen before: objects made from one template then share one set instead of carrying the
 * biggest part of their metadata each.
 */
export function sharedSet(set: FieldSet): FieldSet {
  if (texts.has(set)) return set;
  const text = JSON.stringify(set);
  const known = byText.get(text);
  if (known) return known;
  if (text.length > longestText) return set;
  if (byText.size >= mostSets) {
    // The oldest goes; objects that have it keep it.
    for (const oldest of byText.keys()) {
      byText.delete(oldest);
      break;
    }
  }
  byText.set(text, set);
  texts.set(set, text);
  return set;
}

/** The set as JSON; of a shared one it was written before. */
export function setText(set: FieldSet): string {
  return texts.get(set) ?? JSON.stringify(set);
}
