import { LimitRange } from "../../api/core/limit-range.ts";
import type { Pod } from "../../api/core/pod.ts";
import { podTotal } from "../../api/core/pod-totals.ts";
import { compareQuantities, parseQuantity } from "../../machinery/quantity.ts";
import { forbidden } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

type Item = LimitRange["spec"]["limits"][number];
type Container = Pod["spec"]["containers"][number];
type Quantities = Readonly<Record<string, string>>;

/** Fills in and checks what the namespace's LimitRanges say about containers, pods and claims. */
export function limitRanger(registry: Registry): AdmissionPlugin {
  const { cache, resource } = registry.of(LimitRange);
  const itemsOf = async (namespace: string): Promise<readonly Item[]> => {
    await cache.start();
    const items: Item[] = [];
    for (const { object } of cache.range(resource.rangeOf(namespace))) {
      const { spec } = object as AnyObject as unknown as LimitRange;
      items.push(...(spec?.limits ?? []));
    }
    return items;
  };
  return {
    name: "LimitRanger",
    idle: () => cache.isEmpty,
    handles: ({ operation, resource: plural, group, subresource }) =>
      group === "" &&
      (plural === "pods"
        ? (subresource === "" && operation === "CREATE") || (subresource === "resize" && operation === "UPDATE")
        : plural === "persistentvolumeclaims" &&
          subresource === "" &&
          (operation === "CREATE" || operation === "UPDATE")),
    async mutate(object, _previous, request) {
      if (request.resource !== "pods" || request.operation !== "CREATE") return object;
      const items = (await itemsOf(request.namespace)).filter(({ type }) => type === "Container");
      return items.length === 0 ? object : withDefaults(object, items);
    },
    async validate(object, _previous, request) {
      const items = await itemsOf(request.namespace);
      if (!object || items.length === 0) return;
      const faults =
        request.resource === "pods"
          ? podFaults(object as AnyObject as unknown as Pod, items)
          : claimFaults(object, items);
      if (faults.length > 0) throw refusal(request, object.metadata.name, faults);
    },
  };
}

function refusal({ group, resource }: AdmissionRequest, name: string, faults: readonly string[]): Error {
  const text = faults.length === 1 ? faults[0] : `[${faults.join(", ")}]`;
  return forbidden({ group, plural: resource }, name, text ?? "");
}

const kindNote = "kubernetes.io/limit-ranger";

function withDefaults(object: AnyObject, items: readonly Item[]): AnyObject {
  const pod = object as AnyObject as unknown as Pod;
  const limits: Quantities = Object.assign({}, ...items.map((item) => item.default ?? {}));
  const requests: Quantities = Object.assign({}, ...items.map((item) => item.defaultRequest ?? {}));
  const notes: string[] = [];
  const fill = (container: Container, what: string): Container => {
    const present = container.resources ?? {};
    const newLimits = missing(present.limits, limits);
    const newRequests = missing(present.requests, requests);
    if (newRequests.length > 0) notes.push(`${newRequests.sort().join(", ")} request for ${what} ${container.name}`);
    if (newLimits.length > 0) notes.push(`${newLimits.sort().join(", ")} limit for ${what} ${container.name}`);
    if (newLimits.length + newRequests.length === 0) return container;
    const resources = {
      ...present,
      ...(newLimits.length > 0 ? { limits: { ...limits, ...present.limits } } : {}),
      ...(newRequests.length > 0 ? { requests: { ...requests, ...present.requests } } : {}),
    };
    return { ...container, resources };
  };
  const containers = pod.spec.containers?.map((one) => fill(one, "container"));
  const initContainers = pod.spec.initContainers?.map((one) => fill(one, "init container"));
  if (notes.length === 0) return object;
  const annotations = { ...pod.metadata.annotations, [kindNote]: `LimitRanger plugin set: ${notes.join("; ")}` };
  return {
    ...object,
    metadata: { ...object.metadata, annotations },
    spec: { ...pod.spec, containers, ...(initContainers ? { initContainers } : {}) },
  } as AnyObject;
}

const missing = (present: Quantities | undefined, wanted: Quantities) =>
  Object.keys(wanted).filter((name) => present?.[name] === undefined);

function podFaults({ spec }: Pod, items: readonly Item[]): readonly string[] {
  const faults: string[] = [];
  const all = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  for (const item of items) {
    if (item.type === "Container") {
      for (const { resources } of all) faults.push(...check(item, resources?.requests ?? {}, resources?.limits ?? {}));
    } else if (item.type === "Pod") {
      faults.push(...check(item, podTotal(spec, "requests"), podTotal(spec, "limits")));
    }
  }
  return [...new Set(faults)];
}

function claimFaults(object: AnyObject, items: readonly Item[]): readonly string[] {
  const { resources } = object.spec as { readonly resources?: { readonly requests?: Quantities } };
  return items
    .filter(({ type }) => type === "PersistentVolumeClaim")
    .flatMap((item) => check(item, resources?.requests ?? {}, undefined));
}

function check(item: Item, requests: Quantities, limits: Quantities | undefined): readonly string[] {
  const { type, min, max, maxLimitRequestRatio } = item;
  const each = (bounds: Quantities | undefined, test: (name: string, bound: string) => string | undefined) =>
    Object.entries(bounds ?? {}).flatMap(([name, bound]) => test(name, bound) ?? []);
  return [
    ...each(min, (name, least) => {
      const head = `minimum ${name} usage per ${type} is ${least}`;
      const request = requests[name];
      const limit = limits?.[name];
      if (request === undefined) return `${head}.  No request is specified`;
      if (compareQuantities(request, least) < 0) return `${head}, but request is ${request}`;
      return limit !== undefined && compareQuantities(limit, least) < 0 ? `${head}, but limit is ${limit}` : undefined;
    }),
    ...each(max, (name, most) => {
      const head = `maximum ${name} usage per ${type} is ${most}`;
      const request = requests[name];
      const limit = limits?.[name];
      if (limits && limit === undefined) return `${head}.  No limit is specified`;
      if (!limits && request === undefined) return `${head}.  No request is specified`;
      if (limit !== undefined && compareQuantities(limit, most) > 0) return `${head}, but limit is ${limit}`;
      return request !== undefined && compareQuantities(request, most) > 0
        ? `${head}, but request is ${request}`
        : undefined;
    }),
    ...each(maxLimitRequestRatio, (name, most) => {
      const head = `${name} max limit to request ratio per ${type} is ${most}`;
      const request = Number(parseQuantity(requests[name] ?? "0").nano);
      const limit = Number(parseQuantity(limits?.[name] ?? "0").nano);
      if (request === 0) return `${head}, but no request is specified or request is 0`;
      if (limit === 0) return `${head}, but no limit is specified or limit is 0`;
      const ratio = limit / request;
      return ratio > Number(parseQuantity(most).nano) / 1e9
        ? `${head}, but provided ratio is ${ratio.toFixed(6)}`
        : undefined;
    }),
  ];
}
