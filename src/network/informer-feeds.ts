import { Namespace } from "../api/core/namespace.ts";
import { Node } from "../api/core/node.ts";
import { Pod } from "../api/core/pod.ts";
import { Service } from "../api/core/service.ts";
import { EndpointSlice } from "../api/discovery/endpoint-slice.ts";
import type { Informers } from "../client/client.ts";
import type { NodeNetworkOptions } from "./node-network.ts";

/** The feeds of a node's network out of its informers. Of pods, only those bound to the node are followed. */
export function feedsFromInformers(informers: Informers, nodeName: string): NodeNetworkOptions["feeds"] {
  return {
    services: informers.of(Service),
    endpointSlices: informers.of(EndpointSlice),
    pods: informers.of(Pod, { fieldSelector: `spec.nodeName=${nodeName}` }),
    nodes: informers.of(Node),
    namespaces: informers.of(Namespace),
  };
}
