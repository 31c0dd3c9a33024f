import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { Event } from "../../api/core/event.ts";
import type { Kind } from "../../api/kind.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { defineLoop, type ReconcileContext } from "../framework/controller.ts";
import { Collector } from "./collector.ts";
import { followCustomKinds } from "./custom-kinds.ts";
import { graphSelection } from "./graph.ts";

/** As upstream. */
const workers = 20;

/** Whether objects of a kind are kept, listed and deleted, as opposed to kinds that only come and go as bodies. */
export function isDeletable({ declaration: { verbs } }: Kind): boolean {
  return !verbs || (["list", "watch", "delete"] as const).every((verb) => verbs.includes(verb));
}

/** Whether objects of a kind can be owned. Events own nothing and are not owned. */
export function isCollectable(kind: Kind): boolean {
  return isDeletable(kind) && !(kind.group === "" && kind.kind === Event.kind);
}

/** Deletes objects whose owners are gone, of these kinds and of every custom resource. */
export function garbageCollector(kinds: readonly KindRef<KubeObject>[]) {
  return defineLoop({
    name: "garbagecollector",
    serviceAccount: "generic-garbage-collector",
    eventSource: "garbage-collector-controller",
    // Nothing may be called ownerless before all owners were listed.
    reads: kinds,
    selection: graphSelection,
    run: (context) => collect(kinds, context),
  });
}

async function collect(kinds: readonly KindRef<KubeObject>[], context: ReconcileContext): Promise<void> {
  const { signal, cache } = context;
  const collector = new Collector(context);
  using following = new DisposableStack();
  following.use(collector.queue);
  const stop = () => collector.queue[Symbol.dispose]();
  signal.addEventListener("abort", stop, { once: true });
  for (const kind of kinds) following.use(collector.follow(kind));
  if (kinds.some(({ kind }) => kind === CustomResourceDefinition.kind)) {
    following.use(followCustomKinds(cache, collector));
  }
  await Promise.all(Array.from({ length: workers }, () => collector.work()));
  signal.removeEventListener("abort", stop);
}
