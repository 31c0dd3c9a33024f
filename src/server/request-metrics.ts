import type { Clock } from "../lib/clock.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { RequestInfo } from "./request-info.ts";

const labels = ["verb", "group", "version", "resource", "subresource", "scope", "code"] as const;
const timeLabels = ["verb", "group", "version", "resource", "subresource", "scope"] as const;
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** Counts requests under upstream's metric names. */
export class RequestMetrics {
  readonly #clock: Clock;
  readonly #meters: ReturnType<typeof metersOf>;

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock;
    this.#meters = metersOf(metrics);
  }

  /** A request has come; the function returned is called with the code of its answer. */
  begin(info: RequestInfo): (code: number) => void {
    const started = this.#clock.monotonic();
    const kind =
      info.isResource && info.verb !== "get" && info.verb !== "list" && info.verb !== "watch" ? "mutating" : "readOnly";
    this.#meters.inflight.inc({ request_kind: kind });
    return (code) => {
      this.#meters.inflight.dec({ request_kind: kind });
      const about = describe(info);
      this.#meters.total.inc({ ...about, code: String(code) });
      if (info.verb !== "watch") this.#meters.duration.observe(about, (this.#clock.monotonic() - started) / 1000);
    };
  }
}

function metersOf(metrics: Metrics) {
  return {
    total: metrics.counter("apiserver_request_total", "Requests by what they asked for and the code answered.", labels),
    duration: metrics.histogram(
      "apiserver_request_duration_seconds",
      "Time to answer, watches left out.",
      timeLabels,
      buckets,
    ),
    inflight: metrics.gauge("apiserver_current_inflight_requests", "Requests being worked on.", ["request_kind"]),
  };
}

function describe(info: RequestInfo): Record<(typeof timeLabels)[number], string> {
  if (!info.isResource) {
    return {
      verb: info.verb.toUpperCase(),
      group: "",
      version: "",
      resource: "",
      subresource: info.path.slice(0, 64),
      scope: "",
    };
  }
  const { verb, group, version, resource, subresource, namespace, named } = info;
  const scope = named ? "resource" : namespace ? "namespace" : "cluster";
  return { verb: verbNames[verb] ?? verb.toUpperCase(), group, version, resource, subresource, scope };
}

const verbNames: Readonly<Record<string, string>> = { create: "POST", update: "PUT" };
