import { alignTabs, tableTabs } from "../../output/tab-align.ts";
import type { Session } from "../../session.ts";

interface Rule {
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

/** Prints everything that the user may do in a namespace. */
export async function listAllowed(session: Session, namespace: string, noHeaders: boolean): Promise<void> {
  const review = await session.api.call<{
    readonly status?: {
      readonly resourceRules?: readonly Rule[];
      readonly nonResourceRules?: readonly Rule[];
      readonly incomplete?: boolean;
      readonly evaluationError?: string;
    };
  }>({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace } },
  });
  const { resourceRules = [], nonResourceRules = [], incomplete, evaluationError } = review.status ?? {};
  if (incomplete) {
    session.warn(`the list may be incomplete: ${evaluationError ?? ""}`);
  }
  const lines = compacted([...resourceRules, ...nonResourceRules].flatMap(linesOf)).toSorted((a, b) =>
    sortText(a) < sortText(b) ? -1 : sortText(a) > sortText(b) ? 1 : 0,
  );
  const rows = lines.map(({ group = "", resource, name, url, verbs }) => {
    const [plural = "", ...sub] = (resource ?? "").split("/");
    const type = `${plural}${group ? `.${group}` : ""}${sub.length > 0 ? `/${sub.join("/")}` : ""}`;
    return [type, `[${url ?? ""}]`, `[${name ?? ""}]`, `[${verbs.join(" ")}]`];
  });
  const head = noHeaders ? [] : [["Resources", "Non-Resource URLs", "Resource Names", "Verbs"]];
  const text = [...head, ...rows].map((row) => `${row.join("\t")}\n`).join("");
  session.host.stdout.write(alignTabs(text, tableTabs));
}

/** A rule as its single permissions. */
function linesOf(rule: Rule): readonly Line[] {
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
