import type { Command } from "commander";
import type { Transport } from "../client/transport.ts";
import { type ObjectDifference, whatDiffers } from "../cluster/history/difference.ts";
import type { FieldChange } from "../cluster/history/field-changes.ts";
import { findMoment, type HistoryStep, historyOf } from "../cluster/history/object-history.ts";
import { collectionPath, findResource, type ServedResource, servedResources } from "../cluster/served-resources.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { oneOf } from "./flags.ts";

interface HistoryFlags extends ClusterFlags {
  readonly namespace: string;
  /** False: leaves out what controllers and nodes report. */
  readonly status: boolean;
  readonly output?: "json";
}

interface DiffFlags extends HistoryFlags {
  readonly at: readonly string[];
  readonly allNamespaces?: boolean;
}

/** `navarch history` and `navarch diff`. */
export function addHistoryCommands(program: Command): void {
  program
    .command("history")
    .description("what became of one object, when, and by whom, as far back as history is kept")
    .argument("<object>", "as deployment/web")
    .option("-n, --namespace <namespace>", "the object's namespace", "default")
    .option("--no-status", "leave out what is only reported: changes of the status alone")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(history);
  program
    .command("diff")
    .description("what differs between two moments: a time (2026-01-02T03:04:05Z), 5m for five minutes ago, a revision")
    .argument("<resources...>", "as deployments pods, or deployment/web")
    .requiredOption("--at <moment>", "the first moment, and given again the second; now unless said", moments)
    .option("-n, --namespace <namespace>", "the objects' namespace", "default")
    .option("-A, --all-namespaces", "the objects of all namespaces")
    .option("--no-status", "leave out what is only reported: changes of the status alone")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(diff);
}

const moments = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

async function history(word: string, flags: HistoryFlags): Promise<void> {
  await using transport = await adminTransport(knownCluster(flags));
  const { resource, name } = target(word, await servedResources(transport));
  if (!name) throw new Fault("invalid", `"${word}" names no object; name one as deployment/web`);
  const all = await historyOf(transport, collectionPath(resource, flags.namespace), name);
  if (all.length === 0) {
    throw new Fault(
      "missing",
      `${word} was not there in the time that history is kept of; is it in another namespace?`,
    );
  }
  const steps = flags.status ? all : all.filter((step) => step.event !== "changed" || saysMore(step));
  console.log(flags.output === "json" ? JSON.stringify(steps, undefined, 2) : steps.map(stepText).join("\n"));
}

async function diff(words: readonly string[], flags: DiffFlags): Promise<void> {
  await using transport = await adminTransport(knownCluster(flags));
  const [from, to, ...others] = flags.at;
  if (from === undefined || others.length > 0) throw new Fault("invalid", "give --at once or twice");
  const served = await servedResources(transport);
  const targets = words.map((word) => target(word, served));
  const namespace = flags.allNamespaces ? undefined : flags.namespace;
  const [before, after] = [
    await momentOf(transport, from),
    to === undefined ? undefined : await momentOf(transport, to),
  ];
  const found: ObjectDifference[] = [];
  for (const { resource, name } of targets) {
    const all = await whatDiffers(transport, resource, { namespace, name, before, after });
    found.push(...(flags.status ? all : all.filter((one) => one.what !== "changed" || saysMore(one))));
  }
  if (flags.output === "json") console.log(JSON.stringify(found, undefined, 2));
  else for (const one of found) console.log(differenceText(one, flags.allNamespaces ?? false));
  // As diff does: 1 says that something differs.
  if (found.length > 0) process.exitCode = 1;
}

/** Whether something beside the status changed. */
function saysMore({ changes }: { readonly changes: readonly FieldChange[] }): boolean {
  return changes.some(({ path }) => path !== "status" && !path.startsWith("status."));
}

async function momentOf(transport: Transport, text: string): Promise<string> {
  return (await findMoment(transport, text, systemClock.now())).revision;
}

function target(word: string, served: readonly ServedResource[]): { resource: ServedResource; name?: string } {
  const [type = "", name, ...rest] = word.split("/");
  if (rest.length > 0) throw new Fault("invalid", `"${word}" is no object; name one as deployment/web`);
  const resource = findResource(served, type);
  if (!resource?.version) {
    throw new Fault("invalid", `the cluster serves no resource "${type}"; kubectl api-resources lists them`);
  }
  return name ? { resource, name } : { resource };
}

function stepText({ time = "before history", revision, event, by, changes }: HistoryStep): string {
  const head = `${time}  revision ${revision}  ${event}${by.length > 0 ? ` by ${by.join(", ")}` : ""}`;
  return [head, ...changes.map(changeText)].join("\n");
}

const signs = { added: "+", removed: "-", changed: "~" } as const;

function differenceText({ kind, namespace, name, what, changes }: ObjectDifference, withNamespace: boolean): string {
  const place = withNamespace && namespace ? `${namespace}/` : "";
  return [`${signs[what]} ${place}${kind.toLowerCase()}/${name}`, ...changes.map(changeText)].join("\n");
}

function changeText({ path, before, after }: FieldChange): string {
  if (before === undefined) return `    ${path}: + ${shown(after)}`;
  if (after === undefined) return `    ${path}: - ${shown(before)}`;
  return `    ${path}: ${shown(before)} -> ${shown(after)}`;
}

const longest = 120;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
}
