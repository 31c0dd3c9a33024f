import type { AnyObject } from "../resources/resource-info.ts";
import { itemsOf, typeName } from "../resources/resource-info.ts";
import type { Fetched, Target } from "../resources/selection.ts";
import type { Session } from "../session.ts";
import { goJson } from "./json.ts";
import { plainTable } from "./plain-table.ts";
import {
  commonForms,
  noSuchForm,
  type ObjectPrinter,
  objectPrinter,
  outputForm,
  type PrintFlagValues,
} from "./printer.ts";
import { tabAligner, tableTabs } from "./tab-align.ts";
import { isTable, type Table, tablePrinter } from "./table.ts";

export interface GetFlagValues extends PrintFlagValues {
  readonly "all-namespaces": boolean;
  readonly "label-columns": readonly string[];
  readonly "no-headers": boolean;
  readonly "output-watch-events": boolean;
  readonly "server-print": boolean;
  readonly "show-kind": boolean;
  readonly "show-labels": boolean;
  readonly "sort-by": string;
}

/** How `get` shows what it fetched. */
export interface GetOutput {
  /** What objects are asked for as. */
  readonly accept: string | undefined;
  readonly includeObject: "Object" | undefined;
  /** Prints all at once; false when there was nothing to print. */
  printAll(
    fetched: readonly Fetched[],
    options: { readonly single: boolean; readonly ignoreNotFound: boolean },
  ): boolean;
  /** Prints one object or table of a watch; `event` is what happened to it. */
  printOne(object: AnyObject, target: Target, event: string): void;
}

const tableAccept = ["v1", "v1beta1"]
  .map((version) => `application/json;as=Table;v=${version};g=meta.k8s.io`)
  .concat("application/json")
  .join(",");
const getForms = [...commonForms, "custom-columns", "custom-columns-file", "wide"];

/** The output that the flags of `get` ask for. Throws CommandError. */
export async function getOutput(session: Session, flags: GetFlagValues): Promise<GetOutput> {
  const { form } = outputForm(flags);
  if (form === "" || form === "wide") {
    const sorter = flags["sort-by"] ? await import("./sort.ts") : undefined;
    return tableOutput(session, flags, { sorter, wide: form === "wide" });
  }
  if (!getForms.includes(form)) throw noSuchForm(flags.output, getForms);
  const sorter = flags["sort-by"] ? await import("./sort.ts") : undefined;
  const printer = form.startsWith("custom-columns")
    ? await (await import("./custom-columns.ts")).customColumnsPrinter(session, flags)
    : await objectPrinter(session, flags, getForms);
  return objectOutput(session, flags, printer, sorter);
}

/** Whole objects: one by itself, several as a List. */
function objectOutput(
  { host: { stdout } }: Session,
  flags: GetFlagValues,
  printer: ObjectPrinter,
  sorter: typeof import("./sort.ts") | undefined,
): GetOutput {
  return {
    accept: undefined,
    includeObject: undefined,
    printAll(fetched, { single, ignoreNotFound }) {
      const [first] = fetched;
      if (single) {
        if (!first) return ignoreNotFound;
        printer.print(first.object);
        return true;
      }
      const objects = fetched.flatMap(({ object, target }) => (target.form === "list" ? itemsOf(object) : [object]));
      const items = sorter ? sorter.sortObjects(objects, flags["sort-by"]) : objects;
      printer.print({ apiVersion: "v1", kind: "List", items, metadata: { resourceVersion: "" } } as AnyObject);
      return true;
    },
    printOne(object, _target, event) {
      const { form } = outputForm(flags);
      if (!flags["output-watch-events"] || form === "name") printer.print(object);
      // An event is one line, whole: managed fields are part of it.
      else if (form === "json") stdout.write(`{"type":${JSON.stringify(event)},"object":${goJson(object)}}\n`);
      else printer.print({ type: event, object } as unknown as AnyObject);
    },
  };
}

function tableOutput(
  session: Session,
  flags: GetFlagValues,
  parts: {
    readonly wide: boolean;
    readonly sorter: typeof import("./sort.ts") | undefined;
  },
): GetOutput {
  const { stdout } = session.host;
  const { sorter, wide } = parts;
  const printerFor = (target: Target, severalTypes: boolean, events = false) =>
    tablePrinter({
      wide,
      events,
      noHeaders: flags["no-headers"],
      showLabels: flags["show-labels"],
      labelColumns: flags["label-columns"],
      withNamespace: flags["all-namespaces"] && target.resource.namespaced,
      kindPrefix: flags["show-kind"] || severalTypes ? `${typeName(target.resource)}/` : "",
    });
  const asTable = (object: AnyObject): Table =>
    isTable(object) ? object : plainTable(object, session.host.clock.now());
  const following: { target?: Target; printer?: ReturnType<typeof printerFor> } = {};
  return {
    accept: flags["server-print"] ? tableAccept : undefined,
    includeObject: sorter ? "Object" : undefined,
    printAll(fetched) {
      const types = new Set(fetched.map(({ target }) => `${target.resource.plural}.${target.resource.group}`));
      const severalTypes = types.size > 1;
      let printed = false;
      for (const group of groupsOf(fetched)) {
        const printer = printerFor(group[0]!.target, severalTypes);
        const all = group.map(({ object }) => asTable(object));
        const tables = sorter ? sorter.sortTables(all, flags["sort-by"]) : all;
        const text = tables
          .filter(({ rows }) => rows && rows.length > 0)
          .map((table) => printer.print(table))
          .join("");
        if (text === "") continue;
        if (printed && !flags["no-headers"]) stdout.write("\n");
        stdout.write(tabAligner(tableTabs).align(text));
        printed = true;
      }
      return printed;
    },
    printOne(object, target, event) {
      if (following.target?.resource !== target.resource) {
        following.target = target;
        following.printer = printerFor(target, false, flags["output-watch-events"]);
      }
      const { printer } = following;
      if (printer) stdout.write(printer.aligner.align(printer.print(asTable(object), event)));
    },
  };
}

/** What stands next to each other and is of one type. */
function groupsOf(fetched: readonly Fetched[]): readonly (readonly Fetched[])[] {
  const groups: Fetched[][] = [];
  for (const one of fetched) {
    const last = groups.at(-1);
    if (last?.[0]?.target.resource === one.target.resource) last?.push(one);
    else groups.push([one]);
  }
  return groups;
}
