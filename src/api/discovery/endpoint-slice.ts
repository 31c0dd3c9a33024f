import type * as discovery from "../generated/discovery-v1.ts";
import { defineKind } from "../kind.ts";

export type EndpointSlice = discovery.EndpointSlice;

/** A part of the addresses behind a Service. */
export const EndpointSlice = defineKind<discovery.EndpointSlice>({
  type: "discovery/v1.EndpointSlice",
  plural: "endpointslices",
  scope: "Namespaced",
});
