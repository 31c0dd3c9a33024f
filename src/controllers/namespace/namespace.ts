import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { APIService } from "../../api/apiregistration/api-service.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { Pod } from "../../api/core/pod.ts";
import { Fault } from "../../lib/fault.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { type Cache, defineController, done, watches } from "../framework/controller.ts";
import { customKind } from "../garbage-collector/custom-kinds.ts";
import { deletionConditions, terminating } from "./conditions.ts";
import { clear } from "./contents.ts";

const finalizer = "kubernetes";

/** Empties namespaces that are being deleted, of these kinds and of all custom resources, and then lets them go. */
export function namespaceController(kinds: readonly KindRef<KubeObject>[]) {
  const namespaced = kinds.filter((kind) => kind.namespaced);
  return defineController({
    name: "namespace",
    for: Namespace,
    watches: [
      // The next step waits for the last pod to be gone.
      watches(Pod, ({ metadata: { namespace } }, _previous, cache) =>
        cache.get(Namespace, { name: namespace })?.metadata.deletionTimestamp ? [{ name: namespace }] : [],
      ),
    ],
    reads: [CustomResourceDefinition, APIService] as readonly unknown[] as readonly KindRef<KubeObject>[],
    workers: 10,
    async reconcile({ name }, { cache, client, clock }) {
      const known = cache.get(Namespace, { name });
      const { deletionTimestamp } = known?.metadata ?? {};
      if (!known || !deletionTimestamp || !known.spec?.finalizers?.includes(finalizer)) return done;
      const since = { deletedAt: Date.parse(deletionTimestamp), now: clock.now() };
      const undiscovered = brokenServices(cache);
      const remains = { ...(await clear(client, [...namespaced, ...customKinds(cache)], name, since)), undiscovered };
      const { estimate, failures, counts } = remains;

      const before = known.status?.conditions ?? [];
      const conditions = deletionConditions(before, remains, clock.now());
      const current =
        conditions === before && known.status?.phase === "Terminating"
          ? known
          : await client.updateStatus(Namespace, terminating(known, conditions));
      if (failures.length > 0) throw new Fault("unavailable", failures.join("; "));
      if (undiscovered.length > 0) throw new Fault("unavailable", `discovery failed: ${undiscovered.join(", ")}`);
      if (counts.size > 0) return { requeueAfter: (Math.floor(estimate / 2) + 1) * 1000 };

      const finalizers = (current.spec?.finalizers ?? []).filter((each) => each !== finalizer);
      await client.updateSubresource(Namespace, { name }, "finalize", { ...current, spec: { finalizers } });
      return done;
    },
  });
}

function customKinds(cache: Cache): readonly KindRef<KubeObject>[] {
  return cache.list(CustomResourceDefinition).flatMap((definition) => {
    const kind = customKind(definition);
    return kind?.namespaced ? [kind] : [];
  });
}

/** Groups served by somebody else who does not answer: what they hold in the namespace cannot be known. */
function brokenServices(cache: Cache): readonly string[] {
  return cache.list(APIService).flatMap(({ spec, status }) => {
    const available = status?.conditions?.find(({ type }) => type === "Available");
    if (!spec?.service || available?.status !== "False") return [];
    return [
      `${spec.group}/${spec.version}: ${available.message ?? "the server is currently unable to handle the request"}`,
    ];
  });
}
