import { applyConfiguration } from "../../machinery/apply/apply.ts";
import type { Endpoint, VersionView } from "../../machinery/apply/ownership.ts";
import { updateManagers } from "../../machinery/apply/update-managers.ts";
import { toServed } from "../../registry/held.ts";
import type { AnyObject, Served } from "../../registry/resource.ts";
import { timestamp, toStored, withDefaults } from "../../registry/write.ts";
import type { Call } from "../call.ts";
import type { WriteParameters } from "./options.ts";

/** Who owns which field after a write; objects are in the client's version. */
export interface Ownership {
  /** `next` with the managedFields that follow when `previous` becomes it. */
  update(next: AnyObject, previous: AnyObject | undefined): AnyObject;
  /** What `previous` becomes when `applied` is applied to it. Throws Conflict naming the fields of others. */
  apply(applied: AnyObject, previous: AnyObject | undefined): AnyObject;
}

/** The ownership of one call's write, at the object itself or at a subresource. */
export function ownership(call: Call, parameters: WriteParameters, subresource: string): Ownership {
  const { served, services } = call;
  const endpoint = endpointOf(served, subresource);
  const { fieldManager: manager, force } = parameters;
  const time = timestamp(services.clock.now());
  return {
    update: (next, live) => updateManagers({ live, next, endpoint, manager, time }),
    apply: (applied, live) => {
      const config = applied as unknown as Readonly<Record<string, unknown>>;
      const { object } = applyConfiguration({ live, config, endpoint, manager, force, time });
      return withDefaults(object as unknown as AnyObject, served);
    },
  };
}

const endpoints = new WeakMap<Served, Map<string, Endpoint>>();

function endpointOf(served: Served, subresource: string): Endpoint {
  const known = endpoints.get(served) ?? new Map<string, Endpoint>();
  endpoints.set(served, known);
  const endpoint = known.get(subresource) ?? makeEndpoint(served, subresource);
  known.set(subresource, endpoint);
  return endpoint;
}

function makeEndpoint(served: Served, subresource: string): Endpoint {
  const { resource, apiVersion, type, subresources } = served;
  const reset = subresource === "" ? (subresources.has("status") ? wholeReset : undefined) : statusReset[subresource];
  return {
    apiVersion,
    type,
    ...(subresource ? { subresource } : {}),
    ...(reset ? { reset } : {}),
    inVersion: (other) => viewOf(served, resource.versions.get(other)),
  };
}

const wholeReset = [["status"]];
const statusReset: Readonly<Record<string, readonly (readonly string[])[]>> = {
  status: [["spec"], ["metadata", "labels"]],
};

function viewOf(served: Served, other: Served | undefined): VersionView | undefined {
  if (!other) return undefined;
  return {
    type: other.type,
    to: (object) => toServed(toStored(object as AnyObject, served), other),
    from: (object) => toServed(toStored(object as AnyObject, other), served),
  };
}
