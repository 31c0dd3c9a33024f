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

/** A rule that shows resources, and how they change. */
export function reading(groups: string, resources: string, names?: string): PolicyRule {
  return rule("get list watch", groups, resources, names);
}

/** The rules by which a controller tells the status of its kind and keeps objects until it is done with them. */
export function settling(groups: string, plural: string): readonly PolicyRule[] {
  return [rule("update", groups, `${plural}/status`), rule("update", groups, `${plural}/finalizers`)];
}

/** What everybody may do who tells what happened. */
export const writeEvents = rule("create patch update", "core events.k8s.io", "events");

/** A rule about paths that are no resources. */
export function paths(verbs: string, urls: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(urls) };
}
