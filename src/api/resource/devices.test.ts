import { describe, expect, test } from "vitest";
import { decodeValue } from "../../machinery/codec-json.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { lookupType } from "../type-info.ts";
import { DeviceClass } from "./device-class.ts";
import { ResourceClaim } from "./resource-claim.ts";
import { ResourceSlice } from "./resource-slice.ts";

type Checked = typeof ResourceClaim | typeof DeviceClass | typeof ResourceSlice;

function decode(kind: Checked, spec: object): never {
  const { object } = decodeValue(lookupType(kind.declaration.type)!, { metadata: { name: "x" }, spec });
  const defaults = kind.declaration.defaults as ((given: unknown) => unknown) | undefined;
  return (defaults?.(object) ?? object) as never;
}

const told = (errors: readonly FieldError[] | undefined) =>
  (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
const faults = (kind: Checked, spec: object) => told(kind.declaration.validate?.(decode(kind, spec)));

const exactly = { deviceClassName: "gpu.example.com" };
const request = { name: "gpu", exactly };
const devices = (more: object) => ({ devices: { requests: [request], ...more } });
const wrongName =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

test("a request that does not say how many is for exactly one", () => {
  expect(decode(ResourceClaim, devices({}))).toMatchObject({
    spec: { devices: { requests: [{ exactly: { allocationMode: "ExactCount", count: 1 } }] } },
  });
  expect(
    decode(ResourceClaim, { devices: { requests: [{ name: "a", exactly: { allocationMode: "All" } }] } }),
  ).toMatchObject({ spec: { devices: { requests: [{ exactly: { allocationMode: "All" } }] } } });
});

describe("a claim", () => {
  const at = "spec.devices.requests[0]";
  test.each([
    { spec: devices({}), faults: [] },
    {
      spec: { devices: { requests: [{ name: "gpu" }] } },
      faults: [`${at}: Required value: exactly one of \`exactly\` or \`firstAvailable\` is required`],
    },
    {
      spec: { devices: { requests: [{ name: "gpu", exactly: {} }] } },
      faults: [`${at}.exactly.deviceClassName: Required value`],
    },
    {
      spec: { devices: { requests: [{ name: "gpu", exactly: { ...exactly, allocationMode: "Some" } }] } },
      faults: [`${at}.exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"`],
    },
    {
      spec: { devices: { requests: [{ name: "gpu", exactly: { ...exactly, count: -1 } }] } },
      faults: [`${at}.exactly.count: Invalid value: -1: must be greater than zero`],
    },
    {
      spec: { devices: { requests: [request, request] } },
      faults: ['spec.devices.requests[1]: Duplicate value: "gpu"'],
    },
    {
      spec: devices({ constraints: [{ requests: ["nic"], matchAttribute: "example.com/numa" }] }),
      faults: [`spec.devices.constraints[0].requests[0]: Invalid value: "nic": ${wrongName}`],
    },
    {
      spec: devices({ constraints: [{ matchAttribute: "numa" }] }),
      faults: ['spec.devices.constraints[0].matchAttribute: Invalid value: "numa": must include a domain'],
    },
    { spec: devices({ config: [{}] }), faults: ["spec.devices.config[0].opaque: Required value"] },
  ])("with $spec is told $faults", ({ spec, faults: wanted }) => {
    expect(faults(ResourceClaim, spec)).toEqual(wanted);
  });
});

test("a class must say by which expression it selects", () => {
  expect(faults(DeviceClass, { selectors: [{ cel: { expression: "true" } }, {}] })).toEqual([
    "spec.selectors[1].cel: Required value",
  ]);
});

test("a slice is for one node, or for some, or for all", () => {
  const slice = { driver: "gpu.example.com", pool: { name: "a", generation: 0, resourceSliceCount: 1 } };
  expect(faults(ResourceSlice, { ...slice, nodeName: "a" })).toEqual([]);
  expect(faults(ResourceSlice, slice)).toEqual([expect.stringContaining("spec: Required value: exactly one of")]);
  expect(faults(ResourceSlice, { ...slice, nodeName: "a", allNodes: true })).toEqual([
    expect.stringContaining("but multiple fields are set"),
  ]);
  expect(faults(ResourceSlice, { ...slice, allNodes: true, pool: { name: "a" } })).toEqual([
    "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
  ]);
});

test.each([
  {
    device: {
      attributes: { model: { string: "a" }, "x.example.com/cores": { int: 4 } },
      capacity: { mem: { value: "1Gi" } },
    },
    faults: [],
  },
  {
    device: { attributes: { none: {} } },
    faults: ["attributes[none]: Required value: exactly one value must be specified"],
  },
  { device: { attributes: { two: { string: "a", int: 1 } } }, faults: ["attributes[two]: Invalid value"] },
  { device: { attributes: { "bad name!": { bool: true } } }, faults: ["attributes[bad name!]: Invalid value"] },
  { device: { attributes: { v: { version: "1.2" } } }, faults: ["attributes[v].version: Invalid value"] },
  { device: { attributes: { v: { string: "x".repeat(65) } } }, faults: ["attributes[v].string: Too long"] },
  { device: { capacity: { "/mem": { value: "1" } } }, faults: ["capacity[/mem]: Invalid value"] },
])("what a device offers is checked: $faults", ({ device, faults: expected }) => {
  const pool = { name: "p", generation: 1, resourceSliceCount: 1 };
  const spec = { driver: "gpu.example.com", pool, nodeName: "a", devices: [{ name: "d0", ...device }] };
  const found = faults(ResourceSlice, spec);
  expect(found).toEqual(expected.map((text) => expect.stringContaining(`spec.devices[0].${text}`)));
});
