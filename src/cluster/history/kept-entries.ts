import { Event } from "../../api/core/event.ts";
import { compactionKey } from "../../registry/compaction.ts";
import { momentsKey } from "../../registry/moments.ts";
import type { Filling } from "../../store/copy.ts";

/** What goes over into another store: everything but what speaks of the old store's history. */
export async function* keptEntries(entries: AsyncIterable<Filling>): AsyncGenerator<Filling> {
  for await (const entry of entries) if (entry.key !== momentsKey && entry.key !== compactionKey) yield entry;
}

/** The seconds until a key expires in its new store; undefined for one that stays. */
export function lifetimeOf(key: string): number | undefined {
  return key.startsWith("/registry/events/") ? Event.declaration.ttl : undefined;
}
