import type { AnyObject } from "../../registry/resource.ts";
import { timestamp } from "../../registry/write.ts";

/** What is known about an APIService's server. */
export interface Availability {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
}

interface Condition extends Availability {
  readonly type: string;
  readonly lastTransitionTime: string;
}

/** The APIService with what is known about its server; the time of the last change stays where nothing changed. */
export function withCondition(object: AnyObject, now: number, found: Availability): AnyObject {
  const { conditions = [] } = (object.status ?? {}) as { readonly conditions?: readonly Condition[] };
  const before = conditions.find(({ type }) => type === "Available");
  const lastTransitionTime = before?.status === found.status ? before.lastTransitionTime : timestamp(now);
  const condition: Condition = { type: "Available", ...found, lastTransitionTime };
  return {
    ...object,
    status: { ...(object.status as object), conditions: [...conditions.filter((one) => one !== before), condition] },
  };
}
