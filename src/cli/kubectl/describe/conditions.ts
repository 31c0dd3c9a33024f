import { indent, type Text, table, timeText } from "./text.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/** Conditions with the time of their last change. */
export function datedConditions(conditions: readonly Condition[] = []): Text {
  if (conditions.length === 0) return undefined;
  const lines = conditions.map(({ type, status, lastTransitionTime, reason, message }) => [
    type,
    status,
    timeText(lastTransitionTime),
    reason,
    message,
  ]);
  return ["Conditions:", indent(1, table(["Type", "Status", "LastTransitionTime", "Reason", "Message"], lines))];
}

/** Conditions that somebody looks after again and again: `seen` is the head of the last time's column, `seenAt` gives the time. */
export function watchedConditions<T extends Condition>(
  conditions: readonly T[] = [],
  seen: string,
  seenAt: (condition: T) => string | undefined,
): Text {
  if (conditions.length === 0) return undefined;
  return [
    "Conditions:",
    `  Type\tStatus\t${seen}\tLastTransitionTime\tReason\tMessage`,
    "  ----\t------\t-----------------\t------------------\t------\t-------",
    conditions.map((condition) => {
      const { type, status, lastTransitionTime, reason = "", message = "" } = condition;
      const times = `${timeText(seenAt(condition))} \t${timeText(lastTransitionTime)} `;
      return `  ${type} \t${status} \t${times}\t${reason} \t${message}`;
    }),
  ];
}
