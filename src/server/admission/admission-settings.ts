import { Fault } from "../../lib/fault.ts";
import { parseYaml } from "../../machinery/codec-yaml.ts";
import type { EventLimit, EventLimitType } from "./event-rate-limit.ts";
import type { NodeSelectors } from "./optional-plugins.ts";
import { type PodSecurityOptions, usualPodSecurity } from "./pod-security/pod-security.ts";
import { type LevelVersion, latest, parseSecurityVersion, securityLevels } from "./pod-security/security-level.ts";
import type { LimitedResource } from "./resource-quota.ts";

/** Which plugins run and how, as kube-apiserver's flags and its AdmissionConfiguration say. */
export interface AdmissionSettings {
  /** Names of plugins that are off by default; `--enable-admission-plugins`. */
  readonly enable?: readonly string[];
  /** `--disable-admission-plugins`. */
  readonly disable?: readonly string[];
  readonly configuration?: AdmissionConfiguration;
}

/** What the file of `--admission-control-config-file` says, as far as a plugin of ours reads it. */
export interface AdmissionConfiguration {
  readonly podSecurity?: PodSecurityOptions;
  readonly eventLimits?: readonly EventLimit[];
  readonly nodeSelectors?: NodeSelectors;
  readonly limitedResources?: readonly LimitedResource[];
}

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const texts = (value: unknown): readonly string[] => list(value).map(String);
const wrong = (text: string) => new Fault("invalid", `admission configuration: ${text}`);

/**
 * Reads an AdmissionConfiguration; `read` gives the files that it names. Throws Fault `invalid` for what makes no sense,
 * naming the plugin.
 */
export function readAdmissionConfiguration(text: string, read: (file: string) => string): AdmissionConfiguration {
  const document = record(parseYaml(text));
  if (document.kind !== "AdmissionConfiguration")
    throw wrong(`kind must be AdmissionConfiguration, not ${document.kind}`);
  const readers: Readonly<Record<string, (settings: Json) => AdmissionConfiguration>> = {
    PodSecurity: (settings) => ({ podSecurity: podSecurityOptions(settings) }),
    EventRateLimit: (settings) => ({ eventLimits: list(settings.limits).map(eventLimit) }),
    PodNodeSelector: (settings) => ({ nodeSelectors: nodeSelectors(settings) }),
    ResourceQuota: (settings) => ({ limitedResources: list(settings.limitedResources).map(limitedResource) }),
  };
  const configuration: AdmissionConfiguration = {};
  for (const entry of list(document.plugins)) {
    const { name, path, configuration: inline } = record(entry);
    const reader = readers[String(name)];
    if (!reader) throw wrong(`plugin ${JSON.stringify(name)} takes no configuration`);
    const settings = typeof path === "string" && path !== "" ? parseYaml(read(path)) : inline;
    Object.assign(configuration, reader(record(settings)));
  }
  return configuration;
}

function podSecurityOptions({ defaults, exemptions }: Json): PodSecurityOptions {
  const said = record(defaults);
  const level = (mode: string): LevelVersion => {
    const name = said[mode] ?? "privileged";
    const version = said[`${mode}-version`] ?? "latest";
    const known = securityLevels.find((one) => one === name);
    const minor = parseSecurityVersion(String(version));
    if (!known) throw wrong(`PodSecurity: defaults.${mode}: must be one of ${securityLevels.join(", ")}`);
    if (minor === undefined) throw wrong(`PodSecurity: defaults.${mode}-version: must be "latest" or "v1.x"`);
    return { level: known, minor: minor ?? latest };
  };
  const exempt = record(exemptions);
  return {
    ...usualPodSecurity,
    defaults: { enforce: level("enforce"), audit: level("audit"), warn: level("warn") },
    exemptions: {
      usernames: new Set(texts(exempt.usernames)),
      namespaces: new Set(texts(exempt.namespaces)),
      runtimeClasses: new Set(texts(exempt.runtimeClasses)),
    },
  };
}

const limitTypes: readonly EventLimitType[] = ["Server", "Namespace", "User", "SourceAndObject"];

function eventLimit(value: unknown): EventLimit {
  const { type, qps, burst, cacheSize } = record(value);
  const known = limitTypes.find((one) => one === type);
  if (!known) throw wrong(`EventRateLimit: type must be one of ${limitTypes.join(", ")}`);
  if (!(Number(qps) > 0 && Number(burst) > 0)) throw wrong("EventRateLimit: qps and burst must be positive");
  return {
    type: known,
    qps: Number(qps),
    burst: Number(burst),
    ...(cacheSize ? { cacheSize: Number(cacheSize) } : {}),
  };
}

function nodeSelectors(settings: Json): NodeSelectors {
  const { clusterDefaultNodeSelector, ...allowed } = record(settings.podNodeSelectorPluginConfig ?? settings);
  return {
    ...(clusterDefaultNodeSelector ? { clusterDefault: String(clusterDefaultNodeSelector) } : {}),
    allowed: Object.fromEntries(Object.entries(allowed).map(([name, value]) => [name, String(value)])),
  };
}

function limitedResource(value: unknown): LimitedResource {
  const { apiGroup, resource, matchContains } = record(value);
  return { group: String(apiGroup ?? ""), resource: String(resource), matchContains: texts(matchContains) };
}
