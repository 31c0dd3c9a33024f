import type { FlowSchema } from "../../api/flowcontrol/flow-schema.ts";
import type { UserInfo } from "../exchange.ts";
import type { RequestInfo } from "../request-info.ts";

/** A flow schema, made ready to be asked about every request. */
export interface FlowMatcher {
  readonly name: string;
  readonly uid: string;
  readonly level: string;
  /** The part of the flow's name that tells flows of one schema apart. */
  distinguisher(user: UserInfo, info: RequestInfo): string;
  matches(user: UserInfo, info: RequestInfo): boolean;
}

type Rule = NonNullable<FlowSchema["spec"]["rules"]>[number];
type Test = (user: UserInfo, info: RequestInfo) => boolean;

/** The schemas in the order in which they are asked: by precedence, then by name. */
export function matchersOf(schemas: readonly FlowSchema[]): readonly FlowMatcher[] {
  return [...schemas].sort(byPrecedence).map((schema) => {
    const { rules = [], priorityLevelConfiguration, distinguisherMethod } = schema.spec;
    const tests = rules.map(ruleTest);
    const method = distinguisherMethod?.type;
    return {
      name: schema.metadata.name ?? "",
      uid: schema.metadata.uid ?? "",
      level: priorityLevelConfiguration?.name ?? "",
      distinguisher: (user, info) =>
        method === "ByUser" ? user.name : method === "ByNamespace" && info.isResource ? info.namespace : "",
      matches(user, info) {
        for (const test of tests) if (test(user, info)) return true;
        return false;
      },
    };
  });
}

function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  const difference = (a.spec.matchingPrecedence ?? 1000) - (b.spec.matchingPrecedence ?? 1000);
  return difference || ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1);
}

function ruleTest(rule: Rule): Test {
  const subject = subjectTest(rule.subjects ?? []);
  const resources = (rule.resourceRules ?? []).map(resourceTest);
  const paths = (rule.nonResourceRules ?? []).map(pathTest);
  return (user, info) => {
    if (!subject(user)) return false;
    for (const test of info.isResource ? resources : paths) if (test(user, info)) return true;
    return false;
  };
}

const accountPrefix = "system:serviceaccount:";

function subjectTest(subjects: NonNullable<Rule["subjects"]>): (user: UserInfo) => boolean {
  const users = new Set<string>();
  const groups = new Set<string>();
  const accountsOf: string[] = [];
  for (const { user, group, serviceAccount } of subjects) {
    if (user?.name) users.add(user.name);
    if (group?.name) groups.add(group.name);
    if (!serviceAccount) continue;
    const namespace = `${accountPrefix}${serviceAccount.namespace}:`;
    if (serviceAccount.name === "*") accountsOf.push(namespace);
    else users.add(namespace + serviceAccount.name);
  }
  const anyUser = users.has("*");
  const anyGroup = groups.has("*");
  return (user) => {
    if (anyUser || anyGroup || users.has(user.name)) return true;
    if (groups.size > 0) for (const group of user.groups) if (groups.has(group)) return true;
    for (const prefix of accountsOf) if (user.name.startsWith(prefix)) return true;
    return false;
  };
}

/** Whether a value is in a list in which a star stands for all. */
function listTest(values: readonly string[] | undefined): (value: string) => boolean {
  const set = new Set(values ?? []);
  return set.has("*") ? () => true : (value) => set.has(value);
}

function resourceTest(rule: NonNullable<Rule["resourceRules"]>[number]): Test {
  const verb = listTest(rule.verbs);
  const group = listTest(rule.apiGroups);
  const resource = listTest(rule.resources);
  const namespace = listTest(rule.namespaces);
  return (_user, info) => {
    if (!info.isResource || !verb(info.verb) || !group(info.group)) return false;
    if (!resource(info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`)) return false;
    return info.namespace === "" ? rule.clusterScope === true : namespace(info.namespace);
  };
}

function pathTest(rule: NonNullable<Rule["nonResourceRules"]>[number]): Test {
  const verb = listTest(rule.verbs);
  const exact = listTest(rule.nonResourceURLs);
  const prefixes = (rule.nonResourceURLs ?? []).filter((url) => url.endsWith("/*")).map((url) => url.slice(0, -1));
  return (_user, info) =>
    verb(info.verb) && (exact(info.path) || prefixes.some((prefix) => info.path.startsWith(prefix)));
}
