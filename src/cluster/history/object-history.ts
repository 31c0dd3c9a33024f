import type { Transport } from "../../client/transport.ts";
import type { Status } from "../../machinery/generated/meta-v1.ts";
import type { KubeObject } from "../../machinery/object.ts";
import { isStatus, StatusError } from "../../machinery/status-error.ts";
import { callApi } from "../api-call.ts";
import { type FieldChange, fieldChanges, writersOf } from "./field-changes.ts";
import { momentsPath, type ToldMoment } from "./history-paths.ts";

/** Where objects of a kind are: `/apis/apps/v1/namespaces/default/deployments`. */
export type CollectionPath = string;

/** One state that an object went into. */
export interface HistoryStep {
  readonly revision: string;
  /** To within a second, RFC 3339; absent when nobody noted it. */
  readonly time?: string;
  /** `existed` when history begins. */
  readonly event: "existed" | "created" | "changed" | "deleted";
  readonly by: readonly string[];
  readonly changes: readonly FieldChange[];
}

/** The moments that the cluster keeps history of, oldest first. Throws StatusError. */
export async function keptMoments(transport: Transport): Promise<readonly ToldMoment[]> {
  return ((await get(transport, momentsPath)) as { moments: readonly ToldMoment[] }).moments;
}

/** The moment that a time (RFC 3339, or `5m` for five minutes ago) or a revision means. Throws StatusError. */
export async function findMoment(transport: Transport, text: string, now: number): Promise<ToldMoment> {
  const at = agoIn(text, now) ?? text;
  return (await get(transport, `${momentsPath}?at=${encodeURIComponent(at)}`)) as ToldMoment;
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

function agoIn(text: string, now: number): string | undefined {
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)([smh])(?: ago)?$/.exec(text) ?? [];
  return amount === undefined ? undefined : new Date(now - Number(amount) * units[unit]!).toISOString();
}

/** Everything that history knows of one object, oldest first; empty when it never was there. Throws StatusError. */
export async function historyOf(
  transport: Transport,
  collection: CollectionPath,
  name: string,
): Promise<readonly HistoryStep[]> {
  const moments = await keptMoments(transport);
  const oldest = moments[0]!.revision;
  const only = `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  const [now, before] = await Promise.all([
    present(transport, `${collection}/${encodeURIComponent(name)}`),
    objectsAt(transport, collection, oldest, only),
  ]);
  const steps: HistoryStep[] = [];
  const step = (event: HistoryStep["event"], revision: string, last?: KubeObject, next?: KubeObject) => {
    const time = moments.findLast((moment) => BigInt(moment.revision) <= BigInt(revision))?.time;
    steps.push({
      event,
      revision,
      ...(time ? { time } : {}),
      by: event === "deleted" || !next ? [] : writersOf(last?.metadata, next.metadata),
      changes: event === "changed" ? fieldChanges(last, next) : [],
    });
  };
  let [last] = before;
  if (last) step("existed", last.metadata.resourceVersion ?? oldest, undefined, last);
  const end = now?.metadata.resourceVersion;
  if (end !== undefined && last?.metadata.resourceVersion === end) return steps;
  // What is there ends the watch by its revision; for what is gone a second must do.
  const ending = new AbortController();
  const patience = end === undefined ? "&timeoutSeconds=1" : "";
  const path = `${collection}?watch=true&resourceVersion=${oldest}&${only}${patience}`;
  const answer = await transport.send({ method: "GET", path, signal: ending.signal });
  if (answer.status !== 200) throw StatusError.fromStatus((await answer.value()) as Status);
  for await (const { type, object } of answer.events()) {
    if (type === "ERROR") throw StatusError.fromStatus(object as Status);
    if (type === "BOOKMARK") continue;
    const next = object as KubeObject;
    const revision = next.metadata.resourceVersion ?? "";
    step(type === "DELETED" ? "deleted" : last ? "changed" : "created", revision, last, next);
    last = type === "DELETED" ? undefined : next;
    if (revision === end) ending.abort();
  }
  return steps;
}

/** The objects of a collection as they were. Throws StatusError. */
export function objectsAt(
  transport: Transport,
  collection: CollectionPath,
  revision: string,
  query = "",
): Promise<readonly KubeObject[]> {
  const exact = `resourceVersion=${revision}&resourceVersionMatch=Exact`;
  return objectsNow(transport, collection, query ? `${exact}&${query}` : exact);
}

/** The objects of a collection that a query selects, each with its kind. Throws StatusError. */
export async function objectsNow(
  transport: Transport,
  collection: CollectionPath,
  query: string,
): Promise<readonly KubeObject[]> {
  const list = (await get(transport, `${collection}?${query}`)) as {
    readonly apiVersion: string;
    readonly kind: string;
    readonly items: readonly KubeObject[];
  };
  const kind = list.kind.replace(/List$/, "");
  return list.items.map((item) => ({ ...item, apiVersion: list.apiVersion, kind }));
}

async function present(transport: Transport, path: string): Promise<KubeObject | undefined> {
  try {
    return (await get(transport, path)) as KubeObject;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

const get = (transport: Transport, path: string) => callApi(transport, { method: "GET", path });
