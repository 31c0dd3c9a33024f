/** What a container's /etc/resolv.conf says. */
export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** The parts of a v1 Pod that its name resolution depends on. */
export interface ResolverPodInput {
  readonly metadata?: { readonly namespace?: string };
  readonly spec?: {
    readonly dnsPolicy?: string;
    readonly hostNetwork?: boolean;
    readonly dnsConfig?: {
      readonly nameservers?: readonly string[];
      readonly searches?: readonly string[];
      readonly options?: readonly { readonly name?: string; readonly value?: string }[];
    };
  };
}

export interface ResolverOptions {
  readonly clusterDomain: string;
  /** The cluster's name servers; none means that every pod uses the host's. */
  readonly clusterDNS: readonly string[];
  /** What the host itself uses. */
  readonly host: ResolverConfig;
}

/** A pod's configuration, and what did not fit in: texts for a `DNSConfigForming` event. */
export interface ResolverResult {
  readonly config: ResolverConfig;
  readonly warnings: readonly string[];
}

const mostNameservers = 3;
const mostSearches = 32;
const longestSearchLine = 2048;

/** The resolver configuration of a pod's containers, by its dnsPolicy and dnsConfig. Pure. */
export function resolvConfFor(pod: ResolverPodInput, options: ResolverOptions): ResolverResult {
  const base = baseConfig(pod, options);
  const own = pod.spec?.dnsConfig;
  const merged: ResolverConfig = {
    nameservers: unique([...base.nameservers, ...(own?.nameservers ?? [])]),
    searches: unique([...base.searches, ...(own?.searches ?? [])]),
    options: mergeOptions(base.options, own?.options ?? []),
  };
  return withinLimits(merged);
}

function baseConfig(pod: ResolverPodInput, { clusterDomain, clusterDNS, host }: ResolverOptions): ResolverConfig {
  const policy = pod.spec?.dnsPolicy ?? "ClusterFirst";
  if (policy === "None") return { nameservers: [], searches: [], options: [] };
  const fromCluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !pod.spec?.hostNetwork);
  if (!fromCluster || clusterDNS.length === 0) return host;
  const namespace = pod.metadata?.namespace ?? "default";
  const searches = clusterDomain ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
  return { nameservers: clusterDNS, searches: unique([...searches, ...host.searches]), options: ["ndots:5"] };
}

/** An option of the pod's own takes the place of one with its name. */
function mergeOptions(
  base: readonly string[],
  own: readonly { readonly name?: string; readonly value?: string }[],
): string[] {
  const merged = new Map(base.map((option) => [option.split(":")[0]!, option]));
  for (const { name, value } of own) if (name) merged.set(name, value ? `${name}:${value}` : name);
  return [...merged.values()];
}

function withinLimits(config: ResolverConfig): ResolverResult {
  const warnings: string[] = [];
  const nameservers = config.nameservers.slice(0, mostNameservers);
  if (nameservers.length < config.nameservers.length) {
    warnings.push(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${nameservers.join(" ")}`,
    );
  }
  const searches: string[] = [];
  let length = 0;
  for (const search of config.searches) {
    length += search.length + (searches.length > 0 ? 1 : 0);
    if (searches.length === mostSearches || length > longestSearchLine) break;
    searches.push(search);
  }
  if (searches.length < config.searches.length) {
    warnings.push(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(" ")}`,
    );
  }
  return { config: { nameservers, searches, options: config.options }, warnings };
}

/** Reads a resolv.conf; of several search lines the last one counts. */
export function parseResolvConf(text: string): ResolverConfig {
  const nameservers: string[] = [];
  let searches: readonly string[] = [];
  const options = new Set<string>();
  for (const line of text.split("\n")) {
    const [word, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (word === "nameserver" && values[0]) nameservers.push(values[0]);
    if (word === "search" || word === "domain")
      searches = values.map((search) => (search === "." ? search : search.replace(/\.$/, "")));
    if (word === "options") for (const option of values) options.add(option);
  }
  return { nameservers, searches, options: [...options] };
}

/** The file's text. */
export function formatResolvConf(config: ResolverConfig): string {
  const lines = [
    ...(config.searches.length > 0 ? [`search ${config.searches.join(" ")}`] : []),
    ...config.nameservers.map((address) => `nameserver ${address}`),
    ...(config.options.length > 0 ? [`options ${config.options.join(" ")}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
