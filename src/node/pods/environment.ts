import type {
  ConfigMap,
  Container,
  FileKeySelector,
  ObjectFieldSelector,
  Pod,
  ResourceFieldSelector,
  Secret,
  Service,
} from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import { milliValue, quantitySign, quantityValue } from "../../machinery/quantity.ts";
import type { NodeCapacity } from "../node-status.ts";
import { fileInVolume, variableInFile } from "./env-files.ts";
import { expand } from "./expansion.ts";

/** What a container's variables may be taken from. */
export interface EnvironmentSources {
  /** Undefined when it is not there. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  /** The Services that the pod's namespace sees. */
  services(namespace: string): readonly Service[];
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
  readonly nodeName: string;
  /** The node's allocatable CPU (cores), memory and disk (bytes), for limits that are not set. */
  readonly allocatable: Pick<NodeCapacity, "cpu" | "memory" | "ephemeralStorage">;
}

/** What the variables of a container may be taken from whose pod's volumes are ready. */
export interface ContainerSources extends EnvironmentSources {
  /** Where the files of a volume of the pod are; undefined for one that has none on the node. */
  volumePath(name: string): string | undefined;
}

/**
 * A container's environment in order. Throws Fault `missing` with upstream's words when something required is not there:
 * the container waits with CreateContainerConfigError.
 */
export async function environmentOf(
  pod: Pod,
  container: Container,
  sources: ContainerSources,
): Promise<readonly { readonly name: string; readonly value: string }[]> {
  const { namespace } = pod.metadata;
  const result = new Map<string, string>();
  const services = new Map(
    serviceVariables(sources.services(namespace), namespace, pod.spec.enableServiceLinks !== false),
  );
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const source = configMapRef ?? secretRef;
    if (!source?.name) continue;
    const found = configMapRef
      ? await sources.configMap(namespace, source.name)
      : await sources.secret(namespace, source.name);
    if (!found) {
      if (source.optional) continue;
      throw new Fault("missing", `${configMapRef ? "configmap" : "secret"} "${source.name}" not found`);
    }
    for (const [key, value] of Object.entries(found.data ?? {})) {
      // What a key may be called, an environment variable may be called too.
      result.set(`${prefix}${key}`, configMapRef ? value : fromBase64(value));
    }
  }
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable, { pod, container, sources, known: new Map([...services, ...result]) });
    if (value !== undefined) result.set(variable.name, value);
  }
  // What the pod's author sets wins over what services bring.
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return [...result].map(([name, value]) => ({ name, value }));
}

interface Place {
  readonly pod: Pod;
  readonly container: Container;
  readonly sources: ContainerSources;
  readonly known: ReadonlyMap<string, string>;
}

async function variableValue(
  variable: NonNullable<Container["env"]>[number],
  place: Place,
): Promise<string | undefined> {
  const { pod, sources, known } = place;
  const { namespace } = pod.metadata;
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? "", known);
  if (from.fieldRef) return fieldValue(from.fieldRef, pod, sources);
  if (from.resourceFieldRef) return resourceValue(from.resourceFieldRef, pod, place.container, sources);
  if (from.fileKeyRef) return valueInFile(from.fileKeyRef, sources);
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (!reference) return undefined;
  const isConfigMap = from.configMapKeyRef !== undefined;
  const word = isConfigMap ? "ConfigMap" : "Secret";
  const name = reference.name ?? "";
  const found = isConfigMap ? await sources.configMap(namespace, name) : await sources.secret(namespace, name);
  if (!found) {
    if (reference.optional) return undefined;
    throw new Fault("missing", `${word.toLowerCase()} "${name}" not found`);
  }
  const value = found.data?.[reference.key];
  if (value === undefined) {
    if (reference.optional) return undefined;
    throw new Fault("missing", `couldn't find key ${reference.key} in ${word} ${namespace}/${name}`);
  }
  return isConfigMap ? value : fromBase64(value);
}

function valueInFile(
  { volumeName, path, key, optional }: FileKeySelector,
  { volumePath }: ContainerSources,
): string | undefined {
  const folder = volumePath(volumeName);
  if (folder === undefined)
    throw new Fault("missing", `cannot find the volume "${volumeName}" referenced by FileKeyRef`);
  const text = fileInVolume(folder, path);
  if (text === undefined && !optional)
    throw new Fault("missing", `couldn't parse env file: failed to open environment variable file "${path}"`);
  const value = text === undefined ? undefined : variableInFile(text, key);
  // As upstream, an empty value is none.
  if (value) return value;
  if (optional) return undefined;
  throw new Fault("missing", `environment variable key "${key}" not found in file "${path}"`);
}

