import { dirname, isAbsolute, join } from "node:path";
import { type AdmissionSettings, readAdmissionConfiguration } from "../server/admission/admission-settings.ts";
import type { ApiServerFlags } from "./api-server-flag-names.ts";
import { userFile as read } from "./user-file.ts";

/** Which admission plugins run, by flags and the file that one names. Throws Fault `invalid`. */
export function admissionFromFlags(flags: ApiServerFlags): AdmissionSettings {
  const names = (flag: string) => flags[flag]?.split(",").map((name) => name.trim());
  const enable = names("enable-admission-plugins");
  const disable = names("disable-admission-plugins");
  const file = flags["admission-control-config-file"];
  const configuration = file
    ? readAdmissionConfiguration(read(file), (path) => read(isAbsolute(path) ? path : join(dirname(file), path)))
    : undefined;
  return {
    ...(enable ? { enable } : {}),
    ...(disable ? { disable } : {}),
    ...(configuration ? { configuration } : {}),
  };
}
