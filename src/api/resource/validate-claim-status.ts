import { isEqual } from "../../machinery/equality.ts";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { Condition } from "../../machinery/generated/meta-v1.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { cidr, dnsLabel, qualifiedName } from "../../machinery/names.ts";
import { duplicates, type Errors, eachAt, named, oneOf, required, requiredOneOf } from "../checks.ts";
import { validateNodeSelector } from "../core/validate-affinity.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import type * as resource from "../generated/resource-v1.ts";
import { limited, namesOf, validateReference, validateReferences, validateSettings } from "./validate-devices.ts";
import { validatePoolName } from "./validate-slice.ts";

const mostConsumers = 256;
const mostResults = 32;
const mostSettings = 64;
const mostConditions = 8;
const mostAddresses = 16;
const longestData = 10 * 1024;
const longestInterface = 256;
const longestHardwareAddress = 128;
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const reasonForm = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

/** The faults of what became of a claim: who has reserved it, what was allocated, and how its devices are. */
export function validateClaimStatus(next: resource.ResourceClaim, previous: resource.ResourceClaim): Errors {
  const { allocation, reservedFor, devices } = next.status ?? {};
  const place = path("status");
  const consumers = place.child("reservedFor");
  const allocated = new Set(allocation?.devices?.results?.map(idOf));
  return [
    ...limited(reservedFor, mostConsumers, consumers),
    ...eachAt(reservedFor, consumers, validateConsumer),
    ...duplicates(
      reservedFor,
      ({ uid }) => uid,
      (index) => consumers.index(index),
    ),
    ...eachAt(devices, place.child("devices"), (device, here) => validateDeviceStatus(device, here, allocated)),
    ...duplicates(devices, idOf, (index) => place.child("devices").index(index)),
    ...validateReservation(next, previous, consumers),
    ...validateAllocation(next, previous.status?.allocation, place.child("allocation")),
  ];
}

type Device = Pick<resource.AllocatedDeviceStatus, "driver" | "pool" | "device" | "shareID">;

const idOf = ({ driver, pool, device, shareID }: Device) =>
  [driver, pool, device, ...(shareID ? [shareID] : [])].join("/");

function validateConsumer(
  { resource: kind, name, uid }: resource.ResourceClaimConsumerReference,
  place: FieldPath,
): Errors {
  return [
    ...required(place.child("resource"), kind),
    ...required(place.child("name"), name),
    ...required(place.child("uid"), uid),
  ];
}

function validateReservation(next: resource.ResourceClaim, previous: resource.ResourceClaim, place: FieldPath): Errors {
  const { reservedFor = [], allocation } = next.status ?? {};
  if (reservedFor.length === 0) return [];
  if (!allocation) return [field.forbidden(place, "may not be specified when `allocated` is not set")];
  if (!next.metadata.deletionTimestamp) return [];
  const known = previous.status?.reservedFor ?? [];
  if (reservedFor.every((one) => known.some((other) => isEqual(one, other)))) return [];
  const detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
  return [field.forbidden(place, detail)];
}

function validateAllocation(
  { spec, status }: resource.ResourceClaim,
  before: resource.AllocationResult | undefined,
  place: FieldPath,
): Errors {
  const { allocation } = status ?? {};
  if (!allocation) return [];
  // What stands there already was checked by the rules of its day.
  if (before) return validateImmutable(place, allocation, before);
  const { results, config } = allocation.devices ?? {};
  const names = namesOf(spec.devices?.requests ?? []);
  const at = place.child("devices");
  return [
    ...limited(results, mostResults, at.child("results")),
    ...eachAt(results, at.child("results"), (result, here) => [
      ...validateReference(result.request, here.child("request"), names),
      ...validateDevice(result, here),
    ]),
    ...limited(config, mostSettings, at.child("config")),
    ...eachAt(config, at.child("config"), (one, here) => [
      ...requiredOneOf(here.child("source"), one.source, ["FromClaim", "FromClass"]),
      ...validateReferences(one.requests, here.child("requests"), names),
      ...validateSettings(one, here),
    ]),
    ...(allocation.nodeSelector ? validateNodeSelector(allocation.nodeSelector, place.child("nodeSelector")) : []),
  ];
}

function validateDevice({ driver, pool, device, shareID }: Device, place: FieldPath): Errors {
  const shared =
    shareID !== undefined && !uuidForm.test(shareID)
      ? [field.invalid(place.child("shareID"), shareID, "must be a lowercase UUID in 8-4-4-4-12 format")]
      : [];
  return [
    ...validateDriverName(driver, place.child("driver")),
    ...validatePoolName(pool, place.child("pool")),
    ...named(place.child("device"), device ?? "", dnsLabel),
    ...shared,
  ];
}

function validateDeviceStatus(
  device: resource.AllocatedDeviceStatus,
  place: FieldPath,
  allocated: ReadonlySet<string>,
): Errors {
  const { conditions, data, networkData } = device;
  const id = idOf(device);
  const at = place.child("conditions");
  return [
    ...validateDevice(device, place),
    ...(allocated.has(id) ? [] : [field.invalid(place, id, "must be an allocated device in the claim")]),
    ...limited(conditions, mostConditions, at),
    ...eachAt(conditions, at, validateCondition),
    ...duplicates(
      conditions,
      ({ type }) => type,
      (index) => at.index(index).child("type"),
    ),
    ...(data === undefined || data === null ? [] : validateData(data, place.child("data"))),
    ...(networkData ? validateNetwork(networkData, place.child("networkData")) : []),
  ];
}

function validateData(data: unknown, place: FieldPath): Errors {
  if (JSON.stringify(data).length > longestData) return [field.tooLong(place, longestData)];
  const object = typeof data === "object" && !Array.isArray(data);
  return object ? [] : [field.invalid(place, "<value omitted>", "parameters must be a valid JSON object")];
}

function validateNetwork(
  { interfaceName = "", ips, hardwareAddress = "" }: resource.NetworkDeviceData,
  place: FieldPath,
): Errors {
  const at = place.child("ips");
  return [
    ...(interfaceName.length > longestInterface ? [field.tooLong(place.child("interfaceName"), longestInterface)] : []),
    ...(hardwareAddress.length > longestHardwareAddress
      ? [field.tooLong(place.child("hardwareAddress"), longestHardwareAddress)]
      : []),
    ...limited(ips, mostAddresses, at),
    ...eachAt(ips, at, (ip, here) => {
      const detail = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
      return cidr(ip).length > 0 ? [field.invalid(here, ip, detail)] : [];
    }),
    ...duplicates(
      ips,
      (ip) => ip,
      (index) => at.index(index),
    ),
  ];
}

/** The faults of a condition as every kind may have it (meta/v1). */
function validateCondition(condition: Condition, place: FieldPath): Errors {
  const { type, status, reason, lastTransitionTime, observedGeneration = 0 } = condition;
  return [
    ...(type ? named(place.child("type"), type, qualifiedName) : [field.required(place.child("type"))]),
    ...oneOf(place.child("status"), status ?? "", ["False", "True", "Unknown"]),
    ...(observedGeneration < 0
      ? [field.invalid(place.child("observedGeneration"), observedGeneration, "must be greater than or equal to zero")]
      : []),
    ...required(place.child("lastTransitionTime"), lastTransitionTime, "must be set"),
    ...validateReason(reason, place.child("reason")),
  ];
}

function validateReason(reason: string | undefined, place: FieldPath): Errors {
  if (!reason) return [field.required(place)];
  if (reasonForm.test(reason)) return [];
  const detail =
    "must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
  return [field.invalid(place, reason, detail)];
}
