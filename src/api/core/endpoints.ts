import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsLabel, dnsSubdomain, qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { notSpecial, validAddress } from "../addresses.ts";
import { type Errors, eachAt, named, portInRange, requiredOneOf } from "../checks.ts";
import { ageColumn, nameColumn, orNone, text } from "../columns.ts";
import { change, each, fillEmpty } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import { defineKind } from "../kind.ts";

export type Endpoints = core.Endpoints;

const shownAddresses = 3;

/** The addresses behind a Service, in one object. */
export const Endpoints = defineKind<core.Endpoints>({
  type: "core/v1.Endpoints",
  plural: "endpoints",
  shortNames: ["ep"],
  scope: "Namespaced",
  createOnUpdate: true,
  defaults: (endpoints) =>
    change(endpoints, {
      subsets: each((subset) => change(subset, { ports: each((port) => fillEmpty(port, { protocol: "TCP" })) })),
    }),
  validate: ({ subsets }) => eachAt(subsets, path("subsets"), validateSubset),
  columns: [nameColumn, text("Endpoints", addressesText), ageColumn],
});

function validateSubset({ addresses, notReadyAddresses, ports = [] }: core.EndpointSubset, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if ((addresses ?? []).length === 0 && (notReadyAddresses ?? []).length === 0) {
    errors.push(field.required(place, "must specify `addresses` or `notReadyAddresses`"));
  }
  errors.push(...eachAt(addresses, place.child("addresses"), validateEndpointAddress));
  errors.push(...eachAt(notReadyAddresses, place.child("notReadyAddresses"), validateEndpointAddress));
  return [
    ...errors,
    ...eachAt(ports, place.child("ports"), ({ name, port, protocol, appProtocol }, here) => [
      ...(name
        ? named(here.child("name"), name, dnsLabel)
        : ports.length > 1
          ? [field.required(here.child("name"))]
          : []),
      ...portInRange(here.child("port"), port),
      ...requiredOneOf(here.child("protocol"), protocol, ["SCTP", "TCP", "UDP"]),
      ...(appProtocol === undefined ? [] : named(here.child("appProtocol"), appProtocol, qualifiedName)),
    ]),
  ];
}

function validateEndpointAddress({ ip, hostname, nodeName }: core.EndpointAddress, place: FieldPath): Errors {
  return [
    ...validAddress(place.child("ip"), ip),
    ...(hostname ? named(place.child("hostname"), hostname, dnsLabel) : []),
    ...(nodeName ? named(place.child("nodeName"), nodeName, dnsSubdomain) : []),
    ...notSpecial(place.child("ip"), ip ?? ""),
  ];
}

/** Up to three `address:port`, and how many more there are. */
function addressesText({ subsets = [] }: core.Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) =>
          addresses.map(({ ip }) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)),
        ),
  );
  const shown = all.slice(0, shownAddresses).join(",");
  return orNone(all.length > shownAddresses ? `${shown} + ${all.length - shownAddresses} more...` : shown);
}
