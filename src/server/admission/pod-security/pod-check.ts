import type * as core from "../../../api/generated/core-v1.ts";

/** A pod, or the template of one. */
export interface CheckedPod {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: core.PodSpec;
}

/** Why a check does not let a pod pass. */
export interface Violation {
  /** Short: `hostPort`. */
  readonly reason: string;
  /** What exactly: `container "c" uses hostPort 80`. */
  readonly detail: string;
}

export type CheckFunction = (pod: CheckedPod) => Violation | undefined;

/** One control of the Pod Security Standards. */
export interface PodCheck {
  readonly id: string;
  /** Checks of the baseline that this one of the restricted profile makes needless. */
  readonly overrides?: string;
  /** From which minor version on it is checked how, in growing order. */
  readonly versions: readonly (readonly [minor: number, check: CheckFunction])[];
}

export type CheckedContainer = core.Container | core.EphemeralContainer;

/** All containers of a pod in the order in which messages name them. */
export function containersOf({ initContainers, containers, ephemeralContainers }: core.PodSpec): CheckedContainer[] {
  return [...(initContainers ?? []), ...(containers ?? []), ...(ephemeralContainers ?? [])];
}

/** `"a", "b"` */
export function quotedList(items: Iterable<string>): string {
  return Array.from(items, (item) => `"${item}"`).join(", ");
}

/** The word for one, or for more. */
export function plural(count: number, one: string, more: string): string {
  return count === 1 ? one : more;
}

/** `container "a"`, `containers "a", "b"` */
export function containersText(names: readonly string[]): string {
  return `${plural(names.length, "container", "containers")} ${quotedList(names)}`;
}

/** Each text once, in order. */
export function sortedOnce(texts: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(texts.filter((text) => text !== undefined))].sort();
}

/** `pod and containers "a", "b"`: who sets something, the pod itself among them. Empty when nobody does. */
export function settersText(pod: boolean, containers: readonly string[]): string {
  return [...(pod ? ["pod"] : []), ...(containers.length > 0 ? [containersText(containers)] : [])].join(" and ");
}

/** A pod in a user namespace of its own: being root in it means little outside. */
export function hasOwnUsers({ spec }: CheckedPod): boolean {
  return spec.hostUsers === false;
}

/** Linux' protections mean nothing to pods of Windows. */
export function unlessWindows(check: CheckFunction): CheckFunction {
  return (pod) => (pod.spec.os?.name === "windows" ? undefined : check(pod));
}

export function unlessOwnUsers(check: CheckFunction): CheckFunction {
  return (pod) => (hasOwnUsers(pod) ? undefined : check(pod));
}
