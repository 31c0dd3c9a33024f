import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import type { Cache } from "../framework/controller.ts";
import type { Collector, Followed } from "./collector.ts";

/** The kind that a definition brings, in its stored version; undefined while it is not served. */
export function customKind({ spec, status }: CustomResourceDefinition): KindRef<KubeObject> | undefined {
  const established = status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
  const version =
    spec.versions.find((each) => each.storage && each.served) ?? spec.versions.find((each) => each.served);
  if (!established || !version) return undefined;
  const { kind, plural } = spec.names;
  return { group: spec.group, version: version.name, kind, plural, namespaced: spec.scope === "Namespaced" };
}

/** Follows the custom resources that the definitions bring, each in the version that is served, until disposed. */
export function followCustomKinds(cache: Cache, collector: Collector): Disposable {
  const followed = new Map<string, { readonly kind: KindRef<KubeObject>; readonly following: Followed }>();
  const leave = (uid: string, options: { readonly gone: boolean }) => {
    const known = followed.get(uid);
    if (!known) return;
    followed.delete(uid);
    known.following.leave(options);
    cache.forget(known.kind);
  };
  const update = (definition: CustomResourceDefinition) => {
    const { uid } = definition.metadata;
    const kind = customKind(definition);
    const known = followed.get(uid);
    if (known && kind && known.kind.version === kind.version) return;
    leave(uid, { gone: false });
    const following = kind && collector.follow(kind);
    if (following) followed.set(uid, { kind, following });
  };
  const subscription = cache.informer(CustomResourceDefinition).on({
    added: update,
    updated: update,
    // It goes when none of its objects is left; their own deletions may be told later than its.
    deleted: ({ metadata }) => leave(metadata.uid, { gone: true }),
  });
  return {
    [Symbol.dispose]: () => {
      subscription[Symbol.dispose]();
      for (const { following } of followed.values()) following[Symbol.dispose]();
    },
  };
}
