import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { type Container, podSpecOf } from "../../resources/pod-template.ts";
import { type AnyObject, itemsOf, pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** One container whose output is wanted. */
export interface LogSource {
  readonly pod: AnyObject;
  readonly container: string;
}

export interface SourceChoice {
  readonly container: string;
  readonly allContainers: boolean;
  readonly allPods: boolean;
  readonly selector: string;
  /** Milliseconds to wait for a workload's pod. */
  readonly podTimeout: number;
}

const pods = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };
const defaultContainer = "kubectl.kubernetes.io/default-container";

/** The containers that a command line means. Throws CommandError. */
export async function logSources(
  session: Session,
  named: string | undefined,
  choice: SourceChoice,
): Promise<readonly LogSource[]> {
  const { namespace } = session.access;
  if (choice.selector) {
    const list = await session.api.call<AnyObject>({
      path: pathOf(pods, { namespace }),
      query: { labelSelector: choice.selector, limit: 500 },
    });
    return itemsOf(list).flatMap((pod) => containersOf(session, pod, choice));
  }
  const [type, name, ...more] = (named ?? "").split("/");
  if (more.length > 0) throw new CommandError("arguments in resource/name form may not have more than one slash");
  const resource = name === undefined ? undefined : await (await session.mapper()).resource(type ?? "");
  const path = pathOf(resource ?? pods, { namespace, name: name ?? type });
  let object: AnyObject;
  try {
    object = await session.api.call<AnyObject>({ path });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    throw new CommandError(`error from server (NotFound): ${error.message} in namespace ${JSON.stringify(namespace)}`);
  }
  if (object.kind === "Pod") return containersOf(session, object, choice);
  const found = await podsOf(session, object, resource?.version ?? "", choice);
  if (choice.allPods) return found.flatMap((pod) => containersOf(session, pod, choice));
  const [first] = found;
  if (!first) throw new CommandError("timed out waiting for the condition");
  if (found.length > 1) session.complain(`Found ${found.length} pods, using pod/${first.metadata.name}`);
  return containersOf(session, first, choice);
}

/** A workload's pods, those first that have most to tell; waits for one to be there. */
async function podsOf(
  session: Session,
  object: AnyObject,
  version: string,
  choice: SourceChoice,
): Promise<readonly AnyObject[]> {
  const { selector } = (object.spec ?? {}) as { readonly selector?: unknown };
  const labels = selector && podSpecOf(object) ? selector : object.kind === "Service" ? selector : undefined;
  if (!labels) {
    throw new CommandError(
      `cannot get the logs from *${version}.${object.kind}: selector for *${version}.${object.kind} not implemented`,
    );
  }
  const { selectorOfLabels, selectorOfObject } = await import("../../../../machinery/labels.ts");
  const byLabels = object.kind === "Service" || object.kind === "ReplicationController";
  const labelSelector = String(
    byLabels
      ? selectorOfLabels(labels as Parameters<typeof selectorOfLabels>[0])
      : selectorOfObject(labels as Parameters<typeof selectorOfObject>[0]),
  );
  const end = session.host.clock.monotonic() + choice.podTimeout;
  for (;;) {
    const list = await session.api.call<AnyObject>({
      path: pathOf(pods, { namespace: session.access.namespace }),
      query: { labelSelector },
    });
    const found = itemsOf(list).toSorted((a, b) => rank(a) - rank(b));
    if (found.length > 0) return found;
    if (session.host.clock.monotonic() >= end) throw new CommandError("timed out waiting for the condition");
    await session.host.clock.sleep(500, session.host.signal);
  }
}

/** Bound before unbound, running before waiting, ready before not. */
function rank(pod: AnyObject): number {
  const { nodeName } = (pod.spec ?? {}) as { readonly nodeName?: string };
  const { phase, conditions = [] } = (pod.status ?? {}) as {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  const ready = conditions.some(({ type, status }) => type === "Ready" && status === "True");
  return (nodeName ? 0 : 8) + (phase === "Running" ? 0 : phase === "Unknown" ? 2 : 4) + (ready ? 0 : 1);
}

function containersOf(session: Session, pod: AnyObject, choice: SourceChoice): readonly LogSource[] {
  const spec = podSpecOf(pod);
  const { ephemeralContainers = [] } = (spec ?? {}) as { readonly ephemeralContainers?: readonly Container[] };
  const own = spec?.containers ?? [];
  const all = [...(spec?.initContainers ?? []), ...own, ...ephemeralContainers];
  if (choice.allContainers) return all.map(({ name }) => ({ pod, container: name }));
  if (choice.container) {
    if (!all.some(({ name }) => name === choice.container)) {
      throw new CommandError(`container ${choice.container} is not valid for pod ${pod.metadata.name}`);
    }
    return [{ pod, container: choice.container }];
  }
  const marked = pod.metadata.annotations?.[defaultContainer];
  const named = marked ? all.find(({ name }) => name === marked) : undefined;
  if (marked && !named) {
    session.complain(`Default container name ${JSON.stringify(marked)} not found in pod ${pod.metadata.name}`);
  }
  const first = named ?? own[0];
  if (!first) return [];
  if (!named && all.length > 1) {
    const names = [
      ...own,
      ...(spec?.initContainers ?? []).map((one) => ({ name: `${one.name} (init)` })),
      ...ephemeralContainers.map((one) => ({ name: `${one.name} (ephem)` })),
    ];
    session.complain(
      `Defaulted container ${JSON.stringify(first.name)} out of: ${names.map(({ name }) => name).join(", ")}`,
    );
  }
  return [{ pod, container: first.name }];
}
