import type { Clock } from "../../../lib/clock.ts";
import type { Log } from "../../../lib/log.ts";
import type { Metrics } from "../../../lib/metrics.ts";
import type { Route } from "../routing-table.ts";
import type { FrontRequest } from "./exchange.ts";

export interface Observed {
  readonly request: FrontRequest;
  readonly route: Route | undefined;
  readonly status: number;
  /** As of the clock's `monotonic`. */
  readonly began: number;
  readonly complete: boolean;
}

/** Clients may make up others, each of which would be a series of its own. */
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts requests by the hosts of rules, never by what clients send as one, and writes the access log if there is to be one. */
export function requestObserver(options: {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly accessLog: boolean;
}): (observed: Observed) => void {
  const { clock, metrics, log, accessLog } = options;
  const requests = metrics.counter("navarch_ingress_requests_total", "Requests that were answered, by status code.", [
    ...["ingress", "host", "method", "code"],
  ]);
  const durations = metrics.histogram(
    "navarch_ingress_request_duration_seconds",
    "Time from the head of a request to the end of its answer.",
    ["ingress", "host"],
    buckets,
  );
  return ({ request, route, status, began, complete }) => {
    const { ingress, host } = route ?? { ingress: "", host: "" };
    const seconds = (clock.monotonic() - began) / 1000;
    const code = complete ? String(status) : "499";
    const method = methods.has(request.method) ? request.method : "other";
    requests.inc({ ingress, host, method, code });
    durations.observe({ ingress, host }, seconds);
    if (!accessLog) return;
    log.info("request", {
      ...{ client: request.clientAddress, method: request.method, host: request.authority, target: request.target },
      ...{ ingress, backend: route?.backend.key, code, seconds },
    });
  };
}
