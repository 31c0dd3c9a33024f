import { Pod } from "../../api/core/pod.ts";
import type { Client } from "../../client/client.ts";
import { keyOf } from "../../machinery/object.ts";
import { definePlugin } from "../framework/plugin.ts";

/** Tells the API server where a pod goes. */
export function defaultBinder(client: Client) {
  return definePlugin({
    name: "DefaultBinder",
    retryOn: [],
    async bind(pod, node) {
      const { name, namespace, uid } = pod.metadata;
      await client.createSubresource(Pod, keyOf(pod), "binding", {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: node },
      });
      return true;
    },
  });
}
