import type { Clock } from "../lib/clock.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { RequestInfo } from "./request-info.ts";

const labels = ["verb", "group", "version", "resource", "subresource", "scope", "code"] as const;
const timeLabels = ["verb", "group", "version", "resource", "subresource", "scope"] as const;
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

type Inflight = ReturnType<ReturnType<typeof metersOf>["inflight"]["with"]>;

/** Counts requests under upstream's metric names. */
export class RequestMetrics {
  readonly #clock: Clock;
  readonly #meters: ReturnType<typeof metersOf>;
  readonly #mutating: Inflight;
  readonly #reading: Inflight;
  /** By what was asked for and answered. */
  readonly #known = new Map<string, (seconds: number) => void>();

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock;
    this.#meters = metersOf(metrics);
    this.#mutating = this.#meters.inflight.with({ request_kind: "mutating" });
    this.#reading = this.#meters.inflight.with({ request_kind: "readOnly" });
  }

  /** A request has come; the function returned is called with the code of its answer. */
  begin(info: RequestInfo): (code: number) => void {
    const started = this.#clock.monotonic();
    const reads = !info.isResource || info.verb === "get" || info.verb === "list" || info.verb === "watch";
    const inflight = reads ? this.#reading : this.#mutating;
    inflight.inc();
    return (code) => {
      inflight.dec();
      this.#count(info, code, (this.#clock.monotonic() - started) / 1000);
    };
  }

  #count(info: RequestInfo, code: number, seconds: number): void {
    const about = describe(info, code);
    const { verb, group, version, resource, subresource, scope } = about;
    const name = `${verb} ${group}/${version}/${resource}/${subresource} ${scope} ${code}`;
    let count = this.#known.get(name);
    if (!count) {
      const total = this.#meters.total.with({ ...about, code: String(code) });
      const duration = info.verb === "watch" ? undefined : this.#meters.duration.with(about);
      count = (took) => {
        total.inc();
        duration?.observe(took);
      };
      if (this.#known.size < mostKnown) this.#known.set(name, count);
    }
    count(seconds);
  }
}

const mostKnown = 4096;

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

// A path that nobody serves says nothing, and everybody can think of new ones.
function describe(info: RequestInfo, code: number): Record<(typeof timeLabels)[number], string> {
  if (!info.isResource) {
    return {
      verb: info.verb.toUpperCase(),
      group: "",
      version: "",
      resource: "",
      subresource: code === 404 ? "" : info.path,
      scope: "",
    };
  }
  const { verb, group, version, resource, subresource, namespace, named } = info;
  const scope = named ? "resource" : namespace ? "namespace" : "cluster";
  return { verb: verbNames[verb] ?? verb.toUpperCase(), group, version, resource, subresource, scope };
}

const verbNames: Readonly<Record<string, string>> = { create: "POST", update: "PUT" };
