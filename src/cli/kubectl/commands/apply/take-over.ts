import { isStatus } from "../../../../machinery/status-error.ts";
import { goJson } from "../../output/json.ts";
import type { Query } from "../../resources/api.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import type { ManifestTarget } from "../../resources/selection.ts";
import { lastApplied } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";

interface Owner {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1?: Fields;
}

interface Fields {
  readonly [path: string]: Fields;
}

const attempts = 5;

/**
 * Makes what earlier client-side applies own the server-side manager's, so that a field that left the manifest goes. Resolves
 * with true when there was something to take over. Throws StatusError.
 */
export async function takeOverFields(
  session: Session,
  target: ManifestTarget,
  applied: AnyObject,
  { query, manager }: { readonly query: Query; readonly manager: string },
): Promise<boolean> {
  const path = pathOf(target.resource, target);
  let object = applied;
  const from = clientSideManagers(ownersOf(applied));
  for (let attempt = 1; ; attempt++) {
    const next = ownersAfter(ownersOf(object), from, manager);
    if (!next) return false;
    const body = [
      { op: "replace", path: "/metadata/managedFields", value: next },
      { op: "replace", path: "/metadata/resourceVersion", value: object.metadata.resourceVersion },
    ];
    try {
      const { dryRun } = query;
      await session.api.call({
        method: "PATCH",
        path,
        query: { dryRun },
        contentType: "application/json-patch+json",
        body,
      });
      return true;
    } catch (error) {
      if (!isStatus(error, "Conflict") || attempt >= attempts) throw error;
      object = await session.api.call<AnyObject>({ path });
    }
  }
}

/** Keeps the annotation of client-side applies up to date where there is one, as its own manager. Throws StatusError. */
export async function keepLastApplied(
  session: Session,
  target: ManifestTarget,
  applied: AnyObject,
  { query, force }: { readonly query: Query; readonly force: boolean },
): Promise<void> {
  const written = `${goJson(target.object)}\n`;
  const { name, namespace } = applied.metadata;
  const body = {
    apiVersion: applied.apiVersion,
    kind: applied.kind,
    metadata: { name, namespace, annotations: { [lastApplied]: written } },
  };
  await session.api.call({
    method: "PATCH",
    path: pathOf(target.resource, target),
    query: { dryRun: query.dryRun, fieldManager: "kubectl-last-applied", force },
    contentType: "application/apply-patch+yaml",
    body: new TextEncoder().encode(goJson(body)),
  });
}

const ownersOf = ({ metadata }: AnyObject) => (metadata.managedFields ?? []) as readonly Owner[];

/** Those who wrote the annotation of client-side applies. */
const clientSideManagers = (owners: readonly Owner[]) =>
  new Set(owners.filter(ownsLastApplied).map(({ manager }) => manager));

/** Who owns what once the server-side manager has all that these had; undefined when they had nothing. */
function ownersAfter(
  owners: readonly Owner[],
  from: ReadonlySet<string | undefined>,
  manager: string,
): readonly Owner[] | undefined {
  const before = owners.filter((one) => isUpdate(one) && from.has(one.manager));
  const [first] = before;
  if (!first) return undefined;
  const isOurs = (one: Owner) => one.operation === "Apply" && one.manager === manager && !one.subresource;
  const ours = owners.find(isOurs) ?? first;
  const fieldsV1 = [ours, ...before].map((one) => one.fieldsV1 ?? {}).reduce(union);
  const merged = { ...ours, manager, operation: "Apply", fieldsV1 };
  return owners.flatMap((one) => (one === ours ? [merged] : before.includes(one) ? [] : [one]));
}

const isUpdate = ({ operation, subresource }: Owner) => operation === "Update" && !subresource;

function ownsLastApplied(owner: Owner): boolean {
  return isUpdate(owner) && owner.fieldsV1?.["f:metadata"]?.["f:annotations"]?.[`f:${lastApplied}`] !== undefined;
}

function union(a: Fields, b: Fields): Fields {
  const joined: Record<string, Fields> = { ...a };
  for (const [path, fields] of Object.entries(b)) joined[path] = union(a[path] ?? {}, fields);
  return joined;
}
