import { expect, test } from "vitest";
import { decodeValue } from "../../machinery/codec-json.ts";
import { lookupType } from "../type-info.ts";
import { ResourceClaim } from "./resource-claim.ts";

const spec = { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.example.com" } }] } };
const device = { driver: "dra.example.com", pool: "pool-1", device: "gpu-0" };
const allocation = { devices: { results: [{ request: "gpu", ...device }] } };
const consumer = { resource: "pods", name: "p", uid: "u-1" };
const condition = { type: "Ready", status: "True", reason: "Fine", lastTransitionTime: "2026-01-01T00:00:00Z" };

function claim(status: object, metadata: object = {}): ResourceClaim {
  const given = { metadata: { name: "c", namespace: "default", ...metadata }, spec, status };
  return decodeValue(lookupType(ResourceClaim.declaration.type)!, given).object as unknown as ResourceClaim;
}
const faults = (next: object, before: object = {}, metadata: object = {}) =>
  (ResourceClaim.declaration.validateStatus?.(claim(next, metadata), claim(before)) ?? []).map(
    ({ field, message }) => `${field}: ${message}`,
  );

test("an allocation with a status of its devices has no faults", () => {
  const devices = [{ ...device, conditions: [condition], networkData: { ips: ["10.9.8.7/24"] } }];
  expect(faults({ allocation, reservedFor: [consumer], devices })).toEqual([]);
});

test.each([
  {
    why: "a reservation of what was not allocated",
    status: { reservedFor: [consumer] },
    told: "status.reservedFor: Forbidden: may not be specified when `allocated` is not set",
  },
  {
    why: "the same consumer twice",
    status: { allocation, reservedFor: [consumer, consumer] },
    told: "status.reservedFor[1]: Duplicate value",
  },
  {
    why: "a consumer without a uid",
    status: { allocation, reservedFor: [{ ...consumer, uid: "" }] },
    told: "status.reservedFor[0].uid: Required value",
  },
  {
    why: "a result for no request of the claim",
    status: { allocation: { devices: { results: [{ ...device, request: "tpu" }] } } },
    told: "status.allocation.devices.results[0].request: Invalid value",
  },
  {
    why: "settings that come from nowhere",
    status: { allocation: { devices: { config: [{ opaque: { driver: "d.example.com", parameters: {} } }] } } },
    told: "status.allocation.devices.config[0].source: Required value",
  },
  {
    why: "a status of a device that was not allocated",
    status: { allocation, devices: [{ ...device, device: "gpu-9" }] },
    told: "status.devices[0]: Invalid value",
  },
  {
    why: "an address without its range",
    status: { allocation, devices: [{ ...device, networkData: { ips: ["10.0.0.5"] } }] },
    told: "status.devices[0].networkData.ips[0]: Invalid value",
  },
  {
    why: "a condition without a reason",
    status: { allocation, devices: [{ ...device, conditions: [{ ...condition, reason: "" }] }] },
    told: "status.devices[0].conditions[0].reason: Required value",
  },
])("$why is refused", ({ status, told }) => {
  const all = faults(status);
  expect(all).toHaveLength(1);
  expect(all[0]).toContain(told);
});

test("what was allocated does not change, but may be taken back", () => {
  const other = { devices: { results: [{ request: "gpu", ...device, device: "gpu-1" }] } };
  expect(faults({ allocation: other }, { allocation })[0]).toContain("status.allocation: Invalid value");
  expect(faults({}, { allocation })).toEqual([]);
});

test("nobody new reserves a claim that is being deleted", () => {
  const deleted = { deletionTimestamp: "2026-01-01T00:00:00Z" };
  const second = { ...consumer, uid: "u-2" };
  const before = { allocation, reservedFor: [consumer] };
  expect(faults(before, before, deleted)).toEqual([]);
  expect(faults({ allocation, reservedFor: [consumer, second] }, before, deleted)[0]).toContain(
    "new entries may not be added",
  );
});
