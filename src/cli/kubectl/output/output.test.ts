import { describe, expect, test } from "vitest";
import { humanDuration } from "./age.ts";
import { goJson } from "./json.ts";
import { kyamlText } from "./kyaml.ts";
import { alignTabs, describeTabs, tabAligner, tableTabs } from "./tab-align.ts";
import { tablePrinter } from "./table.ts";

describe("columns", () => {
  test("are as wide as their widest cell, and the last cell is left as it is", () => {
    expect(alignTabs("NAME\tAGE\nlonger-name\t1s\n", tableTabs)).toBe("NAME          AGE\nlonger-name   1s\n");
  });

  test("end where a row has no cell for them", () => {
    expect(alignTabs("a\tb\nplain\nlonger\tc\n", describeTabs)).toBe("a  b\nplain\nlonger  c\n");
  });

  test("never get narrower from one text to the next, unless told", () => {
    const aligner = tabAligner(tableTabs);
    aligner.align("a-long-name\tx\n");
    expect(aligner.align("a\tx\n")).toBe("a             x\n");
    aligner.forget();
    expect(aligner.align("a\tx\n")).toBe("a     x\n");
  });

  test("count characters, not units of an encoding", () => {
    expect(alignTabs("ü😀\tx\naaaa\tx\n", describeTabs)).toBe("ü😀    x\naaaa  x\n");
  });
});

describe("a table", () => {
  const table = {
    kind: "Table",
    columnDefinitions: [{ name: "Name", format: "name" }, { name: "Age" }, { name: "Node", priority: 1 }],
    rows: [
      { cells: ["a", null, "n\nmore"], object: { metadata: { labels: { app: "web" }, namespace: "x" } } as never },
    ],
  } as const;

  test("hides columns that only wide ones show, and shows one line of each cell", () => {
    expect(tablePrinter({}).print(table)).toBe("NAME\tAGE\na\t<nil>\n");
    expect(tablePrinter({ wide: true }).print(table)).toBe("NAME\tAGE\tNODE\na\t<nil>\tn...\n");
  });

  test("has its head once", () => {
    const printer = tablePrinter({});
    printer.print(table);
    expect(printer.print(table)).toBe("a\t<nil>\n");
  });

  test("of a watch may leave out its columns, and tells what happened in a column of one width", () => {
    const printer = tablePrinter({ events: true });
    printer.print(table, "ADDED");
    const later = { kind: "Table", columnDefinitions: null, rows: [{ cells: ["a", "1s"] }] } as const;
    expect(printer.print(later, "DELETED")).toBe("DELETED \ta\t1s\n");
  });

  test("adds what flags ask for", () => {
    const printer = tablePrinter({ withNamespace: true, labelColumns: ["app"], showLabels: true, kindPrefix: "pod/" });
    expect(printer.print(table)).toBe("NAMESPACE\tNAME\tAGE\tAPP\tLABELS\nx\tpod/a\t<nil>\tweb\tapp=web\n");
  });
});

test.each([
  { seconds: -2, text: "<invalid>" },
  { seconds: 0, text: "0s" },
  { seconds: 119, text: "119s" },
  { seconds: 120, text: "2m" },
  { seconds: 599, text: "9m59s" },
  { seconds: 600, text: "10m" },
  { seconds: 3 * 3600, text: "3h" },
  { seconds: 3 * 3600 + 60, text: "3h1m" },
  { seconds: 47 * 3600, text: "47h" },
  { seconds: 50 * 3600, text: "2d2h" },
  { seconds: 10 * 86_400, text: "10d" },
  { seconds: 3 * 365 * 86_400 + 86_400, text: "3y1d" },
])("$seconds seconds are told as $text", ({ seconds, text }) => {
  expect(humanDuration(seconds * 1000)).toBe(text);
});

test("JSON has sorted members and no character that means something in HTML", () => {
  expect(goJson({ b: "<&>", a: [{ d: 1, c: null }] })).toBe('{"a":[{"c":null,"d":1}],"b":"\\u003c\\u0026\\u003e"}');
});

test("KYAML quotes every string, keeps plain keys, and ends every member with a comma", () => {
  const value = { kind: "A", list: [1, 2], items: [{ a: "x" }, { a: "y" }], yes: true, empty: {}, none: [] };
  expect(kyamlText(value)).toBe(
    '---\n{\n  empty: {},\n  items: [{\n    a: "x",\n  }, {\n    a: "y",\n  }],\n  kind: "A",\n  list: [\n    1,\n    2,\n  ],\n  none: [],\n  "yes": true,\n}\n',
  );
});
