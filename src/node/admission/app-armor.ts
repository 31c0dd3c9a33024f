import { existsSync, readFileSync } from "node:fs";
import { allContainers } from "../../api/core/pod-state.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { Refusal } from "../pods/node-room.ts";

/** Why a pod that wants to be confined by AppArmor must not begin on a machine without it: it would run unconfined. */
export function refusedProfile({ spec }: Pod, enabled: boolean): Refusal | undefined {
  const all = [spec.securityContext, ...allContainers(spec).map(({ securityContext }) => securityContext)];
  const wanted = all.some((security) => security?.appArmorProfile && security.appArmorProfile.type !== "Unconfined");
  if (!wanted || enabled) return undefined;
  return { reason: "AppArmor", message: "Cannot enforce AppArmor: AppArmor is not enabled on the host" };
}

/** Whether this machine's kernel confines by AppArmor. */
export function hasAppArmor(): boolean {
  const parameter = "/sys/module/apparmor/parameters/enabled";
  return (
    existsSync("/sys/kernel/security/apparmor") && existsSync(parameter) && readFileSync(parameter, "utf8")[0] === "Y"
  );
}
