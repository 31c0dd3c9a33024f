export interface TabOptions {
  /** No cell is narrower. */
  readonly minWidth: number;
  /** Blanks between a cell and the next. */
  readonly padding: number;
  /** A column never gets narrower from one text to the next. */
  readonly remember?: boolean;
}

/** Tables of `get` and of most commands. */
export const tableTabs: TabOptions = { minWidth: 6, padding: 3, remember: true };
/** Texts of `describe`. */
export const describeTabs: TabOptions = { minWidth: 0, padding: 2 };

/** Lines up cells that end with a tab, as Go's text/tabwriter does: rows that follow each other share a column. */
export interface TabAligner {
  align(text: string): string;
  /** Forgets the widths of the columns so far. */
  forget(): void;
}

export function tabAligner(options: TabOptions): TabAligner {
  let remembered: number[] = [];
  return {
    forget() {
      remembered = [];
    },
    align(text) {
      const rows = text.split("\n").map((line) => line.split("\t"));
      const out: string[] = rows.map(() => "");
      const layOut = (from: number, to: number, column: number): void => {
        for (let at = from; at < to; at++) {
          if (column >= rows[at]!.length - 1) continue;
          let end = at;
          let width = options.remember ? Math.max(options.minWidth, remembered[column] ?? 0) : options.minWidth;
          for (; end < to && column < rows[end]!.length - 1; end++) {
            width = Math.max(width, lengthOf(rows[end]![column]!) + options.padding);
          }
          if (options.remember) remembered[column] = width;
          for (let row = at; row < end; row++) {
            const cell = rows[row]![column]!;
            out[row] = (out[row] ?? "") + cell.padEnd(cell.length + width - lengthOf(cell));
          }
          layOut(at, end, column + 1);
          at = end - 1;
        }
      };
      layOut(0, rows.length, 0);
      return rows.map((row, at) => `${out[at]}${row.at(-1)}`).join("\n");
    },
  };
}

/** In characters as Go counts them. */
function lengthOf(text: string): number {
  return /^[\x00-\x7f]*$/.test(text) ? text.length : [...text].length;
}

/** One text, laid out by itself. */
export function alignTabs(text: string, options: TabOptions): string {
  return tabAligner(options).align(text);
}
