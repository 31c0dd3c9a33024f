import type { Container, EphemeralContainer, Pod } from "../../../api/generated/core-v1.ts";
import { goQuote } from "../../../lib/go-text.ts";
import { CommandError } from "../messages.ts";
import type { Session } from "../session.ts";
import { type AnyObject, itemsOf, pathOf } from "./resource-info.ts";
import { selectObjects } from "./selection.ts";

export type { Pod } from "../../../api/generated/core-v1.ts";

/** What paths of pods are made of. */
export const podKind = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };

/** The annotation that names the container which commands mean when none is named. */
export const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container";

/** A container of a pod, and the list of the pod's spec that it is in. */
export interface FoundContainer {
  readonly container: Container | EphemeralContainer;
  readonly list: "containers" | "initContainers" | "ephemeralContainers";
}

/** The container of that name, whatever its kind. */
export function findContainer({ spec }: Pod, name: string): FoundContainer | undefined {
  for (const list of ["containers", "initContainers", "ephemeralContainers"] as const) {
    const container = spec[list]?.find((one) => one.name === name);
    if (container) return { container, list };
  }
  return undefined;
}

/** `web, debugger (ephem), setup (init)` */
function containerNames({ spec }: Pod): string {
  return [
    ...spec.containers.map(({ name }) => name),
    ...(spec.ephemeralContainers ?? []).map(({ name }) => `${name} (ephem)`),
    ...(spec.initContainers ?? []).map(({ name }) => `${name} (init)`),
  ].join(", ");
}

/** The container that is meant: the one named, the one that the pod's annotation names, or the first. Throws CommandError. */
export function chooseContainer(
  session: Session,
  pod: Pod,
  { name, quiet }: { readonly name: string; readonly quiet: boolean },
): FoundContainer {
  if (name) {
    const named = findContainer(pod, name);
    if (!named) throw new CommandError(`container ${name} not found in pod ${pod.metadata.name}`);
    return named;
  }
  const marked = pod.metadata.annotations?.[defaultContainerAnnotation];
  const found = marked ? findContainer(pod, marked) : undefined;
  if (found) return found;
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const [first] = containers;
  if (!first) {
    throw new CommandError(`pod ${pod.metadata.namespace}/${pod.metadata.name} does not have any containers`);
  }
  if (!quiet && containers.length + initContainers.length + ephemeralContainers.length > 1) {
    session.complain(`Defaulted container ${goQuote(first.name)} out of: ${containerNames(pod)}`);
  }
  return { container: first, list: "containers" };
}

/** The object that `POD`, `TYPE/NAME` or files name. Throws CommandError, StatusError. */
export async function namedObject(
  session: Session,
  what: { readonly word?: string; readonly type?: string; readonly filenames?: readonly string[] },
): Promise<AnyObject> {
  const { word, type = "pods", filenames } = what;
  const args = word === undefined ? [] : word.includes("/") ? [word] : [type, word];
  const { infos, errors } = await selectObjects(session, { args, filenames, latest: true });
  const [error] = errors;
  if (error) throw error;
  const [info] = infos;
  if (!info) throw new CommandError("no objects passed to the command");
  return info.object;
}

/** The pod itself, or the best of those that belong to a workload or service; waits for one. Throws CommandError. */
export async function podOf(session: Session, object: AnyObject, timeout: number): Promise<Pod> {
  if (object.kind === "Pod" && object.apiVersion === "v1") return object as unknown as Pod;
  const [first] = await podsOf(session, object, { timeout, purpose: "attach to", order: mostActive });
  return first as Pod;
}

/** How pods of a workload are preferred to each other. */
export type PodOrder = (a: Pod, b: Pod) => number;

/** The pods of a workload or service, at least one, the best first; waits for one. Throws CommandError. */
export async function podsOf(
  session: Session,
  object: AnyObject,
  options: { readonly timeout: number; readonly purpose: string; readonly order: PodOrder },
): Promise<readonly Pod[]> {
  const labelSelector = await selectorOf(object, options.purpose);
  const path = pathOf(podKind, { namespace: object.metadata.namespace });
  const list = await session.api.call<AnyObject>({ path, query: { labelSelector } });
  const found = itemsOf(list) as readonly unknown[] as readonly Pod[];
  if (found.length > 0) return found.toSorted(options.order);
  const events = session.api.watch({
    path,
    query: { labelSelector, watch: true, resourceVersion: list.metadata.resourceVersion },
    timeout: options.timeout,
  });
  try {
    for await (const { type, object: pod } of events) {
      if (type === "ADDED" || type === "MODIFIED") return [pod as Pod];
    }
  } catch (error) {
    if (session.host.signal.aborted) throw error;
    // The time that the watch was given is over.
  }
  throw new CommandError("timed out waiting for the condition");
}

const labelled = ["ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job"];

async function selectorOf(object: AnyObject, purpose: string): Promise<string> {
  const { apiVersion, kind, metadata } = object;
  const { selector } = (object.spec ?? {}) as { readonly selector?: never };
  const labels = await import("../../../machinery/labels.ts");
  if (labelled.includes(kind)) return String(labels.selectorOfObject(selector));
  if (kind === "ReplicationController") return String(labels.selectorOfLabels(selector));
  if (kind === "Service") {
    if (!selector || Object.keys(selector).length === 0) {
      throw new CommandError(
        `cannot ${purpose} *v1.Service: invalid service '${metadata.name}': Service is defined without a selector`,
      );
    }
    return String(labels.selectorOfLabels(selector));
  }
  const type = `*${apiVersion.split("/").at(-1)}.${kind}`;
  throw new CommandError(`cannot ${purpose} ${type}: selector for ${type} not implemented`);
}

/** Bound before unbound, running before waiting, ready before not and for longer, restarted less often, older. */
export const mostActive: PodOrder = (a, b) => byLife(a, b) || restartsOf(a) - restartsOf(b) || byAge(a, b);

/** The same, but pods that were restarted more often have more to tell. */
export const mostTelling: PodOrder = (a, b) => byLife(a, b) || restartsOf(b) - restartsOf(a) || byAge(a, b);

const phaseRanks: Readonly<Record<string, number>> = { Running: 0, Unknown: 1 };

function byLife(a: Pod, b: Pod): number {
  const unbound = ({ spec }: Pod) => (spec.nodeName ? 0 : 1);
  const phase = ({ status }: Pod) => phaseRanks[status?.phase ?? ""] ?? 2;
  const ready = ({ status }: Pod) =>
    status?.conditions?.find(({ type, status: is }) => type === "Ready" && is === "True");
  const unready = (pod: Pod) => (ready(pod) ? 0 : 1);
  const since = (pod: Pod) => Date.parse(ready(pod)?.lastTransitionTime ?? "") || Number.MAX_VALUE;
  return (
    unbound(a) - unbound(b) ||
    phase(a) - phase(b) ||
    unready(a) - unready(b) ||
    (unready(a) === 0 ? since(a) - since(b) : 0)
  );
}

function restartsOf({ status }: Pod): number {
  return Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

function byAge(a: Pod, b: Pod): number {
  const made = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp ?? "") || Number.MAX_VALUE;
  return made(a) - made(b);
}
