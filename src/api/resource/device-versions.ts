import type { KubeObject } from "../../machinery/object.ts";
import { without } from "../fill.ts";
import type * as resource from "../generated/resource-v1.ts";
import type * as old from "../generated/resource-v1beta1.ts";
import type { VersionMapping } from "../kind.ts";
import { sameInOtherVersion, sameInVersions } from "../renamed-version.ts";

const stored = "resource.k8s.io/v1";
const first = "resource.k8s.io/v1beta1";

type Kinds = "DeviceClass" | "ResourceClaim" | "ResourceClaimTemplate" | "ResourceSlice";

/** The beta versions of a kind; the first one said requests and devices with one level less, or more. */
export function deviceMappings(kind: Kinds): Readonly<Record<string, VersionMapping>> {
  const same = sameInOtherVersion(stored, { apiVersion: first, type: `resource/v1beta1.${kind}` });
  const { toStored = same.toStored, fromStored = same.fromStored } = ways[kind] ?? {};
  return {
    ...sameInVersions(stored, { "resource.k8s.io/v1beta2": `resource/v1beta2.${kind}` }),
    [first]: {
      type: same.type,
      toStored: (object) => ({ ...toStored(object), apiVersion: stored }),
      fromStored: (object) => ({ ...fromStored(object), apiVersion: first }),
    },
  };
}

type Way = Pick<VersionMapping, "toStored" | "fromStored">;

const ways: Partial<Readonly<Record<Kinds, Way>>> = {
  ResourceClaim: {
    toStored: (object) => atSpec(object, (spec) => withRequests(spec, nested)),
    fromStored: (object) => atSpec(object, (spec) => withRequests(spec, flat)),
  },
  ResourceClaimTemplate: {
    toStored: (object) => atSpec(object, (spec) => ({ ...spec, spec: withRequests(spec.spec, nested) })),
    fromStored: (object) => atSpec(object, (spec) => ({ ...spec, spec: withRequests(spec.spec, flat) })),
  },
  ResourceSlice: {
    toStored: (object) => atSpec(object, sliceToStored),
    fromStored: (object) => atSpec(object, oldSlice),
  },
};

interface AnySpec {
  readonly spec?: unknown;
}

function atSpec(object: KubeObject, alter: (spec: AnySpec) => unknown): KubeObject {
  const { spec } = object as KubeObject & { readonly spec?: AnySpec };
  return spec ? ({ ...object, spec: alter(spec) } as KubeObject) : object;
}

function withRequests(spec: unknown, alter: (request: unknown) => unknown): unknown {
  const { devices } = (spec ?? {}) as { readonly devices?: { readonly requests?: readonly unknown[] | null } };
  if (!devices?.requests) return spec;
  return { ...(spec as object), devices: { ...devices, requests: devices.requests.map(alter) } };
}

function nested(request: unknown): resource.DeviceRequest {
  const { name, firstAvailable, ...exactly } = request as old.DeviceRequest;
  const alternatives = firstAvailable ? { firstAvailable } : {};
  const says = Object.values(exactly).some((value) => value !== undefined && value !== "");
  return { name, ...alternatives, ...(says ? { exactly } : {}) } as unknown as resource.DeviceRequest;
}

function flat(request: unknown): old.DeviceRequest {
  const { exactly, ...others } = request as resource.DeviceRequest;
  return { ...others, ...exactly } as unknown as old.DeviceRequest;
}

function sliceToStored(given: AnySpec): unknown {
  const spec = given as unknown as old.ResourceSliceSpec;
  const { nodeName, allNodes, devices, ...others } = spec;
  return {
    ...others,
    ...(nodeName ? { nodeName } : {}),
    ...(allNodes ? { allNodes } : {}),
    ...(devices === undefined ? {} : { devices: devices?.map(({ name, basic }) => ({ name, ...basic })) ?? devices }),
  };
}

function oldSlice(given: AnySpec): unknown {
  const spec = given as unknown as resource.ResourceSliceSpec;
  const { devices } = spec;
  if (!devices) return spec;
  const wrapped = devices.map((device) => ({ name: device.name, basic: without(device, "name") }));
  return { ...spec, devices: wrapped };
}
