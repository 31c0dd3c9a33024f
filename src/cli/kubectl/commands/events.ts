import type { Event } from "../../../api/generated/core-v1.ts";
import { defineCommand } from "../command.ts";
import { bool, list, text } from "../flags/flag.ts";
import { allNamespacesFlag, chunkSizeFlag, printFlags } from "../flags/shared.ts";
import { CommandError, NoResourceMatch } from "../messages.ts";
import { eventAge } from "../output/event-age.ts";
import { objectPrinter } from "../output/printer.ts";
import { tabAligner, tableTabs } from "../output/tab-align.ts";
import { cellText } from "../output/table.ts";
import type { Query } from "../resources/api.ts";
import { type AnyObject, itemsOf, pathOf } from "../resources/resource-info.ts";
import type { Session } from "../session.ts";

const kind = { group: "", version: "v1", kind: "Event", plural: "events", namespaced: true };

/** `kubectl events` */
export const events = defineCommand({
  name: "events",
  short: "List events",
  long: `Display events

 Shows what happened lately in the namespace, in all namespaces, or to one object, the latest last.`,
  examples: `# What happened in the namespace
kubectl events

# What went wrong anywhere
kubectl events -A --types=Warning

# What happens to a pod from now on
kubectl events --for pod/web-0 --watch`,
  usage: `[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]`,
  flags: {
    ...printFlags,
    ...allNamespacesFlag,
    ...chunkSizeFlag,
    for: text("Only events about this object, as TYPE/NAME."),
    "no-headers": bool("Leaves out the head of the table."),
    types: list("Only events of these types: Normal, Warning."),
    watch: bool("Goes on and shows every event that comes.", { short: "w" }),
  },
  async run({ session, flags }) {
    const about = flags.for ? await aboutObject(session, flags.for) : undefined;
    const show = await eventPrinter(session, flags);
    for (const type of flags.types) {
      if (!["normal", "warning"].includes(type.toLowerCase())) {
        throw new CommandError("valid --types are Normal or Warning");
      }
    }
    const wanted = ({ type = "" }: Event) =>
      flags.types.length === 0 || flags.types.some((one) => one.toLowerCase() === type.toLowerCase());
    const { namespace } = session.access;
    const call = {
      path: pathOf(kind, { namespace: flags["all-namespaces"] ? "" : namespace }),
      query: { fieldSelector: about, limit: flags["chunk-size"] > 0 ? flags["chunk-size"] : undefined },
    };
    if (flags.watch) {
      for await (const { type, object } of session.api.watch({ ...call, query: { ...call.query, watch: true } })) {
        if (type === "ERROR") {
          const { StatusError } = await import("../../../machinery/status-error.ts");
          throw StatusError.fromStatus(object as Parameters<typeof StatusError.fromStatus>[0]);
        }
        const event = object as Event;
        if (type !== "DELETED" && type !== "BOOKMARK" && wanted(event)) show(event, [event]);
      }
      return;
    }
    const { first, items } = await allPages(session, call);
    const shown = items.filter(wanted).toSorted((a, b) => timeOf(a) - timeOf(b));
    if (shown.length === 0) {
      session.complain(flags["all-namespaces"] ? "No events found." : `No events found in ${namespace} namespace.`);
      return;
    }
    const { resourceVersion: _, ...metadata } = { resourceVersion: "", ...first.metadata };
    show({ ...first, apiVersion: "v1", kind: "EventList", metadata, items: shown } as AnyObject, shown);
  },
});

/** The field selector of an object's events. */
async function aboutObject(session: Session, word: string): Promise<string> {
  const [type = "", name, ...more] = word.split("/");
  if (more.length > 0) throw new CommandError("arguments in resource/name form may not have more than one slash");
  if (name === undefined) throw new CommandError("--for must be in resource/name form");
  const resource = await (await session.mapper()).resource(type).catch((error: unknown) => {
    throw error instanceof NoResourceMatch ? new CommandError(error.message, { verbatim: true }) : error;
  });
  return `involvedObject.kind=${resource.kind},involvedObject.name=${name}`;
}

async function allPages(session: Session, call: { readonly path: string; readonly query: Query }) {
  const items: Event[] = [];
  let first: AnyObject | undefined;
  let token = "";
  do {
    const page = await session.api.call<AnyObject>({ ...call, query: { ...call.query, continue: token } });
    first ??= page;
    items.push(...(itemsOf(page) as readonly unknown[] as readonly Event[]));
    token = String(page.metadata.continue ?? "");
  } while (token !== "");
  return { first, items };
}

type Show = (object: Event | AnyObject, events: readonly Event[]) => void;

/** Prints in the form that the flags ask for: whole objects, or lines of one table. */
async function eventPrinter(
  session: Session,
  flags: Parameters<typeof objectPrinter>[1] & { readonly "no-headers": boolean; readonly "all-namespaces": boolean },
): Promise<Show> {
  if (flags.output !== "" || flags.template !== "") {
    const printer = await objectPrinter(session, flags);
    return (object) => printer.print(object as AnyObject);
  }
  const aligner = tabAligner(tableTabs);
  const withNamespace = flags["all-namespaces"];
  let headed = flags["no-headers"];
  return (_object, shown) => {
    const head = [...(withNamespace ? ["NAMESPACE"] : []), "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
    const rows = shown.map((event) => [
      ...(withNamespace ? [event.metadata.namespace] : []),
      eventAge(event, session.host.clock.now()),
      cellText(event.type ?? ""),
      cellText(event.reason ?? ""),
      `${cellText(event.involvedObject.kind ?? "")}/${cellText(event.involvedObject.name ?? "")}`,
      cellText((event.message ?? "").trim()),
    ]);
    const lines = (headed ? rows : [head, ...rows]).map((cells) => `${cells.join("\t")}\n`);
    headed = true;
    session.host.stdout.write(aligner.align(lines.join("")));
  };
}

function timeOf({ series, lastTimestamp, eventTime }: Event): number {
  return Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? "") || 0;
}
