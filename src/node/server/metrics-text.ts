export type Labels = Readonly<Record<string, string>>;

/** One number of a family. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  /** Behind the family's name, as histograms have: `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string;
}

/** All numbers of one name. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** Puts a family together. */
export function family(name: string, type: Family["type"], help: string, samples: readonly Sample[]): Family {
  return { name, type, help, samples };
}

/** The text form that scrapers read; families without samples are left out. */
export function metricsText(families: readonly Family[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value, at, suffix = "" }) => {
        const shown = Object.entries(labels).map(([key, label]) => `${key}="${escaped(label)}"`);
        const braces = shown.length > 0 ? `{${shown.join(",")}}` : "";
        return `${name}${suffix}${braces} ${value}${at ? ` ${Math.round(at)}` : ""}`;
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`;
    })
    .join("");
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
