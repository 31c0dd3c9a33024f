import { CommandError } from "../messages.ts";
import { chooseContainer, type Pod } from "../resources/pods.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import type { Session } from "../session.ts";
import { joinOrShowLog, showLog, untilPod } from "./pods/join.ts";

/** What a run made, as the server has it. */
export interface MadeObject {
  readonly object: AnyObject;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export interface RunAttached {
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly quiet: boolean;
  /** Milliseconds until the pod has to be ready, and to have ended after its streams ended. */
  readonly timeout: number;
  readonly leaveStdinOpen: boolean;
  readonly restart: string;
  /** The command that joins again: `kubectl attach`. */
  readonly path: string;
}

/**
 * Joins a pod that was just made; where it is not to be started again, waits for its end and ends as its container did.
 * Throws CommandError, StatusError.
 */
export async function runAttached(session: Session, made: Pod["metadata"], options: RunAttached): Promise<void> {
  const { quiet, timeout } = options;
  const pod = await untilPod(session, made, (seen) => hasEnded(seen) || isReady(seen), { timeout });
  const { container } = chooseContainer(session, pod, { name: "", quiet });
  if (hasEnded(pod)) await showLog(session, pod, container.name);
  else await joinOrShowLog(session, pod, { ...options, container: container.name });
  if (options.leaveStdinOpen || options.restart === "Always") return;
  const wanted = options.restart === "OnFailure" ? hasSucceeded : hasEnded;
  const ended = await untilPod(session, made, wanted, { timeout });
  if (!hasSucceeded(ended)) throw failureOf(ended);
}

/** Takes away what a run made, and says so. */
export async function removeRun(
  session: Session,
  made: readonly MadeObject[],
  { quiet }: { readonly quiet: boolean },
): Promise<void> {
  for (const { object, group, version, plural } of made) {
    const resource = { group, version, plural, kind: object.kind, namespaced: true };
    const { name = "", namespace = "" } = object.metadata;
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
    await session.api.call({ method: "DELETE", path: pathOf(resource, { name, namespace }), body });
    const type = [object.kind.toLowerCase(), ...(group ? [group] : [])].join(".");
    if (!quiet) session.say(`${type} "${name}" deleted from ${namespace} namespace`);
  }
}

const hasSucceeded = ({ status }: Pod) => status?.phase === "Succeeded";

const hasEnded = (pod: Pod) => hasSucceeded(pod) || pod.status?.phase === "Failed";

const isReady = ({ status }: Pod) =>
  status?.phase === "Running" &&
  (status.conditions ?? []).some(({ type, status: is }) => type === "Ready" && is === "True");

function failureOf({ metadata: { namespace, name }, status }: Pod): CommandError {
  const state = status?.containerStatuses?.[0]?.state?.terminated;
  if (!state?.exitCode) return new CommandError(`pod ${namespace}/${name} failed with unknown exit code`);
  return new CommandError(`pod ${namespace}/${name} terminated (${state.reason ?? ""})\n${state.message ?? ""}`, {
    exitCode: state.exitCode,
  });
}
