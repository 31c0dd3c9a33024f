import { backoffDelay } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { RemoteEndpoint } from "../webhooks/endpoint.ts";
import type { WebhookCaller } from "../webhooks/webhook-caller.ts";
import type { AuditBackend, AuditEvent } from "./audit-event.ts";

export interface WebhookBackendOptions {
  readonly endpoint: RemoteEndpoint;
  readonly caller: WebhookCaller;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Events that wait at most, as `--audit-webhook-batch-buffer-size`. Default 10000; beyond, events are dropped. */
  readonly bufferSize?: number;
  /** Events in one call at most, as `--audit-webhook-batch-max-size`. Default 400. */
  readonly maxBatch?: number;
  /** Milliseconds that events wait for others at most, as `--audit-webhook-batch-max-wait`. Default 30 s. */
  readonly maxWait?: number;
  /** Milliseconds before the first retry, as `--audit-webhook-initial-backoff`. Default 10 s. */
  readonly initialBackoff?: number;
}

const attempts = 5;
const timeout = 30_000;

/** Sends events in lists to a server outside, one call at a time. */
export function webhookBackend(options: WebhookBackendOptions): AuditBackend {
  const { endpoint, caller, clock, log, bufferSize = 10_000, maxBatch = 400, maxWait = 30_000 } = options;
  const errors = options.metrics.counter("apiserver_audit_error_total", "Audit events lost.", ["plugin"]);
  const waiting: AuditEvent[] = [];
  const closing = new AbortController();
  let timer: Disposable | undefined;
  let sending: Promise<void> | undefined;

  const lost = (count: number) => errors.inc({ plugin: "webhook" }, count);

  async function send(items: readonly AuditEvent[]): Promise<void> {
    const list = { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items };
    const backoff = { base: options.initialBackoff ?? 10_000, factor: 1.5, max: 60_000 };
    for (let failures = 0; ; ) {
      try {
        await caller.post(endpoint, list, { timeout, userAgent: "kube-apiserver-audit" });
        return;
      } catch (error) {
        failures += 1;
        if (failures === attempts || closing.signal.aborted) {
          lost(items.length);
          log.error("audit events could not be sent", { events: items.length, error: errorMessage(error) });
          return;
        }
        await clock.sleep(backoffDelay(backoff, failures), closing.signal).catch(() => {});
      }
    }
  }

  async function drain(): Promise<void> {
    timer?.[Symbol.dispose]();
    timer = undefined;
    while (waiting.length > 0) await send(waiting.splice(0, maxBatch));
  }

  const start = () => {
    sending ??= drain().finally(() => {
      sending = undefined;
      if (waiting.length > 0) schedule();
    });
  };
  const schedule = () => {
    timer ??= clock.after(maxWait, start);
    if (waiting.length >= maxBatch) start();
  };
  return {
    write(event) {
      if (waiting.length >= bufferSize) return lost(1);
      waiting.push(event);
      schedule();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await sending;
      await drain();
    },
  };
}
