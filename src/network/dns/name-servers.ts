import { isIP } from "node:net";
import { errorMessage } from "../../lib/fault.ts";
import type { ObjectMetaInput } from "../proxy/service-input.ts";
import type { Upstream } from "./forwarder.ts";

/** The parts of a v1 ConfigMap that say whom to ask. */
export interface DnsConfigInput {
  readonly metadata?: ObjectMetaInput;
  readonly data?: Readonly<Record<string, string>>;
}

/** The ConfigMap by which Kubernetes' DNS has been told so since 1.6. */
export const dnsConfigMap = { namespace: "kube-system", name: "kube-dns" } as const;

/** Name servers for what the cluster does not know itself. */
export interface NameServers {
  /** For everything else; undefined: those that are asked without a ConfigMap. */
  readonly upstreams?: readonly Upstream[];
  readonly stubDomains: Readonly<Record<string, readonly Upstream[]>>;
  /** What could not be read, for the log. */
  readonly faults: readonly string[];
}

/**
 * Reads `stubDomains`, as `{"acme.local": ["192.0.2.1", "192.0.2.2:5353"]}`, and `upstreamNameservers`, as `["192.0.2.53"]`.
 * What cannot be read counts as not said. Pure.
 */
export function nameServersOf({ data = {} }: DnsConfigInput): NameServers {
  const faults: string[] = [];
  const read = (key: string): unknown => {
    const text = data[key];
    if (text === undefined || text.trim() === "") return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      faults.push(`${key}: ${errorMessage(error)}`);
      return undefined;
    }
  };
  const serversIn = (key: string, listed: unknown): Upstream[] => {
    if (!Array.isArray(listed)) {
      faults.push(`${key}: not a list of addresses`);
      return [];
    }
    return listed.flatMap((text: unknown) => {
      const server = typeof text === "string" ? serverOf(text) : undefined;
      if (!server) faults.push(`${key}: ${JSON.stringify(text)} is not an address with or without a port`);
      return server ?? [];
    });
  };
  const stubDomains: Record<string, readonly Upstream[]> = {};
  const stubs = read("stubDomains");
  if (typeof stubs === "object" && stubs !== null && !Array.isArray(stubs)) {
    for (const [domain, listed] of Object.entries(stubs)) {
      const servers = serversIn("stubDomains", listed);
      if (servers.length > 0) stubDomains[domain.toLowerCase().replace(/\.$/, "")] = servers;
    }
  } else if (stubs !== undefined) faults.push("stubDomains: not a map of domains");
  const listed = read("upstreamNameservers");
  const upstreams = listed === undefined ? [] : serversIn("upstreamNameservers", listed);
  return { ...(upstreams.length > 0 ? { upstreams } : {}), stubDomains, faults };
}

function serverOf(text: string): Upstream | undefined {
  if (isIP(text)) return { address: text, port: 53 };
  const [, sixth, fourth, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = sixth ?? fourth ?? "";
  return isIP(address) && Number(port) > 0 && Number(port) < 65_536 ? { address, port: Number(port) } : undefined;
}
