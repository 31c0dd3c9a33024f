import type { ParamKind, ParamRef } from "../../../api/generated/admissionregistration-v1.ts";
import { selectorOfObject } from "../../../machinery/labels.ts";
import { toServed } from "../../../registry/held.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject, Served } from "../../../registry/resource.ts";

/** The objects that a binding hands to its policy, or why that cannot be told. */
export type Params = { readonly values: readonly (AnyObject | undefined)[] } | { readonly fault: string };

/** Why a policy as such cannot be asked: its kind of parameters is not served. */
export function unknownParamKind(registry: Registry, kind: ParamKind | undefined): string | undefined {
  if (!kind || servedKind(registry, kind)) return undefined;
  return `failed to find resource referenced by paramKind: '${kind.apiVersion}, Kind=${kind.kind}'`;
}

/** The version of a resource that a kind names. */
export function servedKind(registry: Registry, { apiVersion = "", kind = "" }: ParamKind): Served | undefined {
  for (const { resource } of registry.collections) {
    const served = resource.served.get(apiVersion);
    if (served?.kind === kind) return served;
  }
  return undefined;
}

/** The parameters of a binding for a request in a namespace; one that is undefined when it needs none. */
export async function bindingParams(
  registry: Registry,
  kind: ParamKind | undefined,
  reference: ParamRef | undefined,
  namespace: string,
): Promise<Params> {
  if (!kind || !reference) return { values: [undefined] };
  const served = servedKind(registry, kind);
  if (!served) return { fault: `paramKind kind \`${kind.apiVersion}, Kind=${kind.kind}\` not known` };
  const { resource } = served;
  if (reference.namespace && !resource.namespaced) {
    return { fault: "paramRef.namespace must not be provided for a cluster-scoped `paramKind`" };
  }
  const place = resource.namespaced ? reference.namespace || namespace : undefined;
  if (place === "") {
    return { fault: "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources" };
  }
  const values = await find(registry, served, place, reference);
  if (values.length === 0 && reference.parameterNotFoundAction === "Deny") {
    return { fault: "no params found for policy binding with `Deny` parameterNotFoundAction" };
  }
  return { values: values.map((object) => inOwnVersion(object, served)) };
}

async function find(
  registry: Registry,
  served: Served,
  namespace: string | undefined,
  { name, selector }: ParamRef,
): Promise<readonly AnyObject[]> {
  const { cache, resource } = registry.of(served.resource.kind);
  if (name) {
    const key = resource.key(namespace, name);
    if (!cache.get(key)) await cache.current();
    const held = cache.get(key);
    return held ? [held.object] : [];
  }
  await cache.start();
  const matches = selectorOfObject(selector);
  return Array.from(cache.range(resource.rangeOf(namespace)), ({ object }) => object).filter(({ metadata }) =>
    matches.matches(metadata.labels),
  );
}

function inOwnVersion(object: AnyObject, served: Served): AnyObject {
  return { ...toServed(object, served), kind: served.kind, apiVersion: served.apiVersion };
}
