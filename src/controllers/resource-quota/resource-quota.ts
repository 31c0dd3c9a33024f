import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { inScope, resourceCounted, type Usage, usageOf } from "../../api/core/quota-usage.ts";
import { ResourceQuota } from "../../api/core/resource-quota.ts";
import type { Client } from "../../client/client.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type KindRef, type KubeObject, keyOf } from "../../machinery/object.ts";
import { addQuantities } from "../../machinery/quantity.ts";
import { type Cache, defineController, done, watches } from "../framework/controller.ts";
import { customKind } from "../garbage-collector/custom-kinds.ts";

/** What a namespace's objects take from a quota, for each name that it limits. */
export function usedOf(
  quota: ResourceQuota,
  kinds: readonly KindRef<KubeObject>[],
  list: (kind: KindRef<KubeObject>) => readonly KubeObject[],
): Usage {
  const hard = Object.keys(quota.spec.hard ?? {});
  const used: Record<string, string> = Object.fromEntries(hard.map((name) => [name, "0"]));
  const counted = new Set(hard.map(resourceCounted));
  for (const kind of kinds) {
    if (!counted.has(kind.group ? `${kind.plural}.${kind.group}` : kind.plural)) continue;
    for (const object of list(kind)) {
      if (!inScope(quota, kind, object)) continue;
      for (const [name, amount] of Object.entries(usageOf(kind, object))) {
        if (used[name] !== undefined) used[name] = addQuantities(used[name], amount);
      }
    }
  }
  return used;
}

/** Of most kinds only the number counts. */
const measured: ReadonlySet<string> = new Set(["pods", "services", "persistentvolumeclaims"]);

const selectionOf = ({ group, plural }: KindRef<KubeObject>) => ({
  metadataOnly: group !== "" || !measured.has(plural),
});

const specOf = (object: KubeObject) => (object as unknown as ResourceQuota).spec;

/** Nobody tells of what goes among kinds that come and go themselves. */
const customRecount = 10_000;

/** The custom resources that a quota counts, by the names that it has for them. */
function customCounted(
  hard: Readonly<Record<string, string>>,
  definitions: readonly CustomResourceDefinition[],
): ReadonlyMap<string, KindRef<KubeObject>> {
  const found = new Map<string, KindRef<KubeObject>>();
  for (const definition of definitions) {
    const name = `count/${definition.metadata.name}`;
    const kind = hard[name] === undefined ? undefined : customKind(definition);
    if (kind) found.set(name, kind);
  }
  return found;
}

async function countCustom(
  client: Client,
  kinds: ReadonlyMap<string, KindRef<KubeObject>>,
  namespace: string | undefined,
): Promise<Usage> {
  const used: Record<string, string> = {};
  for (const [name, kind] of kinds) {
    const { items } = await client.list(kind, namespace ? { namespace } : {});
    used[name] = String(items.length);
  }
  return used;
}

/** Counts what quotas limit. Admission books what is added; what goes, and what was booked in vain, is set right here. */
export function resourceQuotaController(kinds: readonly KindRef<KubeObject>[]) {
  const counted = kinds.filter(({ namespaced, plural }) => namespaced && plural !== "events");
  return defineController({
    name: "resourcequota",
    for: ResourceQuota,
    // A booking must not be undone by a count that does not know of it yet.
    wakes: (next, previous) => !isEqual(specOf(next), specOf(previous)),
    watches: counted.map((kind) =>
      watches(
        kind,
        (object, previous, cache: Cache, change) => {
          // What is added was booked already, maybe by a request whose object the local copy does not hold yet.
          if (change === "added") return [];
          const quotas = cache.list(ResourceQuota, object.metadata.namespace ?? "");
          if (quotas.length === 0) return [];
          if (previous && isEqual(usageOf(kind, object), usageOf(kind, previous))) return [];
          return quotas.map(keyOf);
        },
        selectionOf(kind),
      ),
    ),
    reads: [CustomResourceDefinition as KindRef<unknown> as KindRef<KubeObject>],
    workers: 5,
    // Bookings of requests that failed later are not seen by anybody.
    resync: 300_000,
    async reconcile(key, { cache, client }) {
      const quota = cache.get(ResourceQuota, key);
      if (!quota) return done;
      const hard = quota.spec.hard ?? {};
      const custom = customCounted(hard, cache.list(CustomResourceDefinition));
      const builtIn = usedOf(quota, counted, (kind) => cache.informer(kind, selectionOf(kind)).list(key.namespace));
      const used = { ...builtIn, ...(await countCustom(client, custom, key.namespace)) };
      if (
        !isEqual({ hard, used }, { hard: quota.status?.hard ?? {}, used: quota.status?.used ?? {} }) ||
        !quota.status
      ) {
        await client.updateStatus(ResourceQuota, { ...quota, status: { hard, used } });
      }
      return custom.size > 0 ? { requeueAfter: customRecount } : done;
    },
  });
}
