import { IngressClass } from "../../api/networking/ingress-class.ts";
import { StorageClass } from "../../api/storage/storage-class.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { AdmissionPlugin } from "./admission.ts";

/** Claims and ingresses that name no class get the one that is marked as the default. */
export function defaultClasses(registry: Registry): readonly AdmissionPlugin[] {
  return [
    classPlugin(registry, {
      name: "DefaultStorageClass",
      of: { group: "", resource: "persistentvolumeclaims" },
      classes: StorageClass,
      mark: "storageclass.kubernetes.io/is-default-class",
      member: "storageClassName",
      legacy: "volume.beta.kubernetes.io/storage-class",
    }),
    classPlugin(registry, {
      name: "DefaultIngressClass",
      of: { group: "networking.k8s.io", resource: "ingresses" },
      classes: IngressClass,
      mark: "ingressclass.kubernetes.io/is-default-class",
      member: "ingressClassName",
      legacy: "kubernetes.io/ingress.class",
    }),
  ];
}

interface ClassRule {
  readonly name: string;
  readonly of: { readonly group: string; readonly resource: string };
  readonly classes: KindRef<unknown>;
  readonly mark: string;
  readonly member: string;
  /** The annotation that named a class before there was a field. */
  readonly legacy: string;
}

function classPlugin(registry: Registry, rule: ClassRule): AdmissionPlugin {
  const { cache, resource } = registry.of(rule.classes);
  return {
    name: rule.name,
    handles: ({ operation, group, resource: plural, subresource }) =>
      operation === "CREATE" && group === rule.of.group && plural === rule.of.resource && subresource === "",
    async mutate(object) {
      const spec = (object.spec ?? {}) as Readonly<Record<string, unknown>>;
      const chosen = spec[rule.member];
      if ((chosen !== undefined && chosen !== null) || object.metadata.annotations?.[rule.legacy] !== undefined)
        return object;
      await cache.start();
      const marked: KubeObject[] = [];
      for (const held of cache.range(resource.range)) {
        if (held.object.metadata.annotations?.[rule.mark] === "true") marked.push(held.object);
      }
      // The newest counts when several are marked, by name when they are of one second.
      marked.sort(
        (a, b) =>
          b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) ||
          a.metadata.name.localeCompare(b.metadata.name),
      );
      const [newest] = marked;
      return newest ? ({ ...object, spec: { ...spec, [rule.member]: newest.metadata.name } } as AnyObject) : object;
    },
  };
}
