import { compareQuantities, milliValue, quantityValue } from "../../../machinery/quantity.ts";
import { isStatus } from "../../../machinery/status-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { bool, text } from "../flags/flag.ts";
import { allNamespacesFlag, fieldSelectorFlag, selectorFlag } from "../flags/shared.ts";
import { CommandError, usageError } from "../messages.ts";
import { alignTabs, tableTabs } from "../output/tab-align.ts";
import { type AnyObject, itemsOf } from "../resources/resource-info.ts";
import type { Session } from "../session.ts";

/** What is used of each resource, as quantities. */
type Usage = Readonly<Record<string, string>>;

const root = "/apis/metrics.k8s.io/v1beta1";
const sharedFlags = {
  ...selectorFlag,
  "no-headers": bool("Leaves out the head of the table."),
  "sort-by": text("Sorts by cpu or memory, most first."),
  "show-swap": bool("Shows how much of what is swapped out too."),
  "use-protocol-buffers": bool("Asks for protocol buffers; answers here are JSON all the same.", { default: true }),
} as const;

const node: Command = defineCommand({
  name: "node",
  aliases: ["nodes", "no"],
  short: "Display resource (CPU/memory) usage of nodes",
  examples: "# Every node\nkubectl top node\n\n# One node\nkubectl top node NODE_NAME",
  usage: "[NAME | -l label]",
  flags: { ...sharedFlags, "show-capacity": bool("Compares with the capacity instead of what pods may have.") },
  async run({ session, args, flags, path }) {
    const values = flags as unknown as {
      readonly selector: string;
      readonly "no-headers": boolean;
      readonly "sort-by": string;
      readonly "show-capacity": boolean;
      readonly "show-swap": boolean;
    };
    const name = oneName(args, values.selector, path, "--selector");
    checkSort(values["sort-by"]);
    const metrics = await metricsOf(session, name ? `${root}/nodes/${name}` : `${root}/nodes`, values.selector);
    if (metrics.length === 0) throw new CommandError("metrics not available yet");
    const nodes = await listOf(session, name ? `/api/v1/nodes/${name}` : "/api/v1/nodes", values.selector);
    const shown = shownResources(values["show-swap"]);
    const available = new Map(nodes.map((one) => [one.metadata.name, amountsOf(one, values["show-capacity"])]));
    const used = sorted(
      metrics.map((one) => ({ name: one.metadata.name ?? "", usage: one.usage as Usage })),
      values["sort-by"],
    );
    const rows = used.map((one) => [
      one.name,
      ...shown.flatMap((resource) => nodeCells(resource, one.usage, available.get(one.name))),
    ]);
    const missing = nodes.filter(({ metadata }) => !used.some((one) => one.name === metadata.name));
    const unknown = shown.flatMap(() => unknownCells);
    print(
      session,
      values["no-headers"],
      ["NAME", ...shown.flatMap((resource) => [titles[resource], titles[resource].replace(/\(.*/, "(%)")])],
      [...rows, ...missing.map(({ metadata }) => [metadata.name ?? "", ...unknown])],
    );
  },
});

const pod: Command = defineCommand({
  name: "pod",
  aliases: ["pods", "po"],
  short: "Display resource (CPU/memory) usage of pods",
  long: "Shows what pods use. What a pod uses is known a few minutes after it was made.",
  examples:
    "# The pods of the namespace\nkubectl top pod\n\n# A pod and its containers\nkubectl top pod POD_NAME --containers",
  usage: "[NAME | -l label]",
  flags: {
    ...sharedFlags,
    ...fieldSelectorFlag,
    ...allNamespacesFlag,
    containers: bool("Shows what each container uses."),
    sum: bool("Shows what all use together."),
  },
  async run({ session, args, flags, path }) {
    const values = flags as unknown as PodFlags;
    const name = oneName(args, values.selector, path, "selector");
    checkSort(values["sort-by"]);
    const { namespace } = session.access;
    const all = values["all-namespaces"];
    const place = all ? `${root}/pods` : `${root}/namespaces/${namespace}/pods`;
    const metrics = await metricsOf(
      session,
      name ? `${place}/${name}` : place,
      values.selector,
      values["field-selector"],
    );
    if (metrics.length === 0) {
      await explainNothing(session, all, name, values);
      return;
    }
    const pods = metrics.map((one) => {
      const containers = (one.containers ?? []) as readonly { readonly name: string; readonly usage: Usage }[];
      return {
        name: one.metadata.name ?? "",
        namespace: one.metadata.namespace ?? "",
        containers,
        usage: total(containers),
      };
    });
    const shown = shownResources(values["show-swap"]);
    const cells = (usage: Usage) => shown.map((resource) => cell(resource, usage));
    const rows = sorted(pods, values["sort-by"], all).flatMap((one) => {
      const front = all ? [one.namespace] : [];
      if (!values.containers) return [[...front, one.name, ...cells(one.usage)]];
      return sorted(one.containers, values["sort-by"]).map((each) => [
        ...front,
        one.name,
        each.name,
        ...cells(each.usage),
      ]);
    });
    const head = [
      ...(all ? ["NAMESPACE"] : []),
      ...(values.containers ? ["POD", "NAME"] : ["NAME"]),
      ...shown.map((resource) => titles[resource]),
    ];
    // Without a head upstream forgets the columns before the name.
    const columns = values["no-headers"] ? 1 + shown.length : head.length;
    const blanks = Array.from({ length: columns - 2 }, () => "");
    const sums = values.sum
      ? [
          [...blanks, "________", "________"],
          [...blanks, ...cells(total(pods))],
        ]
      : [];
    print(session, values["no-headers"], head, [...rows, ...sums]);
  },
});

interface PodFlags {
  readonly selector: string;
  readonly "field-selector": string;
  readonly "no-headers": boolean;
  readonly "sort-by": string;
  readonly "all-namespaces": boolean;
  readonly containers: boolean;
  readonly sum: boolean;
  readonly "show-swap": boolean;
}

/** `kubectl top` */
export const top = defineCommand({
  name: "top",
  short: "Display resource (CPU/memory) usage",
  usage: "[flags]",
  long: "Shows what nodes or pods use. The server needs a metrics server.",
  subcommands: [
    { name: "node", aliases: ["nodes", "no"], short: node.short, load: async () => node },
    { name: "pod", aliases: ["pods", "po"], short: pod.short, load: async () => pod },
  ],
});

function oneName(args: readonly string[], selector: string, path: string, word: string): string {
  if (args.length > 1) throw usageError(path, `${path.split(" ").at(-1)} [NAME | -l label]`);
  if (args.length === 1 && selector) throw new CommandError(`only one of NAME or ${word} can be provided`);
  return args[0] ?? "";
}

function checkSort(by: string): void {
  if (!["", "cpu", "memory"].includes(by)) throw new CommandError("--sort-by accepts only cpu or memory");
}

/** A selector that cannot be read is told here, before anybody is asked. */
async function checkSelectors(selector: string, fieldSelector = ""): Promise<void> {
  try {
    if (selector) (await import("../../../machinery/labels.ts")).parseSelector(selector);
    if (fieldSelector) (await import("../../../machinery/field-selector.ts")).parseFieldSelector(fieldSelector);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}

async function metricsOf(
  session: Session,
  path: string,
  labelSelector: string,
  fieldSelector = "",
): Promise<readonly AnyObject[]> {
  await checkSelectors(labelSelector, fieldSelector);
  const { groups } = (await session.mapper()).discovery;
  if (!groups.some(({ name }) => name === "metrics.k8s.io")) throw new CommandError("Metrics API not available");
  return await listOf(session, path, labelSelector, fieldSelector);
}

async function listOf(
  session: Session,
  path: string,
  labelSelector: string,
  fieldSelector = "",
): Promise<readonly AnyObject[]> {
  const found = await session.api.call<AnyObject>({ path, query: { labelSelector, fieldSelector } });
  return "items" in found ? itemsOf(found) : [found];
}

/** No metrics: because there are no pods, or because nobody has looked at them yet. */
async function explainNothing(
  session: Session,
  all: boolean,
  name: string,
  { selector, "field-selector": fields }: PodFlags,
): Promise<void> {
  const { namespace } = session.access;
  const place = all ? "/api/v1/pods" : `/api/v1/namespaces/${namespace}/pods`;
  let pods: readonly AnyObject[] = [];
  try {
    pods = await listOf(session, name ? `${place}/${name}` : place, selector, fields);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
  const late = pods.find(
    ({ metadata }) => session.host.clock.now() - Date.parse(String(metadata.creationTimestamp)) > 120_000,
  );
  if (late) throw new CommandError("metrics not available yet");
  session.complain(all ? "No resources found" : `No resources found in ${namespace} namespace.`);
}

interface NodeStatus {
  readonly capacity?: Usage;
  readonly allocatable?: Usage;
  readonly nodeInfo?: { readonly swap?: { readonly capacity?: number } };
}

function amountsOf({ status }: AnyObject, capacity: boolean): Usage {
  const { capacity: whole = {}, allocatable = {}, nodeInfo } = (status ?? {}) as NodeStatus;
  const swap = nodeInfo?.swap?.capacity;
  return { ...(capacity ? whole : allocatable), ...(swap === undefined ? {} : { swap: String(swap) }) };
}

const total = (parts: readonly { readonly usage: Usage }[]): Usage => {
  const sum = (name: string, value: (text: string) => number) =>
    parts.reduce((all, { usage }) => all + value(usage[name] ?? "0"), 0);
  return {
    cpu: `${sum("cpu", milliValue)}m`,
    memory: String(sum("memory", quantityValue)),
    swap: String(sum("swap", quantityValue)),
  };
};

const titles = { cpu: "CPU(cores)", memory: "MEMORY(bytes)", swap: "SWAP(bytes)" } as const;
type Shown = keyof typeof titles;

const shownResources = (withSwap: boolean): readonly Shown[] => [
  "cpu",
  "memory",
  ...(withSwap ? ["swap" as const] : []),
];

const mebi = 1024 * 1024;
const unknownCells = ["<unknown>", "<unknown>"];

function cell(resource: Shown, { [resource]: amount = "0" }: Usage): string {
  return resource === "cpu" ? `${milliValue(amount)}m` : `${Math.trunc(quantityValue(amount) / mebi)}Mi`;
}

/** What is used, and its share of what the node has; of a node that nothing is known of, what is used alone. */
function nodeCells(resource: Shown, usage: Usage, available: Usage | undefined): readonly string[] {
  const whole = available?.[resource];
  if (whole === undefined) return available && resource === "swap" ? unknownCells : [cell(resource, usage)];
  const share =
    milliValue(whole) === 0 ? 0 : Math.trunc((milliValue(usage[resource] ?? "0") / milliValue(whole)) * 100);
  return [cell(resource, usage), `${share}%`];
}

function sorted<T extends { readonly name: string; readonly namespace?: string; readonly usage: Usage }>(
  all: readonly T[],
  by: string,
  withNamespace = false,
): readonly T[] {
  const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return all.toSorted((a, b) => {
    if (by !== "") return compareQuantities(b.usage[by] ?? "0", a.usage[by] ?? "0");
    return (withNamespace ? text(a.namespace ?? "", b.namespace ?? "") : 0) || text(a.name, b.name);
  });
}

function print(
  session: Session,
  noHeaders: boolean,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const lines = [...(noHeaders ? [] : [head]), ...rows].map((row) => `${row.join("\t")}\t\n`);
  session.host.stdout.write(alignTabs(lines.join(""), tableTabs));
}
