/** Verbs that Kubernetes knows of resources; others make sense only to somebody's own. */
export const resourceVerbs = new Set([
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
  "use",
  "bind",
  "impersonate",
  "*",
  "approve",
  "sign",
  "escalate",
  "attest",
]);
/** A rule of a role, or of what a user may do. */
export interface PolicyRule {
  readonly verbs?: readonly string[] | null;
  readonly apiGroups?: readonly string[] | null;
  readonly resources?: readonly string[] | null;
  readonly resourceNames?: readonly string[] | null;
  readonly nonResourceURLs?: readonly string[] | null;
}

/** One line of the table: a single resource of a group with all its verbs, or a single path with one. */
interface Line {
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly url?: string;
}

/** The columns of a table of permissions. */
export const ruleHeads = ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"] as const;

/** The lines of a table of permissions: verbs of one resource together, in the order in which Go sorts printed rules. */
export function ruleCells(rules: readonly PolicyRule[]): readonly (readonly string[])[] {
  const lines = compacted(rules.flatMap(linesOf)).toSorted((a, b) =>
    sortText(a) < sortText(b) ? -1 : sortText(a) > sortText(b) ? 1 : 0,
  );
  return lines.map(({ group = "", resource, name, url, verbs }) => {
    const [plural = "", ...sub] = (resource ?? "").split("/");
    const type = `${plural}${group ? `.${group}` : ""}${sub.length > 0 ? `/${sub.join("/")}` : ""}`;
    return [type, `[${url ?? ""}]`, `[${name ?? ""}]`, `[${verbs.join(" ")}]`];
  });
}

/** A rule as its single permissions. */
function linesOf(rule: PolicyRule): readonly Line[] {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  const each = (verb: string): readonly Line[] => [
    ...(apiGroups ?? []).flatMap((group) =>
      (resources ?? []).flatMap((resource): readonly Line[] =>
        resourceNames?.length
          ? resourceNames.map((name) => ({ verbs: [verb], group, resource, name }))
          : [{ verbs: [verb], group, resource }],
      ),
    ),
    ...(nonResourceURLs ?? []).map((url) => ({ verbs: [verb], url })),
  ];
  return (verbs ?? []).flatMap(each);
}

/** Verbs of one resource together. */
function compacted(lines: readonly Line[]): readonly Line[] {
  const known = new Map<string, Line>();
  const urls: Line[] = [];
  for (const line of lines) {
    if (line.url !== undefined) {
      urls.push(line);
      continue;
    }
    const key = JSON.stringify([line.group, line.resource, line.name]);
    const before = known.get(key);
    const verbs = [...new Set([...(before?.verbs ?? []), ...line.verbs])];
    known.set(key, { ...line, verbs });
  }
  return [...urls, ...known.values()];
}

/** The order of Go's printed rules. */
function sortText({ verbs, group, resource, name, url }: Line): string {
  const list = (text: string | undefined) => `[${text ?? ""}]`;
  return `&PolicyRule{Verbs:[${verbs.join(" ")}],APIGroups:${list(group)},Resources:${list(resource)},ResourceNames:${list(name)},NonResourceURLs:${list(url)},}`;
}
