import type { ApiResource } from "../../resources/discovery.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import type { ManifestTarget } from "../../resources/selection.ts";
import type { DryRun, ResultPrinter } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import type { Applied } from "./client-side.ts";

/** What an apply does beside applying, so that what left the manifests goes. */
export interface Pruning {
  /** Called before anything is applied; gives what is to be applied in the place of these. */
  before(targets: readonly ManifestTarget[]): Promise<readonly ManifestTarget[]>;
  /** Called once everything was applied: deletes what was applied at some time and is not among this. */
  after(done: readonly Done[]): Promise<void>;
}

/** One object that was applied. */
export interface Done {
  readonly target: ManifestTarget;
  readonly applied: Applied;
}

/** How a prune deletes. */
export interface PruneOptions {
  readonly dryRun: DryRun;
  readonly propagationPolicy: string;
  /** Seconds; below 0 leaves it to the object. */
  readonly gracePeriod: number;
  readonly printer: ResultPrinter;
}

/** An object that a prune deletes. */
export interface Prunable {
  readonly resource: ApiResource;
  readonly object: AnyObject;
}

/** Deletes one object and tells of it. Throws StatusError. */
export async function pruneObject(
  session: Session,
  { resource, object }: Prunable,
  { dryRun, propagationPolicy, gracePeriod, printer }: PruneOptions,
): Promise<void> {
  if (dryRun !== "client") {
    await session.api.call({
      method: "DELETE",
      path: pathOf(resource, object.metadata),
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy,
        ...(gracePeriod >= 0 ? { gracePeriodSeconds: gracePeriod } : {}),
        ...(dryRun === "server" ? { dryRun: ["All"] } : {}),
      },
    });
  }
  printer.print(object, "pruned");
}

/** The uids of what was applied. */
export const uidsOf = (done: readonly Done[]): ReadonlySet<string> =>
  new Set(done.map(({ applied }) => applied.object.metadata.uid ?? ""));
