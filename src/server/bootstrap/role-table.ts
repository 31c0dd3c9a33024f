import type { PolicyRule } from "../authorization/policy-rules.ts";

/** Rules by the name of their role. */
export type RoleTable = Readonly<Record<string, readonly PolicyRule[]>>;

const words = (text: string) => text.split(" ");

/** A rule about resources; each argument is a list of words, `core` is the group without a name. */
export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === "core" ? "" : group)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
  };
}

/** A rule about paths that are no resources. */
export function paths(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls) };
}
