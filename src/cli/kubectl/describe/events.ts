import type { Event } from "../../../api/generated/core-v1.ts";
import { eventAge } from "../output/event-age.ts";
import { type DescribeContext, type EventSubject, listAll } from "./describer.ts";
import { indent, row, type Text, table } from "./text.ts";

/** Everything that happened to the subjects; nothing where the server does not tell. */
export async function eventsAbout(
  subjects: readonly EventSubject[],
  context: DescribeContext,
): Promise<readonly Event[]> {
  const found: Event[] = [];
  for (const { name, namespace, kind, uid } of subjects) {
    const fields = { name, namespace, ...(kind ? { kind } : {}), ...(uid ? { uid } : {}) };
    const fieldSelector = Object.entries(fields)
      .map(([field, value]) => `involvedObject.${field}=${value}`)
      .join(",");
    try {
      found.push(...(await listAll<Event>(context, { plural: "events" }, namespace, { fieldSelector })));
    } catch {
      // A description without events is better than none.
    }
  }
  return found;
}

/** The table of events, the latest last. */
export function eventsText(events: readonly Event[], now: number): Text {
  if (events.length === 0) return row("Events", "<none>");
  const time = ({ lastTimestamp }: Event) => (lastTimestamp ? Date.parse(lastTimestamp) : 0);
  const lines = events
    .toSorted((a, b) => time(a) - time(b))
    .map((event) => [
      event.type,
      event.reason,
      eventAge(event, now),
      event.source?.component || event.reportingComponent,
      event.message?.trim(),
    ]);
  const heads = ["Type", "Reason", "Age", "From", "Message"];
  const [head = "", , ...rest] = table(heads, lines);
  return ["Events:", indent(1, head, "----\t------\t----\t----\t-------", rest)];
}
