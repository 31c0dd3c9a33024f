import { dirname, resolve } from "node:path";
import { errorMessage } from "../../lib/fault.ts";
import { encodeYaml, parseYaml, parseYamlDocuments } from "../../machinery/codec-yaml.ts";
import type { AddOn } from "../add-ons.ts";
import type { ClusterConfig, ConfigWishes, NodeBackend, RuntimeName } from "../config.ts";
import { type Flags, isPathFlag } from "../part-flags.ts";
import { userFile } from "../user-file.ts";
import { checkValue } from "./check.ts";
import { clusterSchema } from "./schema.ts";
import type { SimulatedPart } from "./simulated-part.ts";
import { type Place, yamlPlaces } from "./yaml-places.ts";

/** A cluster as one document; `clusterSchema` says what each field is. */
export interface ClusterDescription {
  readonly apiVersion: "navarch/v1alpha1";
  readonly kind: "Cluster";
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly runtime?: RuntimeName;
    readonly dataDir?: string;
    readonly disabledAddOns?: readonly AddOn[];
    readonly api?: { readonly port?: number; readonly advertiseAddress?: string; readonly flags?: Flags };
    readonly controllerManager?: { readonly flags?: Flags };
    readonly scheduler?: { readonly config?: string; readonly plugins?: string };
    readonly nodes?: {
      readonly name?: string;
      readonly count?: number;
      readonly zones?: readonly string[];
      readonly flags?: Flags;
      readonly simulated?: SimulatedPart;
    };
    readonly network?: {
      readonly backend?: NodeBackend;
      readonly nodeRange?: string;
      readonly podRange?: string;
      readonly serviceRange?: string;
      readonly dnsAddress?: string;
      readonly clusterDomain?: string;
    };
    readonly example?: "guestbook";
  };
}

/** Something wrong in a description's file. */
export interface FileProblem extends Place {
  readonly message: string;
}

/** What a description's file says, or everything that is wrong with it. Throws Fault `missing`. */
export function readDescription(file: string): {
  readonly description?: ClusterDescription;
  readonly problems: readonly FileProblem[];
} {
  return parseDescription(userFile(file));
}

/** As `readDescription`, of a text. */
export function parseDescription(text: string): ReturnType<typeof readDescription> {
  let value: unknown;
  try {
    if (parseYamlDocuments(text).length > 1) {
      return { problems: [{ line: 1, column: 1, message: "there are several documents; a cluster is one" }] };
    }
    value = parseYaml(text);
  } catch (error) {
    const line = Number(/line (\d+)/.exec(errorMessage(error))?.[1] ?? 1);
    return { problems: [{ line, column: 1, message: errorMessage(error) }] };
  }
  const found = checkValue(clusterSchema, value);
  if (found.length === 0) return { description: value as ClusterDescription, problems: [] };
  const places = yamlPlaces(text);
  const problems = found.map(({ path, message }) => ({ ...(places.get(path) ?? { line: 1, column: 1 }), message }));
  return { problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** What is wrong with a file, a line each: `cluster.yaml:4:5: unrecognized key ...`. */
export function problemText(file: string, problems: readonly FileProblem[]): string {
  return problems.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join("\n");
}

/** What a description asks for; files that it names lie beside it. */
export function wishesIn(description: ClusterDescription, file: string): ConfigWishes {
  const { metadata, spec = {} } = description;
  const { api = {}, controllerManager = {}, scheduler = {}, nodes = {}, network = {} } = spec;
  const { backend, ...ranges } = network;
  const beside = (path: string) => resolve(dirname(file), path);
  return definedOnly({
    name: metadata.name,
    dataDir: spec.dataDir === undefined ? undefined : beside(spec.dataDir),
    runtime: spec.runtime,
    disable: spec.disabledAddOns,
    apiPort: api.port,
    advertiseAddress: api.advertiseAddress,
    apiServerFlags: api.flags && withPaths(api.flags, beside),
    controllerFlags: controllerManager.flags,
    schedulerConfig: scheduler.config === undefined ? undefined : beside(scheduler.config),
    schedulerPlugins: scheduler.plugins === undefined ? undefined : beside(scheduler.plugins),
    nodeName: nodes.name,
    nodes: nodes.count,
    zones: nodes.zones,
    nodeFlags: nodes.flags && withPaths(nodes.flags, beside),
    nodeBackend: backend,
    network: Object.keys(ranges).length > 0 ? ranges : undefined,
  }) as unknown as ConfigWishes;
}

function withPaths(flags: Flags, beside: (path: string) => string): Flags {
  const entries = Object.entries(flags).map(([name, value]) => [name, isPathFlag(name, value) ? beside(value) : value]);
  return Object.fromEntries(entries);
}

/** What a description asks for of simulated nodes; the file that it names lies beside it. */
export function simulatedIn({ spec }: ClusterDescription, file: string): SimulatedPart {
  const { stages, ...part } = spec?.nodes?.simulated ?? {};
  return { ...part, ...(stages === undefined ? {} : { stages: resolve(dirname(file), stages) }) };
}

/** A cluster as the document that makes the same one again; it names files but holds no keys. */
export function describeCluster(config: ClusterConfig, simulated?: SimulatedPart): ClusterDescription {
  return definedOnly({
    apiVersion: "navarch/v1alpha1",
    kind: "Cluster",
    metadata: { name: config.name },
    spec: definedOnly({
      runtime: config.runtime,
      dataDir: config.dataDir,
      disabledAddOns: config.disabledAddOns,
      api: definedOnly({
        port: config.apiPort,
        advertiseAddress: config.advertiseAddress,
        flags: config.apiServerFlags,
      }),
      controllerManager: config.controllerFlags && { flags: config.controllerFlags },
      scheduler: optional({ config: config.schedulerConfig, plugins: config.schedulerPlugins }),
      nodes: definedOnly({
        name: config.nodeName,
        count: config.nodes,
        zones: config.zones,
        flags: config.nodeFlags,
        simulated,
      }),
      network: definedOnly({
        backend: config.nodeBackend,
        nodeRange: config.nodeRange,
        podRange: config.podRange,
        serviceRange: config.serviceRange,
        dnsAddress: config.dnsAddress,
        clusterDomain: config.clusterDomain,
      }),
    }),
  }) as unknown as ClusterDescription;
}

/** A description as its file. */
export const descriptionText = (description: ClusterDescription): string => encodeYaml(description);

function definedOnly(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function optional(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined {
  const defined = definedOnly(fields);
  return Object.keys(defined).length > 0 ? defined : undefined;
}
