import { goQuote } from "../../../../lib/go-text.ts";
import { CommandError } from "../../messages.ts";
import type { ApiResource } from "../../resources/discovery.ts";
import { type AnyObject, itemsOf, pathOf } from "../../resources/resource-info.ts";
import { lastApplied } from "../../resources/writes.ts";
import type { Session } from "../../session.ts";
import { type Prunable, type PruneOptions, type Pruning, pruneObject, uidsOf } from "./pruning.ts";

/** Types that are pruned when none are named: group/version/Kind, those of no namespace at the end. */
const usual = [
  "core/v1/ConfigMap",
  "core/v1/Endpoints",
  "core/v1/PersistentVolumeClaim",
  "core/v1/Pod",
  "core/v1/ReplicationController",
  "core/v1/Secret",
  "core/v1/Service",
  "batch/v1/Job",
  "batch/v1/CronJob",
  "networking.k8s.io/v1/Ingress",
  "apps/v1/DaemonSet",
  "apps/v1/Deployment",
  "apps/v1/ReplicaSet",
  "apps/v1/StatefulSet",
];
const usualOfNoNamespace = ["core/v1/Namespace", "core/v1/PersistentVolume"];

/** The types that a prune looks at. Throws CommandError for one that is not well written. */
export async function prunedTypes(session: Session, named: readonly string[]): Promise<readonly ApiResource[]> {
  const mapper = await session.mapper();
  const types: ApiResource[] = [];
  for (const type of named.length > 0 ? named : [...usual, ...usualOfNoNamespace]) {
    const [group = "", version = "", kind = "", ...more] = type.split("/");
    if (!kind || more.length > 0)
      throw new CommandError(`invalid GroupVersionKind format: ${type}, please follow <group/version/kind>`);
    const apiVersion = group === "core" ? version : `${group}/${version}`;
    const resource = await mapper.kind(apiVersion, kind);
    if (resource) types.push(resource);
    else if (named.length > 0) {
      throw new CommandError(`no matches for kind ${goQuote(kind)} in version ${goQuote(apiVersion)}`);
    }
  }
  return types;
}

/** Prunes among all that was ever applied and has the labels, whatever set of manifests it came from. */
export function labelPruning(
  session: Session,
  types: readonly ApiResource[],
  options: PruneOptions & { readonly selector: string; readonly allowlist: readonly string[] },
): Pruning {
  const { access } = session;
  return {
    before: async (targets) => targets,
    async after(done) {
      if (options.allowlist.length === 0) {
        session.log(
          "W",
          "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag.",
        );
      }
      const asked = access.namespaceGiven ? [access.namespace] : [];
      const namespaces = new Set([...asked, ...done.map(({ target }) => target.namespace)].filter(Boolean));
      const among = { kept: uidsOf(done), namespaces, selector: options.selector };
      for await (const prunable of prunedObjects(session, types, among)) {
        await pruneObject(session, prunable, options);
      }
    },
  };
}

/** What was applied at some time and is not among what is applied now, namespace by namespace, type by type. */
export async function* prunedObjects(
  session: Session,
  types: readonly ApiResource[],
  options: {
    /** The uids of what was just applied. */
    readonly kept: ReadonlySet<string>;
    readonly namespaces: ReadonlySet<string>;
    readonly selector: string;
  },
): AsyncGenerator<Prunable> {
  const places = [
    ...[...options.namespaces].flatMap((namespace) =>
      types.filter(({ namespaced }) => namespaced).map((resource) => ({ resource, namespace })),
    ),
    ...types.filter(({ namespaced }) => !namespaced).map((resource) => ({ resource, namespace: "" })),
  ];
  for (const { resource, namespace } of places) {
    const list = await session.api.call<AnyObject>({
      path: pathOf(resource, { namespace }),
      query: { labelSelector: options.selector },
    });
    for (const object of itemsOf(list)) {
      const { annotations, uid = "" } = object.metadata;
      if (annotations?.[lastApplied] !== undefined && !options.kept.has(uid)) yield { resource, object };
    }
  }
}
