import type { Clock } from "../lib/clock.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { EventFrame, ResponseBody } from "./exchange.ts";
import type { RequestInfo } from "./request-info.ts";

const labels = ["verb", "group", "version", "resource", "subresource", "scope", "code"] as const;
const timeLabels = ["verb", "group", "version", "resource", "subresource", "scope"] as const;
const eventLabels = ["group", "version", "resource"] as const;
const powers = (first: number, factor: number, count: number) =>
  Array.from({ length: count }, (_, index) => first * factor ** index);
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

  readonly #sizes = new Map<string, { observe(bytes: number): void }>();

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

  /** The same answer, whose size is measured and whose events are counted on their way. */
  follow(info: RequestInfo, body: ResponseBody): ResponseBody {
    if (body.kind === "events") return this.#followEvents(info, body);
    if (info.verb !== "get" && info.verb !== "list") return body;
    if (body.kind === "bytes") this.#sized(info, body.bytes.byteLength);
    if (body.kind !== "object") return body;
    return {
      kind: "object",
      value: () => body.value(),
      bytes: () => {
        const bytes = body.bytes();
        if (bytes instanceof Uint8Array) this.#sized(info, bytes.byteLength);
        return bytes;
      },
    };
  }

  /** A connection that lasts has begun; the function returned ends it. */
  lasting(info: RequestInfo, connects = false): () => void {
    const about = { ...describe(info, 200), ...(connects ? { verb: "CONNECT" } : {}), component };
    const cell = this.#meters.lasting.with(about);
    cell.inc();
    let open = true;
    return () => {
      if (open) cell.dec();
      open = false;
    };
  }

  #sized(info: RequestInfo, bytes: number): void {
    if (!info.isResource) return;
    const { verb, group, version, resource, subresource, namespace } = info;
    const name = `${verb} ${group}/${version}/${resource}/${subresource} ${namespace === ""}`;
    let size = this.#sizes.get(name);
    if (!size) {
      size = this.#meters.sizes.with({ ...describe(info, 200), component });
      if (this.#sizes.size < mostKnown) this.#sizes.set(name, size);
    }
    size.observe(bytes);
  }

  // Not a generator: it would be one more turn for each event of each watch.
  #followEvents(info: RequestInfo, body: ResponseBody & { readonly kind: "events" }): ResponseBody {
    if (!info.isResource) return body;
    const { group, version, resource } = info;
    const events = this.#meters.events.with({ group, version, resource });
    const sizes = this.#meters.eventSizes.with({ group, version, resource });
    return {
      kind: "events",
      sent: (bytes) => sizes.observe(bytes),
      events: {
        [Symbol.asyncIterator]: () => {
          const iterator = body.events[Symbol.asyncIterator]();
          const over = this.lasting(info);
          return {
            async next(): Promise<IteratorResult<readonly EventFrame[]>> {
              try {
                const result = await iterator.next();
                if (result.done) over();
                else events.inc(result.value.length);
                return result;
              } catch (error) {
                over();
                throw error;
              }
            },
            async return(): Promise<IteratorResult<readonly EventFrame[]>> {
              over();
              await iterator.return?.();
              return { done: true, value: undefined };
            },
          };
        },
      },
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
const component = "apiserver";

function metersOf(metrics: Metrics) {
  return {
    total: metrics.counter("apiserver_request_total", "Requests by what they asked for and the code answered.", labels),
    duration: metrics.histogram(
      "apiserver_request_duration_seconds",
      "Time to answer, watches left out.",
      timeLabels,
      buckets,
    ),
    lasting: metrics.gauge("apiserver_longrunning_requests", "Watches and streams that are open.", [
      ...timeLabels,
      "component",
    ]),
    sizes: metrics.histogram(
      "apiserver_response_sizes",
      "Bytes of answers to reads, as they were before they were compressed.",
      [...timeLabels, "component"],
      powers(1000, 10, 7),
    ),
    events: metrics.counter("apiserver_watch_events_total", "Events given to watchers.", eventLabels),
    eventSizes: metrics.histogram(
      "apiserver_watch_events_sizes",
      "Bytes of events sent to watchers.",
      eventLabels,
      powers(1024, 2, 8),
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
