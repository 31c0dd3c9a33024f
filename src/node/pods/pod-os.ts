import type { Pod } from "../../api/generated/core-v1.ts";
import type { Refusal } from "./node-room.ts";

/** Why a pod is for machines of another system than this; pods that do not say are for any. */
export function refusedSystem({ spec }: Pod): Refusal | undefined {
  if (!spec.os || spec.os.name === "linux") return undefined;
  return { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" };
}
