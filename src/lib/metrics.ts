import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** One process's metrics in Prometheus form. Names and labels follow Kubernetes where it has the metric. */
export class Metrics {
  readonly registry = new Registry();

  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return this.#once(name, () => new Counter({ name, help, labelNames, registers: [this.registry] }));
  }

  gauge<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return this.#once(name, () => new Gauge({ name, help, labelNames, registers: [this.registry] }));
  }

  histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: number[] = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60],
  ): Histogram<L> {
    return this.#once(name, () => new Histogram({ name, help, labelNames, buckets, registers: [this.registry] }));
  }

  /** The text form that scrapers read. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  #once<M>(name: string, make: () => M): M {
    return (this.registry.getSingleMetric(name) as M | undefined) ?? make();
  }
}