const fromBase64 = (text: string) => Buffer.from(text, "base64").toString("utf8");

/** A field of the pod as text (downward API); labels and annotations as lines `key="value"`, or one of them by key. */
export function fieldValue(
  { fieldPath }: ObjectFieldSelector,
  pod: Pod,
  sources: Pick<EnvironmentSources, "podIPs" | "hostIPs" | "nodeName">,
): string {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (subscript) return (subscript[1] === "labels" ? metadata.labels : metadata.annotations)?.[subscript[2]!] ?? "";
  switch (fieldPath) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace;
    case "metadata.uid":
      return metadata.uid;
    case "metadata.labels":
      return mapLines(metadata.labels);
    case "metadata.annotations":
      return mapLines(metadata.annotations);
    case "spec.nodeName":
      return sources.nodeName;
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "";
    case "status.hostIP":
      return sources.hostIPs[0] ?? "";
    case "status.hostIPs":
      return sources.hostIPs.join(",");
    case "status.podIP":
      return sources.podIPs[0] ?? "";
    case "status.podIPs":
      return sources.podIPs.join(",");
    default:
      throw new Fault("invalid", `fieldPath ${fieldPath} is not known`);
  }
}

function mapLines(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

/** A request or limit of a container as a whole number of the divisor's units, rounded up. */
export function resourceValue(
  { containerName, resource, divisor }: ResourceFieldSelector,
  pod: Pod,
  own: Container | undefined,
  sources: Pick<EnvironmentSources, "allocatable">,
): string {
  const container = containerName
    ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === containerName)
    : own;
  if (!container) throw new Fault("invalid", `container ${containerName} not found`);
  const [kind = "", ...rest] = resource.split(".");
  const name = rest.join(".");
  const limits = (container.resources?.limits ?? {}) as Readonly<Record<string, string>>;
  const requests = (container.resources?.requests ?? {}) as Readonly<Record<string, string>>;
  const said = kind === "limits" ? limits[name] : requests[name];
  // A limit of 0 is none, and what is not limited may use what the node has.
  const quantity = kind === "limits" && said !== undefined && quantitySign(said) === 0 ? undefined : said;
  const unit = divisor && divisor !== "0" ? divisor : "1";
  const most = kind === "limits" ? allocatableOf(name, sources) : 0;
  if (name === "cpu") return String(Math.ceil((quantity ? milliValue(quantity) : most * 1000) / milliValue(unit)));
  return String(Math.ceil((quantity ? quantityValue(quantity) : most) / quantityValue(unit)));
}

function allocatableOf(name: string, { allocatable }: Pick<EnvironmentSources, "allocatable">): number {
  if (name === "cpu") return allocatable.cpu;
  if (name === "memory") return allocatable.memory;
  return name === "ephemeral-storage" ? allocatable.ephemeralStorage : 0;
}

/** The variables that tell of Services: those of the namespace, and of `kubernetes` always (as Docker links did). */
function serviceVariables(services: readonly Service[], namespace: string, links: boolean): [string, string][] {
  const seen = services.filter(({ metadata, spec }) => {
    if (!spec.clusterIP || spec.clusterIP === "None") return false;
    if (metadata.namespace === "default" && metadata.name === "kubernetes") return true;
    return links && metadata.namespace === namespace;
  });
  return seen.flatMap(({ metadata, spec }) => {
    const name = metadata.name.toUpperCase().replaceAll("-", "_");
    const [first] = spec.ports ?? [];
    if (!first) return [];
    const host = spec.clusterIP!;
    const variables: [string, string][] = [
      [`${name}_SERVICE_HOST`, host],
      [`${name}_SERVICE_PORT`, String(first.port)],
    ];
    for (const port of spec.ports ?? []) {
      if (port.name)
        variables.push([`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll("-", "_")}`, String(port.port)]);
    }
    const url = (port: { readonly port: number; readonly protocol?: string }) =>
      `${(port.protocol ?? "TCP").toLowerCase()}://${host.includes(":") ? `[${host}]` : host}:${port.port}`;
    variables.push([`${name}_PORT`, url(first)]);
    for (const port of spec.ports ?? []) {
      const protocol = port.protocol ?? "TCP";
      const prefix = `${name}_PORT_${port.port}_${protocol}`;
      variables.push(
        [prefix, url(port)],
        [`${prefix}_PROTO`, protocol.toLowerCase()],
        [`${prefix}_PORT`, String(port.port)],
        [`${prefix}_ADDR`, host],
      );
    }
    return variables;
  });
}
