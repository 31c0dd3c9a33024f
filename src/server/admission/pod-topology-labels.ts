import { Node } from "../../api/core/node.ts";
import type { Pod } from "../../api/core/pod.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import type { AdmissionPlugin } from "./admission.ts";

const topology = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/** A pod learns from its labels which zone and region its node is in, as soon as it has one. */
export function podTopologyLabels(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(Node);
  const labelled = async (object: AnyObject, node: string): Promise<AnyObject> => {
    await cache.start();
    const known = objectOf<Node>(cache.get(resource.key(undefined, node)))?.metadata.labels ?? {};
    const labels = Object.fromEntries(topology.flatMap((key) => (known[key] ? [[key, known[key]]] : [])));
    if (Object.keys(labels).length === 0) return object;
    return { ...object, metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } } };
  };
  return {
    name: "PodTopologyLabels",
    handles: ({ operation, group, resource: plural, subresource }) =>
      operation === "CREATE" && group === "" && plural === "pods" && (subresource === "" || subresource === "binding"),
    mutate(object, _previous, { body }) {
      const { target } = object as AnyObject & { readonly target?: { readonly name?: string } };
      const name = body ? target?.name : (object as AnyObject as unknown as Pod).spec.nodeName;
      return name ? labelled(object, name) : object;
    },
  };
}
