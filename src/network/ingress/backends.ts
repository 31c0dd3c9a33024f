import { backendAuthorityAnnotation, backendNameAnnotation } from "../../api/networking/ingress-controller.ts";
import { type Candidate, candidates } from "../proxy/endpoints.ts";
import type { IngressBackendInput, IngressInput } from "./ingress-input.ts";
import type { IngressObjects } from "./plan.ts";
import type { Backend } from "./routing-table.ts";

/** Who answers; with trouble nobody does, and requests hear so (503) instead of falling to another rule. */
export interface FoundBackend {
  readonly backend: Backend;
  readonly trouble?: { readonly reason: string; readonly message: string };
}

/** How a back end is spoken to by what its Service's port says in `appProtocol` (KEP-3726); by HTTP/1.1 if it says nothing. */
const protocols: Readonly<Record<string, Backend["protocol"]>> = {
  "kubernetes.io/h2c": "h2c",
  grpc: "h2c",
  https: "https",
  "kubernetes.io/wss": "https",
  grpcs: "h2",
};
const anyNode = { name: "" };

/** The ready endpoints of a back end's Service port. What several paths share is resolved once, and kept in `known`. */
export function backendOf(
  ingress: IngressInput,
  { service: wanted, resource }: IngressBackendInput,
  objects: IngressObjects,
  known: Map<string, Backend>,
): FoundBackend {
  const namespace = ingress.metadata?.namespace ?? "";
  if (resource) {
    const message = `Resource back ends are not served: ${resource.kind} "${resource.name}"`;
    return nobody(`${namespace}/${resource.kind}/${resource.name}`, "UnsupportedBackend", message);
  }
  if (!wanted) return nobody(namespace, "InvalidBackend", "A back end names no Service");
  const serviceKey = `${namespace}/${wanted.name}`;
  const asked = wanted.port?.name || wanted.port?.number || "";
  const trust = trustOf(ingress);
  const key = trust ? `${serviceKey}:${asked} ${trust.secret} ${trust.name}` : `${serviceKey}:${asked}`;
  const resolved = known.get(key);
  if (resolved) return { backend: resolved };
  const service = objects.service(serviceKey);
  if (!service) return nobody(key, "ServiceNotFound", `Service "${serviceKey}" does not exist`);
  if (service.spec?.type === "ExternalName") {
    return nobody(key, "UnsupportedBackend", `Service "${serviceKey}" is of type ExternalName and has no endpoints`);
  }
  const port = service.spec?.ports?.find(
    ({ name, port: number }) => asked !== "" && (name === asked || number === asked),
  );
  if (!port) return nobody(key, "ServicePortNotFound", `Service "${serviceKey}" has no port ${asked}`);
  const one = { name: port.name ?? "", protocol: "tcp" } as const;
  const own = objects.slices(serviceKey);
  const found = usable([...candidates(own, one, anyNode, "IPv4"), ...candidates(own, one, anyNode, "IPv6")]);
  const protocol = protocols[port.appProtocol?.toLowerCase() ?? ""] ?? "http";
  const backend: Backend = {
    key,
    protocol,
    ...(trust && (protocol === "https" || protocol === "h2") ? { trust } : {}),
    endpoints: found.map(({ target }) => target),
  };
  known.set(key, backend);
  return { backend };
}

function trustOf({ metadata }: IngressInput): Backend["trust"] {
  const secret = metadata?.annotations?.[backendAuthorityAnnotation];
  if (!secret) return undefined;
  const name = metadata?.annotations?.[backendNameAnnotation] ?? "";
  return { secret: `${metadata?.namespace ?? ""}/${secret}`, name: name.toLowerCase() };
}

function nobody(key: string, reason: string, message: string): FoundBackend {
  return { backend: { key, protocol: "http", endpoints: [] }, trouble: { reason, message } };
}

/** Ready ones; only while there is none, those that end but still serve (KEP-1669). */
function usable(all: readonly Candidate[]): readonly Candidate[] {
  const ready = all.filter((candidate) => candidate.ready);
  return ready.length > 0 ? ready : all.filter(({ serving, terminating }) => serving && terminating);
}
