import { Fault } from "../lib/fault.ts";
import { nodeConfigurationFlags } from "../node/configuration.ts";
import { ingressFlagNames } from "./ingress-settings.ts";

/** Flags of one of upstream's programs by their names without dashes in front. */
export type Flags = Readonly<Record<string, string>>;

/**
 * The controller manager's flags that are known here: how it is elected, with the scheduler, how soon a silent node is given
 * up, how large a node's pod range is, and (our own) which addresses Services of type LoadBalancer get.
 */
export const controllerFlagNames: readonly string[] = [
  "leader-elect",
  "leader-elect-lease-duration",
  "leader-elect-renew-deadline",
  "leader-elect-retry-period",
  "load-balancer-pool",
  "node-cidr-mask-size",
  "node-cidr-mask-size-ipv4",
  "node-cidr-mask-size-ipv6",
  "node-monitor-grace-period",
  "node-monitor-period",
  "node-startup-grace-period",
];

/**
 * The kubelet's flags that are known here: how often a node says that it lives, what the agent reads for itself, and (our own)
 * how the node serves Ingresses.
 */
export const nodeFlagNames: readonly string[] = [...ingressFlagNames, ...nodeConfigurationFlags];

/** Whether a flag's value is a path, which may be relative to where it was written; `-` is none. */
export function isPathFlag(name: string, value: string): boolean {
  return value !== "" && value !== "-" && name !== "runtime-config" && /(?:^config|file|-config|-path)$/.test(name);
}

/** All flags that were given: later flags count for more, empty ones for nothing. Throws Fault `invalid` for one that is not among the names. */
export function knownFlags(
  part: string,
  names: readonly string[],
  given: readonly (Flags | undefined)[],
): Flags | undefined {
  const all: Flags = Object.assign({}, ...given);
  const unknown = Object.keys(all).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Fault("invalid", `the ${part} has no flag --${unknown}`);
  if (given.every((flags) => flags === undefined)) return undefined;
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}
