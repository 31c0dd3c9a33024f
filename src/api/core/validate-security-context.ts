import { type FieldPath, field } from "../../machinery/fields.ts";
import { rangeText } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, oneOf, requiredOneOf } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { descendingPath } from "./validate-paths.ts";

const highestId = 0x7fffffff;

/** The fault of a user's or group's number outside 0 to 2^31-1. */
export function validateId(place: FieldPath, id: number | undefined): Errors {
  if (id === undefined || (id >= 0 && id <= highestId)) return [];
  return [field.invalid(place, id, rangeText(0, highestId))];
}

/** The faults of a container's security context. */
export function validateSecurityContext(
  context: core.SecurityContext | undefined,
  place: FieldPath,
  options: { readonly hostUsers: boolean },
): Errors {
  if (!context) return [];
  const errors: FieldError[] = [
    ...validateId(place.child("runAsUser"), context.runAsUser),
    ...validateId(place.child("runAsGroup"), context.runAsGroup),
    ...oneOf(place.child("procMount"), context.procMount, ["Default", "Unmasked"]),
  ];
  if (context.procMount === "Unmasked" && options.hostUsers) {
    errors.push(
      field.invalid(place.child("procMount"), context.procMount, "`hostUsers` must be false to use `Unmasked`"),
    );
  }
  errors.push(...validateSeccomp(context.seccompProfile, place.child("seccompProfile")));
  errors.push(...validateAppArmor(context.appArmorProfile, place.child("appArmorProfile")));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      const detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
      errors.push(field.invalid(place, context, detail));
    }
    if (context.capabilities?.add?.includes("CAP_SYS_ADMIN")) {
      const detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
      errors.push(field.invalid(place, context, detail));
    }
  }
  return errors;
}

/** The faults of a pod's security context. */
export function validatePodSecurityContext(spec: core.PodSpec, specPlace: FieldPath): Errors {
  const context = spec.securityContext;
  if (!context) return [];
  const place = specPlace.child("securityContext");
  const errors: FieldError[] = [
    ...validateId(place.child("fsGroup"), context.fsGroup),
    ...validateId(place.child("runAsUser"), context.runAsUser),
    ...validateId(place.child("runAsGroup"), context.runAsGroup),
    ...eachAt(context.supplementalGroups, place.child("supplementalGroups"), (id, here) => validateId(here, id)),
  ];
  if (spec.shareProcessNamespace && spec.hostPID) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled";
    errors.push(field.invalid(specPlace.child("shareProcessNamespace"), true, detail));
  }
  errors.push(...validateSysctls(spec, place.child("sysctls")));
  errors.push(...oneOf(place.child("fsGroupChangePolicy"), context.fsGroupChangePolicy, ["Always", "OnRootMismatch"]));
  errors.push(...validateSeccomp(context.seccompProfile, place.child("seccompProfile")));
  errors.push(...oneOf(place.child("supplementalGroupsPolicy"), context.supplementalGroupsPolicy, ["Merge", "Strict"]));
  errors.push(...oneOf(place.child("seLinuxChangePolicy"), context.seLinuxChangePolicy, ["MountOption", "Recursive"]));
  errors.push(...validateAppArmor(context.appArmorProfile, place.child("appArmorProfile")));
  return errors;
}

function validateSeccomp(profile: core.SeccompProfile | undefined, place: FieldPath): Errors {
  if (!profile) return [];
  const errors: FieldError[] = [];
  const { type, localhostProfile } = profile;
  if (type === "Localhost") {
    if (localhostProfile === undefined) {
      errors.push(field.required(place.child("localhostProfile"), "must be set when seccomp type is Localhost"));
    } else errors.push(...descendingPath(place.child("localhostProfile"), localhostProfile));
  } else if (localhostProfile !== undefined) {
    const detail = "can only be set when seccomp type is Localhost";
    errors.push(field.invalid(place.child("localhostProfile"), profile, detail));
  }
  if (!type) errors.push(field.required(place.child("type"), "type is required when seccompProfile is set"));
  else errors.push(...oneOf(place.child("type"), type, ["Localhost", "RuntimeDefault", "Unconfined"]));
  return errors;
}

function validateAppArmor(profile: core.AppArmorProfile | undefined, place: FieldPath): Errors {
  if (!profile) return [];
  const errors: FieldError[] = [];
  const { type, localhostProfile } = profile;
  if (type === "Localhost") {
    if (localhostProfile === undefined) {
      errors.push(field.required(place.child("localhostProfile"), "must be set when AppArmor type is Localhost"));
    } else {
      const trimmed = localhostProfile.trim();
      const here = place.child("localhostProfile");
      if (trimmed !== localhostProfile) {
        errors.push(field.invalid(here, localhostProfile, "must not be padded with whitespace"));
      } else if (trimmed === "") errors.push(field.required(here, "must be set when AppArmor type is Localhost"));
      if (localhostProfile.length > 4095) errors.push(field.tooLong(here, 4095));
    }
  } else if (localhostProfile !== undefined) {
    const detail = "can only be set when AppArmor type is Localhost";
    errors.push(field.invalid(place.child("localhostProfile"), localhostProfile, detail));
  }
  errors.push(...requiredOneOf(place.child("type"), type, ["Localhost", "RuntimeDefault", "Unconfined"]));
  return errors;
}

const sysctlForm = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const sysctlName = new RegExp(`^${sysctlForm}$`);

function validateSysctls({ securityContext, hostNetwork, hostIPC }: core.PodSpec, place: FieldPath): Errors {
  if (!securityContext?.sysctls?.length) return [];
  const seen = new Set<string>();
  return eachAt(securityContext.sysctls, place, ({ name }, here) => {
    if (!name) return [field.required(here.child("name"))];
    const errors: FieldError[] = [];
    if (name.length > 253 || !sysctlName.test(name)) {
      const detail = `must have at most 253 characters and match regex ^${sysctlForm}$`;
      errors.push(field.invalid(here.child("name"), name, detail));
    } else if (seen.has(name)) errors.push(field.duplicate(here.child("name"), name));
    seen.add(name);
    const dotted = name.replaceAll("/", ".");
    if (hostNetwork && dotted.startsWith("net.")) {
      errors.push(field.invalid(here.child("name"), name, "may not be specified when 'hostNetwork' is true"));
    }
    if (
      hostIPC &&
      (dotted.startsWith("kernel.shm") || dotted.startsWith("kernel.msg") || dotted.startsWith("fs.mqueue."))
    ) {
      errors.push(field.invalid(here.child("name"), name, "may not be specified when 'hostIPC' is true"));
    }
    return errors;
  });
}
