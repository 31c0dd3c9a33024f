import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** What `kubectl drain` was told. */
export interface DrainFlags {
  readonly "dry-run": string;
  readonly "delete-emptydir-data": boolean;
  readonly "disable-eviction": boolean;
  readonly force: boolean;
  readonly "grace-period": number;
  readonly "ignore-daemonsets": boolean;
  readonly "pod-selector": string;
  readonly "skip-wait-for-delete-timeout": number;
  readonly timeout: number;
}

/** What is to become of a node's pods. */
export interface SortedPods {
  readonly going: readonly AnyObject[];
  /** Why the node cannot be drained as it was asked for. */
  readonly refusals: readonly CommandError[];
  readonly warnings: string;
}

type Verdict =
  | { readonly goes: true; readonly warning?: string }
  | { readonly goes: false; readonly refusal?: string; readonly warning?: string };

const goes: Verdict = { goes: true };

/** Sorts pods into those that go, those that stay, and those that are in the way. */
export async function sortPods(session: Session, pods: readonly AnyObject[], flags: DrainFlags): Promise<SortedPods> {
  const going: AnyObject[] = [];
  const refusals = new Map<string, string[]>();
  const warnings = new Map<string, string[]>();
  const note = (to: Map<string, string[]>, reason: string, { metadata }: AnyObject) => {
    to.set(reason, [...(to.get(reason) ?? []), `${metadata.namespace}/${metadata.name}`]);
  };
  for (const pod of pods) {
    const verdict = await verdictOf(session, pod, flags);
    if (verdict.warning) note(warnings, verdict.warning, pod);
    if (verdict.goes) going.push(pod);
    else if (verdict.refusal) note(refusals, verdict.refusal, pod);
  }
  return {
    going,
    refusals: [...refusals].map(
      ([reason, names]) => new CommandError(`cannot delete ${reason}: ${names.join(", ")}`, { verbatim: true }),
    ),
    warnings: [...warnings].map(([reason, names]) => `${reason}: ${names.join(", ")}`).join("; "),
  };
}

async function verdictOf(session: Session, pod: AnyObject, flags: DrainFlags): Promise<Verdict> {
  let verdict = goes;
  // The last one that lets a pod go is the one whose warning is told.
  for (const filter of [ofSkipped, ofDaemonSets, ofMirrors, ofLocalStorage, ofNobody]) {
    verdict = await filter(pod, flags, session);
    if (!verdict.goes) return verdict;
  }
  return verdict;
}

type Filter = (pod: AnyObject, flags: DrainFlags, session: Session) => Verdict | Promise<Verdict>;

const ofSkipped: Filter = ({ metadata }, flags, { host }) => {
  const since = metadata.deletionTimestamp;
  const patience = flags["skip-wait-for-delete-timeout"];
  const old = typeof since === "string" && host.clock.now() - Date.parse(since) > patience * 1000;
  return patience > 0 && old ? { goes: false } : goes;
};

interface Owner {
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

const controllerOf = ({ metadata }: AnyObject): Owner | undefined =>
  ((metadata.ownerReferences ?? []) as readonly Owner[]).find(({ controller }) => controller);

const isFinished = ({ status }: AnyObject) =>
  ["Succeeded", "Failed"].includes((status as { readonly phase?: string } | undefined)?.phase ?? "");

const ofDaemonSets: Filter = async (pod, flags, session) => {
  const owner = controllerOf(pod);
  // Pods that have ended may be removed without the DaemonSet making trouble.
  if (owner?.kind !== "DaemonSet" || isFinished(pod)) return goes;
  const path = `/apis/apps/v1/namespaces/${pod.metadata.namespace}/daemonsets/${owner.name}`;
  try {
    await session.api.call({ path });
  } catch (error) {
    // Its DaemonSet is gone: nobody would make the pod again.
    if (!isStatus(error, "NotFound")) throw error;
    if (flags.force) return { goes: true, warning: (error as Error).message };
    return { goes: false, refusal: (error as Error).message };
  }
  if (!flags["ignore-daemonsets"]) {
    return { goes: false, refusal: "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)" };
  }
  return { goes: false, warning: "ignoring DaemonSet-managed Pods" };
};

const ofMirrors: Filter = ({ metadata }) =>
  metadata.annotations?.["kubernetes.io/config.mirror"] === undefined ? goes : { goes: false };

const ofLocalStorage: Filter = (pod, flags) => {
  const { volumes = [] } = (pod.spec ?? {}) as { readonly volumes?: readonly { readonly emptyDir?: unknown }[] };
  if (!volumes.some(({ emptyDir }) => emptyDir !== undefined) || isFinished(pod)) return goes;
  if (flags["delete-emptydir-data"]) return { goes: true, warning: "deleting Pods with local storage" };
  return { goes: false, refusal: "Pods with local storage (use --delete-emptydir-data to override)" };
};

const ofNobody: Filter = (pod, flags) => {
  if (isFinished(pod) || controllerOf(pod)) return goes;
  if (flags.force) return { goes: true, warning: "deleting Pods that declare no controller" };
  return { goes: false, refusal: "cannot delete Pods that declare no controller (use --force to override)" };
};
