import { isStatus } from "../../../../machinery/status-error.ts";
import { throwAll } from "../../messages.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { type DryRun, dryRunNote } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import type { DrainFlags } from "./drainable-pods.ts";

interface Removal {
  readonly flags: DrainFlags;
  readonly dryRun: DryRun;
  readonly signal: AbortSignal;
}

const retryAfter = 5000;
const lookEvery = 1000;

/** Evicts pods, or deletes them, all at once, and waits until they are gone. */
export async function removePods(session: Session, pods: readonly AnyObject[], removal: Removal): Promise<void> {
  const ended = await Promise.allSettled(pods.map((pod) => removePod(session, pod, removal)));
  throwAll(ended.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : [])));
}

async function removePod(session: Session, pod: AnyObject, { flags, dryRun, signal }: Removal): Promise<void> {
  const { name = "", namespace = "", uid } = pod.metadata;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const grace = flags["grace-period"] >= 0 ? { gracePeriodSeconds: flags["grace-period"] } : {};
  const kept = dryRun === "server" ? { dryRun: ["All"] } : {};
  if (flags["disable-eviction"]) {
    await session.api.call({
      method: "DELETE",
      path,
      body: { apiVersion: "v1", kind: "DeleteOptions", ...grace, ...kept },
      signal,
    });
  } else {
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, namespace },
      deleteOptions: { ...grace, ...kept },
    };
    if (!(await evict(session, `${path}/eviction`, eviction, { name, namespace, signal, dryRun }))) return;
  }
  if (dryRun === "server") return;
  await gone(session, path, uid, flags, signal);
  session.say(`pod/${name} ${flags["disable-eviction"] ? "deleted" : "evicted"}`);
}

/** Asks until the disruption budget allows it; false when the pod is gone already. */
async function evict(
  session: Session,
  path: string,
  eviction: object,
  options: { readonly name: string; readonly namespace: string; readonly signal: AbortSignal; readonly dryRun: DryRun },
): Promise<boolean> {
  const { name, namespace, signal, dryRun } = options;
  for (;;) {
    session.say(`evicting pod ${namespace}/${name}${dryRunNote(dryRun)}`);
    try {
      await session.api.call({ method: "POST", path, body: eviction, signal });
      return true;
    } catch (error) {
      if (isStatus(error, "NotFound")) return false;
      if (!isStatus(error, "TooManyRequests")) throw error;
      session.complain(
        `error when evicting pods/${JSON.stringify(name)} -n ${JSON.stringify(namespace)} (will retry after 5s): ${(error as Error).message}`,
      );
    }
    await session.host.clock.sleep(retryAfter, signal);
  }
}

/** Waits until the very pod is there no more. */
async function gone(
  session: Session,
  path: string,
  uid: string | undefined,
  flags: DrainFlags,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      const { metadata } = await session.api.call<AnyObject>({ path, signal });
      if (metadata.uid !== uid) return;
      const patience = flags["skip-wait-for-delete-timeout"];
      const since = metadata.deletionTimestamp;
      if (patience > 0 && typeof since === "string" && session.host.clock.now() - Date.parse(since) > patience * 1000)
        return;
    } catch (error) {
      if (isStatus(error, "NotFound")) return;
      throw error;
    }
    await session.host.clock.sleep(lookEvery, signal);
  }
}
