import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsLabel, dnsSubdomain } from "../../machinery/names.ts";
import { duplicates, type Errors, eachAt, named, nonNegative } from "../checks.ts";
import { validateNodeSelector } from "../core/validate-affinity.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import type * as resource from "../generated/resource-v1.ts";

const mostDevices = 128;
const longestPoolName = 253;
const oneNodeField = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

/** The faults of the devices that a driver offers. */
export function validateSlice(spec: resource.ResourceSliceSpec, place: FieldPath): Errors {
  const { driver, pool, nodeName, nodeSelector, allNodes, perDeviceNodeSelection, devices = [] } = spec;
  const chosen = [
    nodeName !== undefined,
    nodeSelector !== undefined,
    allNodes === true,
    perDeviceNodeSelection === true,
  ];
  const count = chosen.filter(Boolean).length;
  const at = place.child("devices");
  return [
    ...validateDriverName(driver, place.child("driver")),
    ...validatePool(pool, place.child("pool")),
    ...(nodeName === undefined ? [] : named(place.child("nodeName"), nodeName, dnsSubdomain)),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, place.child("nodeSelector")) : []),
    ...(count === 0 ? [field.required(place, oneNodeField)] : []),
    ...(count > 1 ? [field.invalid(place, null, `${oneNodeField}, but multiple fields are set`)] : []),
    ...((devices ?? []).length > mostDevices ? [field.tooMany(at, devices.length, mostDevices)] : []),
    ...eachAt(devices ?? [], at, ({ name }, here) => named(here.child("name"), name, dnsLabel)),
    ...duplicates(
      devices ?? [],
      ({ name }) => name,
      (index) => at.index(index).child("name"),
    ),
  ];
}

function validatePool({ name, generation, resourceSliceCount }: resource.ResourcePool, place: FieldPath): Errors {
  const at = place.child("name");
  const long = (name ?? "").length > longestPoolName ? [field.tooLong(at, longestPoolName)] : [];
  const names = name
    ? [...long, ...name.split("/").flatMap((part) => named(at, part, dnsSubdomain))]
    : [field.required(at)];
  const slices = resourceSliceCount ?? 0;
  return [
    ...names,
    ...(slices > 0 ? [] : [field.invalid(place.child("resourceSliceCount"), slices, "must be greater than zero")]),
    ...nonNegative(place.child("generation"), generation),
  ];
}
