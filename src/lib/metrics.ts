type Labels<L extends string> = Readonly<Partial<Record<L, string>>>;

/** A number that only grows. */
export interface Counter<L extends string = string> {
  inc(labels?: Labels<L>, by?: number): void;
  /** The counter of one set of labels, for places where looking it up each time would show. */
  with(labels: Labels<L>): { inc(by?: number): void };
}

/** A number that goes up and down. */
export interface Gauge<L extends string = string> {
  set(value: number): void;
  set(labels: Labels<L>, value: number): void;
  inc(labels?: Labels<L>, by?: number): void;
  dec(labels?: Labels<L>, by?: number): void;
  with(labels: Labels<L>): { set(value: number): void; inc(by?: number): void; dec(by?: number): void };
}

/** How many observations were at most so great, for each of some bounds. */
export interface Histogram<L extends string = string> {
  observe(value: number): void;
  observe(labels: Labels<L>, value: number): void;
  with(labels: Labels<L>): { observe(value: number): void };
}

/** Labels come from requests too: beyond so many sets of them a metric counts the rest as one, so that nobody can fill the memory. */
const mostSeries = 10_000;
const defaultBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly metric: object;
  lines(): Iterable<string>;
  readonly help: string;
}

/** One process's metrics in Prometheus form. Names and labels follow Kubernetes where it has the metric. */
export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #looks = new Set<() => void | Promise<void>>();
  readonly #meters = new Map<unknown, unknown>();

  /** What a function makes of these metrics; asking again with the same function gives the same. */
  meter<M>(make: (metrics: Metrics) => M): M {
    if (!this.#meters.has(make)) this.#meters.set(make, make(this));
    return this.#meters.get(make) as M;
  }

  /** Calls back before the text is made each time, and waits, to set what nobody tells when it changes; until disposed. */
  onRead(look: () => void | Promise<void>): Disposable {
    this.#looks.add(look);
    return { [Symbol.dispose]: () => this.#looks.delete(look) };
  }

  /** The counter of this name; asking again gives the same one. */
  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return this.#once<Counter<L>>({ name, help, type: "counter" }, () => numbers(name, labelNames));
  }

  gauge<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return this.#once<Gauge<L>>({ name, help, type: "gauge" }, () => numbers(name, labelNames));
  }

  /** `buckets` are upper bounds in growing order; infinity is added. */
  histogram<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    buckets: readonly number[] = defaultBuckets,
  ): Histogram<L> {
    return this.#once<Histogram<L>>({ name, help, type: "histogram" }, () => distributions(name, labelNames, buckets));
  }

  /** The text form that scrapers read. */
  async text(): Promise<string> {
    await Promise.all(Array.from(this.#looks, (look) => look()));
    let text = "";
    for (const { name, help, type, lines } of this.#families.values()) {
      text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
      for (const line of lines()) text += `${line}\n`;
      text += "\n";
    }
    return text;
  }

  #once<M extends object>(about: Pick<Family, "name" | "help" | "type">, make: () => Made<M>): M {
    const known = this.#families.get(about.name);
    if (known) return known.metric as M;
    const made = make();
    this.#families.set(about.name, { ...about, ...made });
    return made.metric;
  }
}

interface Made<M> {
  readonly metric: M;
  lines(): Iterable<string>;
}

/** The values of a metric by their labels, as these are written. */
class Series<V> {
  readonly #names: readonly string[];
  readonly #make: () => V;
  readonly #values = new Map<string, V>();

  constructor(names: readonly string[], make: () => V) {
    this.#names = names;
    this.#make = make;
    // Without labels there is one value, from the start.
    if (names.length === 0) this.#values.set("", make());
  }

  of(labels: Readonly<Partial<Record<string, string>>> = {}): V {
    let text = "";
    for (const name of this.#names) {
      const value = labels[name];
      if (value !== undefined) text += `${text === "" ? "" : ","}${name}="${escaped(value)}"`;
    }
    const known = this.#values.get(text);
    if (known !== undefined) return known;
    if (this.#values.size >= mostSeries) text = this.#names.map((name) => `${name}="other"`).join(",");
    const made = this.#values.get(text) ?? this.#make();
    this.#values.set(text, made);
    return made;
  }

  [Symbol.iterator](): Iterator<[string, V]> {
    return this.#values[Symbol.iterator]();
  }
}

const special = /[\\"\n]/;
const escaped = (value: string) =>
  special.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;

function numbers<L extends string>(name: string, labelNames: readonly L[]) {
  const series = new Series(labelNames, () => ({ value: 0 }));
  const bound = (cell: { value: number }) => ({
    inc: (by = 1) => {
      cell.value += by;
    },
    dec: (by = 1) => {
      cell.value -= by;
    },
    set: (value: number) => {
      cell.value = value;
    },
  });
  return {
    metric: {
      inc: (labels?: Labels<L>, by = 1) => {
        series.of(labels).value += by;
      },
      dec: (labels?: Labels<L>, by = 1) => {
        series.of(labels).value -= by;
      },
      set: (labels: Labels<L> | number, value = 0) => {
        if (typeof labels === "number") series.of().value = labels;
        else series.of(labels).value = value;
      },
      with: (labels: Labels<L>) => bound(series.of(labels)),
    },
    *lines() {
      for (const [labels, { value }] of series) yield `${name}${labels === "" ? "" : `{${labels}}`} ${number(value)}`;
    },
  };
}

function distributions<L extends string>(name: string, labelNames: readonly L[], bounds: readonly number[]) {
  interface Cell {
    /** One more than there are bounds: the last is for what is greater than all. */
    readonly counts: Float64Array;
    sum: number;
  }
  const series = new Series<Cell>(labelNames, () => ({ counts: new Float64Array(bounds.length + 1), sum: 0 }));
  const observe = (cell: Cell, value: number) => {
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    cell.counts[at]! += 1;
    cell.sum += value;
  };
  return {
    metric: {
      observe: (labels: Labels<L> | number, value = 0) => {
        if (typeof labels === "number") observe(series.of(), labels);
        else observe(series.of(labels), value);
      },
      with: (labels: Labels<L>) => {
        const cell = series.of(labels);
        return { observe: (value: number) => observe(cell, value) };
      },
    },
    *lines() {
      for (const [labels, { counts, sum }] of series) {
        const before = labels === "" ? "" : `${labels},`;
        let total = 0;
        for (const [index, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
          total += counts[index]!;
          yield `${name}_bucket{${before}le="${number(bound)}"} ${total}`;
        }
        const after = labels === "" ? "" : `{${labels}}`;
        yield `${name}_sum${after} ${number(sum)}`;
        yield `${name}_count${after} ${total}`;
      }
    },
  };
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
