import type { Clock } from "../../lib/clock.ts";
import { StatusError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

export type EventLimitType = "Server" | "Namespace" | "User" | "SourceAndObject";

/** How many events are taken, for all together or for each of something. */
export interface EventLimit {
  readonly type: EventLimitType;
  /** Per second, in the long run. */
  readonly qps: number;
  /** At once. */
  readonly burst: number;
  /** For so many of something it is remembered at a time. Default 4096. */
  readonly cacheSize?: number;
}

interface Event {
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly deprecatedSource?: { readonly component?: string; readonly host?: string };
  readonly involvedObject?: Readonly<Record<string, unknown>>;
  readonly regarding?: Readonly<Record<string, unknown>>;
}

/** Takes no more events than its limits say, so that a flood of them does not fill the store. */
export function eventRateLimit(limits: readonly EventLimit[], clock: Clock): AdmissionPlugin {
  const buckets = limits.map((limit) => ({ limit, bucket: new Buckets(limit, clock) }));
  return {
    name: "EventRateLimit",
    handles: ({ operation, resource, subresource }) =>
      (operation === "CREATE" || operation === "UPDATE") && resource === "events" && subresource === "",
    validate(object, _previous, request) {
      if (request.dryRun) return;
      const refused = buckets.flatMap(({ limit, bucket }) => {
        const key = keyOf(limit.type, object, request);
        return bucket.take(key) ? [] : [`limit reached on type ${limit.type} for key ${key}`];
      });
      if (refused.length === 0) return;
      const text = refused.length === 1 ? refused[0] : `[${refused.join(", ")}]`;
      throw new StatusError("TooManyRequests", text ?? "", { details: { retryAfterSeconds: 1 } });
    },
  };
}

function keyOf(type: EventLimitType, object: AnyObject | undefined, { namespace, user }: AdmissionRequest): string {
  if (type === "Server") return "";
  if (type === "Namespace") return namespace;
  if (type === "User") return user.name;
  const { source, deprecatedSource, involvedObject, regarding } = (object ?? {}) as Event;
  const from = source ?? deprecatedSource ?? {};
  const about = involvedObject ?? regarding ?? {};
  const parts = ["kind", "namespace", "name", "uid", "apiVersion"].map((member) => String(about[member] ?? ""));
  return [from.component ?? "", from.host ?? "", ...parts].join("");
}

/** Token buckets by key; of too many keys the one that was used longest ago is forgotten. */
class Buckets {
  readonly #limit: EventLimit;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(limit: EventLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  take(key: string): boolean {
    const { qps, burst, cacheSize = 4096 } = this.#limit;
    const now = this.#clock.monotonic() / 1000;
    const known = this.#buckets.get(key) ?? { tokens: burst, at: now };
    this.#buckets.delete(key);
    this.#buckets.set(key, known);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= cacheSize) break;
      this.#buckets.delete(oldest);
    }
    known.tokens = Math.min(burst, known.tokens + (now - known.at) * qps);
    known.at = now;
    if (known.tokens < 1) return false;
    known.tokens -= 1;
    return true;
  }
}
