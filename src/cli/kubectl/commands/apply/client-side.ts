import { isStatus, StatusError } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { goJson } from "../../output/json.ts";
import type { Query } from "../../resources/api.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import type { ManifestTarget } from "../../resources/selection.ts";
import { type ThreeStates, threeWayMergePatch, threeWayStrategicPatch } from "../../resources/three-way.ts";
import { createCall, type DryRun, lastApplied, withLastApplied, withSource } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";

export interface ApplyOptions {
  readonly dryRun: DryRun;
  readonly query: Query;
  /** Deletes and makes anew what cannot be changed. */
  readonly force: boolean;
  /** Milliseconds that what is deleted has to go; 0 or nothing is for ever. */
  readonly timeout?: number;
  /** What the file says wins over what somebody else wrote since. */
  readonly overwrite: boolean;
  /** Only looks what would come of it: says nothing, and makes what is not there without the annotation. */
  readonly trial?: boolean;
}

/** What became of an object. */
export interface Applied {
  readonly object: AnyObject;
  readonly done: "created" | "configured" | "unchanged" | "serverside-applied";
}

/** How often a write that came too late is tried again. */
const attempts = 5;

/** Applies one object by comparing what was applied last, what is applied now and what the server holds. */
export async function applyClientSide(
  session: Session,
  target: ManifestTarget,
  options: ApplyOptions,
): Promise<Applied> {
  const { resource, source, object } = target;
  const path = pathOf(resource, target);
  const modified = await withLastApplied(object);
  for (let attempt = 1; ; attempt++) {
    let current: AnyObject;
    try {
      current = await session.api.call<AnyObject>({ path });
    } catch (error) {
      if (!isStatus(error, "NotFound")) {
        throw withSource(error, `retrieving current configuration of:\n${describe(target)}\nfrom server for:`, source);
      }
      return await createIt(session, target, options.trial ? object : modified, options);
    }
    const before = current.metadata.annotations?.[lastApplied];
    if (before === undefined && attempt === 1 && !options.trial) {
      session.warn(
        `resource ${resource.plural}/${target.name} is missing the ${lastApplied} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.`,
      );
    }
    if (options.dryRun === "client") return { object: merged(modified, current), done: "configured" };
    const original = before === undefined ? {} : parseApplied(before, target);
    const { patch, contentType } = await patchFor({ original, modified, current }, object);
    if (Object.keys(patch).length === 0) return { object: current, done: "unchanged" };
    try {
      const patched = await session.api.call<AnyObject>({
        method: "PATCH",
        path,
        query: options.query,
        contentType,
        body: patch,
      });
      warnIfDeleting(session, patched);
      return { object: patched, done: "configured" };
    } catch (error) {
      if (isStatus(error, "Conflict") && attempt < attempts) continue;
      if (
        options.force &&
        error instanceof StatusError &&
        (error.reason === "Conflict" || error.reason === "Invalid")
      ) {
        return await replaceIt(session, target, modified, options);
      }
      const inner = withSource(error, "patching", source);
      throw withSource(inner, `applying patch:\n${goJson(patch)}\nto:\n${describe(target)}\nfor:`, source);
    }
  }
}

async function createIt(
  session: Session,
  target: ManifestTarget,
  modified: AnyObject,
  options: ApplyOptions,
): Promise<Applied> {
  if (options.dryRun === "client") return { object: modified, done: "created" };
  try {
    const made = await session.api.call<AnyObject>(createCall(target.resource, modified, options.query));
    return { object: made, done: "created" };
  } catch (error) {
    throw withSource(error, "creating", target.source);
  }
}

async function replaceIt(
  session: Session,
  target: ManifestTarget,
  modified: AnyObject,
  options: ApplyOptions,
): Promise<Applied> {
  const path = pathOf(target.resource, target);
  const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
  const { metadata } = await session.api.call<AnyObject>({ path });
  await session.api.call({ method: "DELETE", path, body });
  const { waitGone } = await import("../../resources/gone.ts");
  const info = { ...target, object: modified };
  await waitGone(session, [{ info, uid: metadata.uid ?? "" }], {
    timeout: options.timeout || 168 * 3_600_000,
  });
  const made = await session.api.call<AnyObject>(createCall(target.resource, modified, options.query));
  return { object: made, done: "configured" };
}

/** Built-in types merge by what is known of their fields, others as plain JSON. */
async function patchFor(states: ThreeStates, object: AnyObject) {
  const { knownType } = await import("../../resources/known-type.ts");
  const type = knownType(object.apiVersion, object.kind);
  return type
    ? { patch: threeWayStrategicPatch(type, states), contentType: "application/strategic-merge-patch+json" }
    : { patch: threeWayMergePatch(states), contentType: "application/merge-patch+json" };
}

function parseApplied(text: string, target: ManifestTarget): AnyObject {
  try {
    const { metadata, ...rest } = JSON.parse(text) as AnyObject;
    // The annotation does not hold itself; what it says of annotations counts all the same.
    return { ...rest, metadata } as AnyObject;
  } catch (error) {
    throw new CommandError(`the ${lastApplied} annotation of ${target.name} is no JSON: ${(error as Error).message}`);
  }
}

/** What the object would be called with and hold if the client alone decided. */
function merged(modified: AnyObject, current: AnyObject): AnyObject {
  const { annotations, labels } = modified.metadata;
  return {
    ...current,
    ...modified,
    metadata: {
      ...current.metadata,
      ...modified.metadata,
      ...(annotations ? { annotations: { ...current.metadata.annotations, ...annotations } } : {}),
      ...(labels ? { labels: { ...current.metadata.labels, ...labels } } : {}),
    },
  };
}

/** Tells of a change to what is going away. */
export function warnIfDeleting(session: Session, object: AnyObject): void {
  if (!object.metadata.deletionTimestamp) return;
  session.warn(`Detected changes to resource ${object.metadata.name} which is currently being deleted.`);
}

function describe({ resource, name, namespace }: ManifestTarget): string {
  const { group, version, plural, kind } = resource;
  const where = `${group}/${version}`;
  return `Resource: "${where}, Resource=${plural}", GroupVersionKind: "${where}, Kind=${kind}"\nName: "${name}", Namespace: "${namespace}"`;
}
