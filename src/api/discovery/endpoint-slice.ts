import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { dnsLabel, dnsSubdomain, ipv4Address, ipv6Address, qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { notSpecial } from "../addresses.ts";
import { type Errors, eachAt, named, requiredOneOf } from "../checks.ts";
import { ageColumn, firstOf, nameColumn, text } from "../columns.ts";
import { change, each, fill, fillEmpty } from "../fill.ts";
import type * as discovery from "../generated/discovery-v1.ts";
import { defineKind } from "../kind.ts";
import { sliceMappings } from "./slice-versions.ts";

export type EndpointSlice = discovery.EndpointSlice;

const mostEndpoints = 1000;
const mostPorts = 20000;
const mostAddresses = 100;
const mostZones = 8;

/** A part of the addresses behind a Service. */
export const EndpointSlice = defineKind<discovery.EndpointSlice>({
  type: "discovery/v1.EndpointSlice",
  plural: "endpointslices",
  scope: "Namespaced",
  defaults: (slice) =>
    change(slice, {
      ports: each((port) => fillEmpty(fill(port, { name: "" }), { protocol: "TCP" })),
    }),
  validate: validateSlice,
  validateUpdate: (next, previous) => validateImmutable(path("addressType"), next.addressType, previous.addressType),
  generationOf: ({ metadata, apiVersion: _version, kind: _kind, ...content }) => [
    content,
    metadata.labels,
    metadata.annotations,
  ],
  columns: [
    nameColumn,
    text("AddressType", ({ addressType }) => addressType),
    text("Ports", ({ ports }) => listText((ports ?? []).map(({ port, name }) => (port ? String(port) : name || "*")))),
    text("Endpoints", ({ endpoints }) => listText((endpoints ?? []).flatMap(({ addresses }) => addresses ?? []))),
    ageColumn,
  ],
  versions: sliceMappings,
});

function listText(list: readonly string[]): string {
  return firstOf(list, 3) || "<unset>";
}

function validateSlice({ addressType, endpoints, ports }: discovery.EndpointSlice): Errors {
  const errors: FieldError[] = [...requiredOneOf(path("addressType"), addressType, ["FQDN", "IPv4", "IPv6"])];
  const place = path("endpoints");
  const count = (endpoints ?? []).length;
  if (count > mostEndpoints) {
    errors.push(field.tooMany(place, count, mostEndpoints));
  } else errors.push(...eachAt(endpoints, place, (endpoint, here) => validateEndpoint(endpoint, addressType, here)));
  return [...errors, ...validatePorts(ports ?? [], path("ports"))];
}

function validateEndpoint(endpoint: discovery.Endpoint, type: discovery.AddressType, place: FieldPath): Errors {
  const { nodeName, hostname, deprecatedTopology = {} } = endpoint;
  const addresses = endpoint.addresses ?? [];
  const here = place.child("addresses");
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(field.required(here, "must contain at least 1 address"));
  else if (addresses.length > mostAddresses) errors.push(field.tooMany(here, addresses.length, mostAddresses));
  errors.push(...eachAt(addresses, here, (address, at) => validateAddress(address, type, at)));
  if (nodeName !== undefined) errors.push(...named(place.child("nodeName"), nodeName, dnsSubdomain));
  const topology = place.child("deprecatedTopology");
  if (Object.keys(deprecatedTopology).length > 16) {
    errors.push(field.tooMany(topology, Object.keys(deprecatedTopology).length, 16));
  }
  if (hostname !== undefined) errors.push(...named(place.child("hostname"), hostname, dnsLabel));
  const zones = endpoint.hints?.forZones ?? [];
  if (zones.length > mostZones) {
    errors.push(field.tooMany(place.child("hints", "forZones"), zones.length, mostZones));
  }
  const nodes = endpoint.hints?.forNodes ?? [];
  if (nodes.length > mostZones) {
    errors.push(field.tooMany(place.child("hints", "forNodes"), nodes.length, mostZones));
  }
  return errors;
}

function validateAddress(address: string, type: discovery.AddressType, place: FieldPath): Errors {
  if (type === "FQDN") return named(place, address, dnsSubdomain);
  if (type !== "IPv4" && type !== "IPv6") return [];
  const errors = named(place, address, type === "IPv4" ? ipv4Address : ipv6Address);
  return errors.length > 0 ? errors : notSpecial(place, address);
}

function validatePorts(ports: readonly discovery.EndpointPort[], place: FieldPath): Errors {
  if (ports.length > mostPorts) return [field.tooMany(place, ports.length, mostPorts)];
  const names = new Set<string>();
  return eachAt(ports, place, ({ name = "", protocol, appProtocol }, here) => {
    const errors: FieldError[] = [];
    if (name) errors.push(...named(here.child("name"), name, dnsLabel));
    if (names.has(name)) errors.push(field.duplicate(here.child("name"), name));
    names.add(name);
    errors.push(...requiredOneOf(here.child("protocol"), protocol, ["SCTP", "TCP", "UDP"]));
    if (appProtocol !== undefined) errors.push(...named(here.child("appProtocol"), appProtocol, qualifiedName));
    return errors;
  });
}
