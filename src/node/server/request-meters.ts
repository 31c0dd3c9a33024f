import type { Clock } from "../../lib/clock.ts";
import type { Metrics } from "../../lib/metrics.ts";

const streams = new Set(["exec", "attach", "portForward"]);
const known = new Set([
  ...streams,
  ...["configz", "containerLogs", "healthz", "localVolumes", "metrics", "pods", "run", "runningpods", "stats"],
]);

/** Counts and times requests to the agent under the kubelet's names, by the first part of their path. */
export function requestMeters(metrics: Metrics, clock: Clock) {
  const names = ["long_running", "method", "path", "server_type"] as const;
  const total = metrics.counter("kubelet_http_requests_total", "Requests to the agent.", names);
  const inFlight = metrics.gauge("kubelet_http_inflight_requests", "Requests to the agent that are under way.", names);
  const durations = metrics.histogram("kubelet_http_requests_duration_seconds", "How long requests took.", names);
  return async <T>(method: string, target: string, answer: () => Promise<T>): Promise<T> => {
    const [, head = ""] = target.split(/[/?]/);
    const path = known.has(head) ? head : "other";
    const labels = { method, path, server_type: "readwrite", long_running: String(streams.has(path)) };
    const began = clock.monotonic();
    total.inc(labels);
    inFlight.inc(labels);
    try {
      return await answer();
    } finally {
      inFlight.dec(labels);
      durations.observe(labels, (clock.monotonic() - began) / 1000);
    }
  };
}
