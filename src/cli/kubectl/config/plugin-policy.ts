import { normalize, resolve } from "node:path";
import { goQuote } from "../../../lib/go-text.ts";
import type { Host } from "../host.ts";
import { findProgram } from "../plugin-call.ts";

/** Which credential plug-ins may run, as the preferences say. */
export interface PluginPolicy {
  /** AllowAll, DenyAll or Allowlist; nothing is AllowAll. */
  readonly type: string;
  /** Paths, or names in the search path; undefined is none given. */
  readonly allowlist: readonly string[] | undefined;
}

/** What is wrong with a policy, if anything: one that says nothing clear must not let everything pass. */
export function policyProblem({ type, allowlist }: PluginPolicy): string | undefined {
  switch (type) {
    case "":
    case "AllowAll":
    case "DenyAll":
      if (!allowlist) return undefined;
      return `misconfigured credential plugin allowlist: plugin policy is ${goQuote(type)} but allowlist is non-nil`;
    case "Allowlist": {
      if (!allowlist) return 'credential plugin policy set to "Allowlist", but allowlist is unspecified';
      if (allowlist.length === 0) {
        return 'credential plugin policy set to "Allowlist", but allowlist is empty; use "DenyAll" policy instead';
      }
      const empty = allowlist.indexOf("");
      if (empty >= 0) return `misconfigured credential plugin allowlist: empty allowlist entry #${empty + 1}`;
      const odd = allowlist.find((entry) => normalize(entry) !== entry);
      return odd && `non-normalized file path: ${goQuote(odd)} vs ${goQuote(normalize(odd))}`;
    }
    default:
      return `unknown plugin policy: ${goQuote(type)}`;
  }
}

/** The program to run for a plug-in under a policy, or why it may not run. */
export function permittedProgram(
  command: string,
  policy: PluginPolicy | undefined,
  { env, cwd }: Pick<Host, "env" | "cwd">,
): { readonly program: string } | { readonly refused: string } {
  const type = policy?.type ?? "";
  if (!policy || type === "" || type === "AllowAll") return { program: command };
  // A path must not pass as a name of the search path: ./login is not login.
  const plain = command.includes("/") ? resolve(cwd, command) : command;
  if (type === "DenyAll") return { refused: `plugin ${goQuote(plain)} not allowed: policy set to "DenyAll"` };
  const allowed = policy.allowlist ?? [];
  if (allowed.includes(plain)) return { program: command };
  const found = pathOf(plain, env);
  if (!found) {
    const why = `exec: ${goQuote(plain)}: executable file not found in $PATH`;
    return {
      refused: `plugin path ${goQuote(plain)} cannot be resolved for credential plugin allowlist check: ${why}`,
    };
  }
  // What was looked at is what runs, whatever the search path finds later.
  if (allowed.some((entry) => pathOf(entry, env) === found)) return { program: found };
  return { refused: `plugin path ${goQuote(found)} is not permitted by the credential plugin allowlist` };
}

const pathOf = (name: string, env: Host["env"]) => (name.includes("/") ? name : findProgram(name, env));
