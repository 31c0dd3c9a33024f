import { existsSync, readFileSync } from "node:fs";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import { follow, type ObjectFeed } from "../feed.ts";
import { openListeningPairs } from "../machine/sockets.ts";
import { Forwarder, type Upstream } from "./forwarder.ts";
import { type DnsConfigInput, nameServersOf } from "./name-servers.ts";
import { parseResolvConf, type ResolverConfig } from "./resolv-conf.ts";
import { openDnsServer } from "./server.ts";
import { Zone } from "./zone.ts";
import type { DnsEndpointSliceInput, DnsPodInput, DnsServiceInput } from "./zone-input.ts";

/** What names are made from. Pods are followed only to verify their names, namespaces only to know empty ones. */
export interface DnsFeeds {
  readonly services: ObjectFeed<DnsServiceInput>;
  readonly endpointSlices: ObjectFeed<DnsEndpointSliceInput>;
  readonly allPods?: ObjectFeed<DnsPodInput>;
  readonly namespaces?: ObjectFeed<{ readonly metadata?: { readonly name?: string } }>;
  /** The ConfigMap that names servers outside, if there is one. */
  readonly dnsConfig?: ObjectFeed<DnsConfigInput>;
}

export interface ClusterDnsOptions {
  readonly feeds: DnsFeeds;
  readonly domain: string;
  /** Addresses to serve on; they must exist on this node. */
  readonly addresses: readonly string[];
  readonly port?: number;
  /** How to reach the network namespace of the addresses, when it is not this process's. */
  readonly execPrefix?: readonly string[];
  readonly upstreams: readonly Upstream[];
  readonly stubDomains?: Readonly<Record<string, readonly Upstream[]>>;
  readonly reverseRanges: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** Serves the cluster's names on a node; questions wait until it knows all names. */
export async function openClusterDns(options: ClusterDnsOptions): Promise<AsyncDisposable> {
  const { feeds, clock, random, log, metrics } = options;
  const stack = new AsyncDisposableStack();
  try {
    const zone = new Zone({
      domain: options.domain,
      serverAddresses: options.addresses,
      pods: feeds.allPods ? "verified" : "insecure",
    });
    stack.use(
      follow(
        feeds.services,
        (service) => zone.setService(service),
        (service) => zone.deleteService(service),
      ),
    );
    stack.use(
      follow(
        feeds.endpointSlices,
        (slice) => zone.setSlice(slice),
        (slice) => zone.deleteSlice(slice),
      ),
    );
    if (feeds.allPods)
      stack.use(
        follow(
          feeds.allPods,
          (pod) => zone.setPod(pod),
          (pod) => zone.deletePod(pod),
        ),
      );
    if (feeds.namespaces) {
      stack.use(
        follow(
          feeds.namespaces,
          ({ metadata }) => zone.setNamespace(metadata?.name ?? ""),
          ({ metadata }) => zone.deleteNamespace(metadata?.name ?? ""),
        ),
      );
    }
    const sockets = await openListeningPairs(options.addresses, options.port ?? 53, options.execPrefix);
    const { upstreams, stubDomains, reverseRanges } = options;
    const forwarder = new Forwarder({ upstreams, stubDomains, clock, random });
    const known = [feeds.services, feeds.endpointSlices, feeds.allPods, feeds.namespaces];
    const whenReady = Promise.all(known.map((feed) => feed?.synced()));
    const server = openDnsServer({ sockets, zone, forwarder, reverseRanges, clock, random, log, metrics, whenReady });
    stack.use(server);
    if (feeds.dnsConfig) {
      const use = (config: DnsConfigInput) => {
        const said = nameServersOf(config);
        for (const fault of said.faults) log.warn("the name servers outside could not be read", { fault });
        forwarder.use({ upstreams: said.upstreams ?? upstreams, stubDomains: { ...stubDomains, ...said.stubDomains } });
        server.findLoops();
      };
      stack.use(follow(feeds.dnsConfig, use, () => use({})));
    }
    const opened = stack.move();
    return { [Symbol.asyncDispose]: () => opened.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/**
 * The machine's own resolver configuration. systemd's stub on 127.0.0.53 cannot be reached from pods, so the file with
 * the servers behind it is read instead.
 */
export function hostResolverConfig(
  file = "/etc/resolv.conf",
  behindStub = "/run/systemd/resolve/resolv.conf",
): ResolverConfig {
  const config = existsSync(file)
    ? parseResolvConf(readFileSync(file, "utf8"))
    : { nameservers: [], searches: [], options: [] };
  const onlyStub = config.nameservers.length > 0 && config.nameservers.every((address) => address === "127.0.0.53");
  return onlyStub && existsSync(behindStub) ? parseResolvConf(readFileSync(behindStub, "utf8")) : config;
}

/** The servers of a resolver configuration as upstreams. */
export function upstreamsOf(config: ResolverConfig): Upstream[] {
  return config.nameservers.map((address) => ({ address, port: 53 }));
}
