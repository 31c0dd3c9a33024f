import { Agent } from "node:https";
import { Node } from "../../api/core/node.ts";
import { notFound, StatusError } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import { objectOf } from "../../registry/watch-cache.ts";

/** How nodes are called: PEM texts, read anew for new connections. */
export interface KubeletOptions {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Where nodes listen that cannot be reached at the address they tell, by name. */
  readonly hosts?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

/** Where a node's agent listens. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
  /** It is this server's configuration, not the node's word. */
  readonly configured: boolean;
}

const preferredTypes = ["InternalIP", "Hostname", "InternalDNS", "ExternalDNS", "ExternalIP"];
const usualPort = 10250;
/** What nodes carry that are only played (docs/simulated-nodes.md). */
const simulatedLabel = "simulated.navarch/node";

/** Knows the way to the agents of nodes, and proves to them who is calling. */
export class NodeDialer {
  readonly tls: KubeletOptions | undefined;
  readonly #registry: Registry;
  #agent: Agent | undefined;
  #cert: string | undefined;

  constructor(registry: Registry, tls: KubeletOptions | undefined) {
    this.#registry = registry;
    this.tls = tls;
  }

  /** Connections to agents; other ones when the client certificate was renewed. */
  get agent(): Agent {
    if (this.#agent && this.tls?.cert === this.#cert) return this.#agent;
    this.#cert = this.tls?.cert;
    // Agents carry certificates for their addresses signed by the cluster's authority; upstream checks no more either.
    const { hosts: _hosts, ...pair } = this.tls ?? {};
    this.#agent = new Agent({ keepAlive: true, ...pair });
    return this.#agent;
  }

  /** Throws NotFound, BadRequest for a node that is only played, or InternalError when the node has not said where it is. */
  async address(name: string): Promise<NodeAddress> {
    const { cache, resource } = this.#registry.of(Node);
    await cache.start();
    const node = objectOf<Node>(cache.get(resource.key(undefined, name)));
    if (!node) throw notFound(resource.name, name);
    const configured = this.tls?.hosts?.[name];
    if (configured) return { ...configured, configured: true };
    const addresses = node.status?.addresses ?? [];
    for (const type of preferredTypes) {
      const found = addresses.find((address) => address.type === type);
      const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || usualPort;
      if (found) return { host: found.address, port, configured: false };
    }
    if (node.metadata.labels?.[simulatedLabel] === "true") {
      throw new StatusError("BadRequest", `node ${name} is simulated: its pods have no containers, only their status`);
    }
    throw new StatusError(
      "InternalError",
      `Internal error occurred: no preferred addresses found; known addresses: []`,
    );
  }

  [Symbol.dispose](): void {
    this.#agent?.destroy();
  }
}
