import { alignTabs, tableTabs } from "../../output/tab-align.ts";
import { type PolicyRule, ruleCells, ruleHeads } from "../../resources/policy-rules.ts";
import type { Session } from "../../session.ts";

/** Prints everything that the user may do in a namespace. */
export async function listAllowed(session: Session, namespace: string, noHeaders: boolean): Promise<void> {
  const review = await session.api.call<{
    readonly status?: {
      readonly resourceRules?: readonly PolicyRule[];
      readonly nonResourceRules?: readonly PolicyRule[];
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
  const head = noHeaders ? [] : [ruleHeads];
  const text = [...head, ...ruleCells([...resourceRules, ...nonResourceRules])]
    .map((row) => `${row.join("\t")}\n`)
    .join("");
  session.host.stdout.write(alignTabs(text, tableTabs));
}
