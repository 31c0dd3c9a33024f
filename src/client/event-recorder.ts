import type { Event } from "../api/generated/core-v1.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Random } from "../lib/random.ts";
import { Semaphore } from "../lib/semaphore.ts";
import type { KindRef, KubeObject } from "../machinery/object.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { Client } from "./client.ts";

export interface EventSource {
  readonly component: string;
  readonly host?: string;
}

export type EventType = "Normal" | "Warning";

/** Tells an object's story in Events; never blocks and never fails its caller. */
export interface EventRecorder {
  /** `fieldPath` names a part, as `spec.containers{web}`. */
  record(object: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void;
  /** Resolves when everything recorded so far was sent or given up. */
  flush(): Promise<void>;
}

const events: KindRef<Event> = { group: "", version: "v1", kind: "Event", plural: "events", namespaced: true };
/** From so many different messages of one object and reason on they become one event, within this span (as upstream). */
const similarMax = 10;
const similarSpanMs = 600_000;
const rememberMax = 4096;
/** Events on their way at a time. */
const sendingMax = 16;
/** Events that wait to be sent; beyond it they are dropped (as upstream). */
const waitingMax = 1000;
/** Per source and object: a burst of 25, then one every 5 minutes (as upstream). */
const burst = 25;
const refillMs = 300_000;

interface Known {
  readonly namespace: string;
  readonly name: string;
  count: number;
}

/** Sends Events as core/v1 with counts: a repeated event raises the count of the first one. */
export function createEventRecorder(options: {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly source: EventSource;
}): EventRecorder {
  const { client, clock, log, source, random } = options;
  const known = new Map<string, Known>();
  const similar = new Map<string, { messages: Set<string>; last: number }>();
  const budget = new Map<string, { tokens: number; at: number }>();
  const lines = new Map<string, Promise<void>>();
  const turns = new Semaphore(sendingMax);
  let waiting = 0;

  const allowed = (key: string): boolean => {
    const now = clock.monotonic();
    const state = budget.get(key) ?? { tokens: burst, at: now };
    state.tokens = Math.min(burst, state.tokens + (now - state.at) / refillMs);
    state.at = now;
    remember(budget, key, state);
    if (state.tokens < 1) return false;
    state.tokens -= 1;
    return true;
  };

  /** Many different messages of one reason become one. */
  const aggregate = (key: string, message: string): string => {
    const now = clock.monotonic();
    let group = similar.get(key);
    if (!group || now - group.last > similarSpanMs) group = { messages: new Set(), last: now };
    group.last = now;
    group.messages.add(message);
    remember(similar, key, group);
    if (group.messages.size < similarMax) return message;
    group.messages.delete(message);
    return `(combined from similar events): ${message}`;
  };

  const send = async (
    object: KubeObject,
    type: EventType,
    reason: string,
    message: string,
    fieldPath: string | undefined,
  ) => {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const subject = [object.kind, namespace, name, uid, fieldPath].join("|");
    if (!allowed(`${source.component}|${subject}`)) return;
    const group = `${subject}|${type}|${reason}`;
    const text = aggregate(group, message);
    const key = text === message ? `${group}|${message}` : group;
    const time = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    const first = known.get(key);
    if (first) {
      first.count += 1;
      try {
        const body = { count: first.count, lastTimestamp: time, message: text };
        await client.patch(events, { namespace: first.namespace, name: first.name }, { type: "strategic", body });
        return;
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
        known.delete(key);
      }
    }
    const eventNamespace = namespace ?? "default";
    const stamp = `${BigInt(clock.now()) * 1_000_000n + BigInt(Math.floor(random.next() * 1_000_000))}`;
    const eventName = `${name}.${BigInt(stamp).toString(16)}`;
    await client.create(events, {
      metadata: { name: eventName, namespace: eventNamespace },
      involvedObject: {
        kind: object.kind,
        ...(namespace ? { namespace } : {}),
        name,
        uid,
        apiVersion: object.apiVersion,
        resourceVersion,
        ...(fieldPath ? { fieldPath } : {}),
      },
      reason,
      message: text,
      source,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      type,
      reportingComponent: source.component,
      reportingInstance: source.host ?? "",
    });
    remember(known, key, { namespace: eventNamespace, name: eventName, count: 1 });
  };

  return {
    record(object, type, reason, message, fieldPath) {
      if (waiting >= waitingMax) return;
      waiting += 1;
      // One object's events go one after the other, so that a count never overtakes its first event.
      const line = object.metadata.uid ?? object.metadata.name;
      const last: Promise<void> = (lines.get(line) ?? Promise.resolve())
        .then(() => turns.run(() => send(object, type, reason, message.slice(0, 1024), fieldPath)))
        .catch((error) => {
          if (!isStatus(error, "NotFound", "Forbidden")) log.debug(`event not recorded: ${errorMessage(error)}`);
        })
        .finally(() => {
          waiting -= 1;
          if (lines.get(line) === last) lines.delete(line);
        });
      lines.set(line, last);
    },
    async flush() {
      await Promise.all(lines.values());
    },
  };
}

/** Sets a key as the newest of a bounded memory. */
function remember<V>(memory: Map<string, V>, key: string, value: V): void {
  memory.delete(key);
  memory.set(key, value);
  if (memory.size > rememberMax) memory.delete(memory.keys().next().value as string);
}
