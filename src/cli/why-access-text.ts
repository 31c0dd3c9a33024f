import type { AccessExplanation, AccessQuestion } from "../cluster/explain-access.ts";
import { alignedTable } from "./flags.ts";

/** Roles shown; all are in the JSON. */
const mostShown = 10;

/** An access decision for people: the verdict, who, what and where, the reason, and what would change a refusal. */
export function accessText(question: AccessQuestion, explanation: AccessExplanation): string {
  const { allowed, denied } = explanation;
  const verdict = allowed ? "Allowed." : denied ? "Denied; no role can overrule it." : "Not allowed.";
  const facts = [
    ["who", who(question)],
    ["what", what(question)],
    ["where", where(question)],
    ["why", why(explanation)],
    ...(denied ? [] : [[allowed ? "rule it takes" : "rule needed", ruleLine(explanation)]]),
  ];
  const table = alignedTable(facts.map(([label = "", text = ""]) => [`  ${label}`, text]));
  return [`${verdict}\n${table}`, narrowest(explanation), existing(explanation)].filter(Boolean).join("\n\n");
}

function who({ user }: AccessQuestion): string {
  return user.groups.length > 0 ? `${user.name}, of ${user.groups.join(", ")}` : user.name;
}

function what(question: AccessQuestion): string {
  if ("path" in question) return `${question.verb} path ${question.path}`;
  const { verb, group, resource, subresource, name } = question;
  const whole = subresource ? `${resource}/${subresource}` : resource;
  return `${verb} ${whole}${name ? ` "${name}"` : ""}${group ? ` of ${group}` : ""}`;
}

function where(question: AccessQuestion): string {
  if ("path" in question) return "the API server";
  return question.namespace ? `namespace ${question.namespace}` : "the whole cluster";
}

function why({ allowed, reason }: AccessExplanation): string {
  if (reason) return reason.replaceAll("\n", "; ");
  return allowed ? "the group system:masters may do everything, and /livez and the like are open" : "no rule allows it";
}

function ruleLine({ rule }: AccessExplanation): string {
  const parts = [
    ["apiGroups", rule.apiGroups],
    ["resources", rule.resources],
    ["resourceNames", rule.resourceNames],
    ["nonResourceURLs", rule.nonResourceURLs],
    ["verbs", rule.verbs],
  ] as const;
  return parts
    .flatMap(([label, values]) =>
      values ? [`${label}: [${values.map((one) => JSON.stringify(one)).join(", ")}]`] : [],
    )
    .join(", ");
}

function narrowest(explanation: AccessExplanation): string {
  if (!explanation.narrowest) return "";
  return ["To allow just this:", ...explanation.narrowest.map((line) => `  ${line}`)].join("\n");
}

function existing({ allowed, denied, roles, command }: AccessExplanation): string {
  if (allowed || denied || roles.length === 0) return "";
  const rows = roles
    .slice(0, mostShown)
    .map(({ kind, name, namespace }) => [kind, namespace ? `${namespace}/${name}` : name]);
  const more = roles.length > mostShown ? `\n... and ${roles.length - mostShown} more; -o json has them all` : "";
  const bind = command ? `\n\nTo bind the first of them, with all else that it gives:\n  ${command}` : "";
  return `${alignedTable([["HAS SUCH A RULE", "NAME"], ...rows])}${more}${bind}`;
}
