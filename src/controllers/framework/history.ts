import { ControllerRevision } from "../../api/apps/controller-revision.ts";
import type { PodTemplateSpec } from "../../api/generated/core-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { ReconcileContext } from "./controller.ts";
import { claim, controllerOf, controllerReference } from "./ownership.ts";
import { contentHash } from "./template-hash.ts";

export interface HistoryRequest {
  readonly context: ReconcileContext;
  readonly kind: KindRef<KubeObject>;
  readonly owner: KubeObject;
  readonly template: PodTemplateSpec;
  readonly matches: (labels: Readonly<Record<string, string>> | undefined) => boolean;
  /** The label that carries a revision's hash. */
  readonly hashLabel: string;
  readonly collisionCount: number | undefined;
  /** Writes down that the name of a revision was taken by another template. */
  readonly collided: () => Promise<unknown>;
}

/** The revision of an owner's template, and all earlier ones, lowest number first. */
export interface History {
  readonly current: ControllerRevision;
  readonly old: readonly ControllerRevision[];
}

/** What `kubectl rollout undo` lays over the owner to get the template back. */
function dataOf(template: PodTemplateSpec): Readonly<Record<string, unknown>> {
  return { spec: { template: { ...template, $patch: "replace" } } };
}

/** The template that a revision holds. */
export function templateIn({ data }: ControllerRevision): PodTemplateSpec {
  const { spec } = (data ?? {}) as {
    readonly spec?: { readonly template?: PodTemplateSpec & { readonly $patch?: string } };
  };
  const { $patch: _, ...template } = spec?.template ?? {};
  return template;
}

/** Finds the revision of the owner's template and gives it the highest number; makes it if there is none yet. */
export async function syncHistory(request: HistoryRequest): Promise<History> {
  const { context, owner, kind, template } = request;
  const { cache, client } = context;
  const namespace = owner.metadata.namespace ?? "";
  const owned = await claim({
    client,
    kind: ControllerRevision,
    ownerKind: kind,
    owner,
    candidates: [
      ...cache.ownedBy(ControllerRevision, owner.metadata.uid),
      ...cache.orphans(ControllerRevision, namespace),
    ],
    matches: ({ metadata }) => request.matches(metadata.labels),
  });
  const sorted = [...owned].sort((a, b) => a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1));
  const data = dataOf(template);
  const known = sorted.findLast((revision) => isEqual(revision.data, data));
  const old = sorted.filter((revision) => revision !== known);
  const number = (old.at(-1)?.revision ?? 0) + 1;
  if (!known) return { current: await makeRevision(request, data, number), old };
  if (known.revision >= number) return { current: known, old };
  return { current: await client.update(ControllerRevision, { ...known, revision: number }), old };
}

async function makeRevision(request: HistoryRequest, data: HistoryData, revision: number): Promise<ControllerRevision> {
  const { context, owner, kind, template, hashLabel, collisionCount, collided } = request;
  const hash = contentHash(template, collisionCount);
  const name = `${owner.metadata.name.slice(0, 223)}-${hash}`;
  const namespace = owner.metadata.namespace ?? "";
  try {
    return await context.client.create(ControllerRevision, {
      metadata: {
        name,
        namespace,
        labels: { ...template.metadata?.labels, [hashLabel]: hash },
        ...(owner.metadata.annotations ? { annotations: owner.metadata.annotations } : {}),
        ownerReferences: [controllerReference(kind, owner)],
      },
      data,
      revision,
    });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
    const there = await context.client.get(ControllerRevision, { namespace, name });
    if (controllerOf(there)?.uid === owner.metadata.uid && isEqual(there.data, data)) return there;
    await collided();
    throw error;
  }
}

type HistoryData = Readonly<Record<string, unknown>>;

/** Deletes the oldest revisions beyond `limit` that no pod is of. */
export async function trimHistory(
  { client }: ReconcileContext,
  old: readonly ControllerRevision[],
  limit: number,
  inUse: (revision: ControllerRevision) => boolean,
): Promise<void> {
  const free = old.filter((revision) => !inUse(revision));
  for (const revision of free.slice(0, Math.max(0, free.length - limit))) {
    try {
      await client.delete(ControllerRevision, keyOf(revision));
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}
