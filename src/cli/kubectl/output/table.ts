import type { AnyObject } from "../resources/resource-info.ts";
import { type TabAligner, tabAligner, tableTabs } from "./tab-align.ts";

/** A table as the server prints it (meta/v1 Table). */
export interface Table {
  readonly kind: "Table";
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly columnDefinitions?:
    | readonly {
        readonly name: string;
        readonly type?: string;
        readonly format?: string;
        readonly priority?: number;
      }[]
    | null;
  readonly rows?: readonly TableRow[] | null;
}

type Columns = NonNullable<Table["columnDefinitions"]>;

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: AnyObject;
}

export interface TableOptions {
  readonly wide?: boolean;
  readonly noHeaders?: boolean;
  readonly showLabels?: boolean;
  /** Labels with a column of their own. */
  readonly labelColumns?: readonly string[];
  readonly withNamespace?: boolean;
  /** What stands before each name, as `pod/`. */
  readonly kindPrefix?: string;
  /** With a first column that tells what happened. */
  readonly events?: boolean;
}

/** Every word for what happened takes the same room. */
const eventWidth = "MODIFIED".length;

export const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && (value as { readonly kind?: string }).kind === "Table";

/** Prints tables of one type, one after the other, under one head. */
export interface TablePrinter {
  /** The lines of a table's rows; `event` is what happened to them. */
  print(table: Table, event?: string): string;
}

/** Tables of one type; types that follow each other share an aligner, which then has to forget. */
export function tablePrinter(
  options: TableOptions,
  aligner: TabAligner = tabAligner(tableTabs),
): TablePrinter & { readonly aligner: TabAligner } {
  let columns: Columns | undefined;
  return {
    aligner,
    print(table, event) {
      // A watch tells the columns once.
      const told = table.columnDefinitions ?? [];
      const changed = told.length > 0 && !sameColumns(columns, told);
      if (changed) columns = told;
      const shown = (columns ?? []).flatMap((column, at) => ((column.priority ?? 0) === 0 || options.wide ? [at] : []));
      const lines: string[] = [];
      if (changed && !options.noHeaders) {
        lines.push(
          [
            ...(options.events ? ["EVENT"] : []),
            ...(options.withNamespace ? ["NAMESPACE"] : []),
            ...shown.map((at) => (columns?.[at]?.name ?? "").toUpperCase()),
            ...(options.labelColumns ?? []).map((label) => (label.split("/").at(-1) ?? "").toUpperCase()),
            ...(options.showLabels ? ["LABELS"] : []),
          ].join("\t"),
        );
      }
      for (const { cells, object } of table.rows ?? []) {
        const labels = object?.metadata?.labels ?? {};
        lines.push(
          [
            ...(options.events ? [(event ?? "").padEnd(eventWidth)] : []),
            ...(options.withNamespace ? [object?.metadata?.namespace ?? ""] : []),
            ...shown.map((at) => {
              const text = cellText(cells[at]);
              return options.kindPrefix &&
                (columns?.[at]?.format === "name" || (at === 0 && columns?.[at]?.name === "Name"))
                ? options.kindPrefix + text
                : text;
            }),
            ...(options.labelColumns ?? []).map((label) => (Object.hasOwn(labels, label) ? (labels[label] ?? "") : "")),
            ...(options.showLabels ? [labelsText(labels)] : []),
          ].join("\t"),
        );
      }
      return lines.map((line) => `${line}\n`).join("");
    },
  };
}

function sameColumns(a: Columns | undefined, b: Columns): boolean {
  return a !== undefined && a.length === b.length && a.every(({ name }, at) => name === b[at]?.name);
}

/** `app=web,tier=db`, or `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  const pairs = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? "<none>" : pairs.map(([key, value]) => `${key}=${value}`).join(",");
}

/** A value as a cell of a table shows it: its first line, without what a terminal would act on. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value !== "string") return typeof value === "object" ? JSON.stringify(value) : String(value);
  const end = value.search(/[\f\n\r]/);
  const text = end < 0 ? value : `${value.slice(0, end)}...`;
  // What a terminal would act on is shown instead.
  return text.replace(/[\x1b\x9b]/g, (character) => (character === "\x1b" ? "^[" : "\\x9b"));
}
