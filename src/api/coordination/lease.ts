import type * as coordination from "../generated/coordination-v1.ts";
import { defineKind } from "../kind.ts";

export type Lease = coordination.Lease;

/** A lock with an expiry: leader election and node heartbeats. */
export const Lease = defineKind<coordination.Lease>({
  type: "coordination/v1.Lease",
  plural: "leases",
  scope: "Namespaced",
  createOnUpdate: true,
  unconditionalUpdate: false,
});
