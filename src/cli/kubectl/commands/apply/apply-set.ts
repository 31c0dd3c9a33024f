import { goQuote } from "../../../../lib/go-text.ts";
import { CommandError } from "../../messages.ts";
import type { ApiResource } from "../../resources/discovery.ts";
import { type AnyObject, itemsOf, pathOf } from "../../resources/resource-info.ts";
import type { ManifestTarget } from "../../resources/selection.ts";
import { writeQuery } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { during, type Extent, kindName, type ParentRef, readParent, setId, writeParent } from "./apply-set-parent.ts";
import { type Prunable, type PruneOptions, type Pruning, pruneObject, uidsOf } from "./pruning.ts";

const memberLabel = "applyset.kubernetes.io/part-of";

/** Prunes among the members of a set, whose parent tells where they are (KEP-3659). */
export function applySetPruning(
  session: Session,
  parent: ParentRef,
  options: PruneOptions & { readonly validation: string },
): Pruning {
  const { dryRun, validation } = options;
  let known: Extent = { kinds: new Map(), namespaces: new Set() };
  let applied = known;
  const write = async (extent: Extent) => {
    if (dryRun !== "client") await writeParent(session, parent, extent, writeQuery({ dryRun, validation }));
  };
  return {
    async before(targets) {
      const members = targets.map((target) => asMember(target, setId(parent)));
      known = await readParent(session, parent);
      applied = extentOf(members);
      // Whatever happens on the way, the parent tells of all that may be there.
      await write({
        kinds: new Map([...known.kinds, ...applied.kinds]),
        namespaces: known.namespaces.union(applied.namespaces),
      });
      return members;
    },
    async after(done) {
      for (const prunable of await membersGone(session, parent, known, uidsOf(done))) {
        await during(`pruning ${called(prunable)}`, () => pruneObject(session, prunable, options));
      }
      await during("apply and prune succeeded, but ApplySet update failed", () => write(applied));
    },
  };
}

/** Whoever put the label into a manifest means another set, or somebody else's. Throws CommandError. */
function asMember(target: ManifestTarget, id: string): ManifestTarget {
  const { metadata } = target.object;
  if (metadata.labels?.[memberLabel] !== undefined) {
    throw new CommandError(`ApplySet label ${goQuote(memberLabel)} already set in input data`);
  }
  const labels = { ...metadata.labels, [memberLabel]: id };
  return { ...target, object: { ...target.object, metadata: { ...metadata, labels } } };
}

function extentOf(targets: readonly ManifestTarget[]): Extent {
  return {
    kinds: new Map(targets.map(({ resource }) => [kindName(resource), resource])),
    namespaces: new Set(targets.map(({ namespace }) => namespace).filter(Boolean)),
  };
}

/** The members that are there and were not applied, by kind and namespace. All are found before the first is deleted. */
async function membersGone(
  session: Session,
  parent: ParentRef,
  { kinds, namespaces }: Extent,
  kept: ReadonlySet<string>,
): Promise<readonly Prunable[]> {
  const places = [...kinds]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, resource]) =>
      (resource.namespaced ? [...namespaces].sort() : [""]).map((namespace) => ({ resource, namespace })),
    );
  const lists = await Promise.all(
    places.map(({ resource, namespace }) =>
      during(`listing ${versionedKind(resource)} objects for pruning`, () =>
        session.api.call<AnyObject>({
          path: pathOf(resource, { namespace }),
          query: { labelSelector: `${memberLabel}=${setId(parent)}` },
        }),
      ),
    ),
  );
  return places.flatMap(({ resource }, at) =>
    itemsOf(lists[at]!)
      .filter(({ metadata }) => !kept.has(metadata.uid ?? ""))
      .map((object) => ({ resource, object })),
  );
}

const versionedKind = ({ group, version, kind }: ApiResource) => `${group}/${version}, Kind=${kind}`;

function called({ resource, object }: Prunable): string {
  const { namespace, name } = object.metadata;
  return `${kindName(resource)} ${namespace ? `${namespace}/${name}` : name}`;
}
