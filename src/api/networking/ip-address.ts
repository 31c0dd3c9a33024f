import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";

export type IPAddress = networking.IPAddress;

/** An address that is taken, and by whom. */
export const IPAddress = defineKind<networking.IPAddress>({
  type: "networking/v1.IPAddress",
  plural: "ipaddresses",
  shortNames: ["ip"],
  scope: "Cluster",
});
