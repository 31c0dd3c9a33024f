import { allContainers } from "../../api/core/pod-state.ts";
import type { Container, EphemeralContainer, Pod } from "../../api/generated/core-v1.ts";

/** A container as a pod declares it, of whichever kind. */
export type DeclaredContainer = Container & Pick<EphemeralContainer, "targetContainerName">;

/** The declaration of a name among init, own and ephemeral containers. */
export function declared(pod: Pod, name: string): DeclaredContainer | undefined {
  return allContainers(pod.spec).find((container) => container.name === name);
}

export type ContainerKind = "containers" | "initContainers" | "ephemeralContainers";

/** Which list of the pod a name is in. */
export function kindOf(pod: Pod, name: string): ContainerKind {
  const has = (list: readonly { readonly name: string }[] | undefined) => list?.some((each) => each.name === name);
  if (has(pod.spec.initContainers)) return "initContainers";
  return has(pod.spec.ephemeralContainers) ? "ephemeralContainers" : "containers";
}

/** How events name a part of a pod: `spec.containers{web}`. */
export function fieldPathOf(pod: Pod, name: string): string {
  return `spec.${kindOf(pod, name)}{${name}}`;
}
