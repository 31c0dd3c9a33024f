import type { ApiSwitches } from "../api/optional-kinds.ts";
import { Fault } from "../lib/fault.ts";
import type { ApiServerFlags } from "./api-server-flag-names.ts";

/** What is served and done other than usual, by `--feature-gates` and `--runtime-config`. Throws Fault `invalid`. */
export function switchesFromFlags(flags: ApiServerFlags): ApiSwitches {
  return { gates: switchesIn(flags, "feature-gates"), runtime: switchesIn(flags, "runtime-config", "true") };
}

/** `name=true,other=false`; a name alone is what is `usual`. */
function switchesIn(flags: ApiServerFlags, flag: string, usual?: string): Readonly<Record<string, boolean>> {
  const switches: Record<string, boolean> = {};
  for (const pair of flags[flag]?.split(",") ?? []) {
    const [name = "", value = usual] = pair.split("=").map((part) => part.trim());
    if (name === "") continue;
    if (value !== "true" && value !== "false") {
      throw new Fault("invalid", `${flag} takes name=true or name=false, not ${JSON.stringify(pair)}`);
    }
    switches[name] = value === "true";
  }
  return switches;
}
