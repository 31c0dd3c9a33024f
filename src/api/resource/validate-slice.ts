import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsLabel, dnsSubdomain } from "../../machinery/names.ts";
import { duplicates, type Errors, eachAt, named, nonNegative } from "../checks.ts";
import { validateNodeSelector } from "../core/validate-affinity.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import type * as resource from "../generated/resource-v1.ts";
import { validateQualified } from "./validate-devices.ts";

const mostDevices = 128;
const longestPoolName = 253;
const mostAttributes = 32;
const longestValue = 64;
/** semver.org 2.0.0: three numbers, then perhaps what comes before the release and how it was built. */
const semantic =
  /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?(\+[\dA-Za-z-]+(\.[\dA-Za-z-]+)*)?$/;
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
    ...eachAt(devices ?? [], at, validateDevice),
    ...duplicates(
      devices ?? [],
      ({ name }) => name,
      (index) => at.index(index).child("name"),
    ),
  ];
}

function validateDevice({ name, attributes = {}, capacity = {} }: resource.Device, place: FieldPath): Errors {
  const [offered, amounts] = [Object.entries(attributes), Object.keys(capacity)];
  const total = offered.length + amounts.length;
  const tooMany = `the total number of attributes and capacities must not exceed ${mostAttributes}`;
  return [
    ...named(place.child("name"), name, dnsLabel),
    ...(total > mostAttributes ? [field.invalid(place, total, tooMany)] : []),
    ...offered.flatMap(([key, attribute]) => {
      const here = place.child("attributes").key(key);
      return [...validateQualified(key, here), ...validateAttribute(attribute, here)];
    }),
    ...amounts.flatMap((key) => validateQualified(key, place.child("capacity").key(key))),
  ];
}

function validateAttribute(attribute: resource.DeviceAttribute, place: FieldPath): Errors {
  const { version } = attribute;
  const said = Object.values(attribute).filter((value) => value !== undefined && value !== null).length;
  const one = "exactly one value must be specified";
  const long = (["string", "version"] as const).filter((name) => (attribute[name] ?? "").length > longestValue);
  return [
    ...(version === undefined || semantic.test(version)
      ? []
      : [field.invalid(place.child("version"), version, "must be a string compatible with semver.org spec 2.0.0")]),
    ...long.map((name) => field.tooLong(place.child(name), longestValue)),
    ...(said === 0 ? [field.required(place, one)] : []),
    ...(said > 1 ? [field.invalid(place, { ...attribute }, one)] : []),
  ];
}

/** The faults of a pool's name: DNS subdomains with slashes between. */
export function validatePoolName(name: string | undefined, place: FieldPath): Errors {
  if (!name) return [field.required(place)];
  const long = name.length > longestPoolName ? [field.tooLong(place, longestPoolName)] : [];
  return [...long, ...name.split("/").flatMap((part) => named(place, part, dnsSubdomain))];
}

function validatePool({ name, generation, resourceSliceCount }: resource.ResourcePool, place: FieldPath): Errors {
  const slices = resourceSliceCount ?? 0;
  return [
    ...validatePoolName(name, place.child("name")),
    ...(slices > 0 ? [] : [field.invalid(place.child("resourceSliceCount"), slices, "must be greater than zero")]),
    ...nonNegative(place.child("generation"), generation),
  ];
}
