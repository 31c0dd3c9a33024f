import { list, text } from "../../flags/flag.ts";
import { CommandError, NoResourceMatch } from "../../messages.ts";
import { resourceVerbs } from "../../resources/policy-rules.ts";
import type { Session } from "../../session.ts";
import { generatorCommand, kindRef } from "./generator.ts";

const group = "rbac.authorization.k8s.io";

const ruleFlags = {
  verb: list("What is allowed: get, list, watch, create, update, patch, delete, ..."),
  resource: list("On which types, as pods or deployments.apps/scale."),
  "resource-name": list("Only on objects of these names."),
} as const;

interface RuleFlags {
  readonly verb: readonly string[];
  readonly resource: readonly string[];
  readonly "resource-name": readonly string[];
}

interface NamedResource {
  readonly group: string;
  readonly resource: string;
}

/** What stands in a rule for each of the words; types are looked up at the server. */
async function resourcesFor(session: Session, words: readonly string[]): Promise<readonly NamedResource[]> {
  const found: NamedResource[] = [];
  for (const word of [...new Set(words)]) {
    const [type = "", subresource] = word.split("/");
    if (type === "") throw new CommandError("resource with subresource and empty resource name is not allowed");
    if (type === "*") {
      found.push({ group: "", resource: subresource ? `*/${subresource}` : "*" });
      continue;
    }
    const { plural, group } = await lookUp(session, type);
    found.push({ group, resource: subresource ? `${plural}/${subresource}` : plural });
  }
  return found;
}

async function lookUp(session: Session, type: string) {
  try {
    return await (await session.mapper()).resource(type);
  } catch (error) {
    if (error instanceof NoResourceMatch) throw new CommandError(error.message, { verbatim: true });
    throw error;
  }
}

function verbsOf(session: Session, flags: RuleFlags): readonly string[] {
  const verbs = [...new Set(flags.verb)];
  if (verbs.includes("*")) return ["*"];
  if (verbs.length === 0) throw new CommandError("at least one verb must be specified");
  for (const verb of verbs) {
    if (!resourceVerbs.has(verb)) session.complain(`Warning: '${verb}' is not a standard resource verb`);
  }
  return verbs;
}

async function resourceRules(session: Session, flags: RuleFlags, verbs: readonly string[]) {
  const named = await resourcesFor(session, flags.resource);
  const groups = [...new Set(named.map(({ group }) => group))];
  return groups.map((name) => ({
    apiGroups: [name],
    ...(flags["resource-name"].length > 0 ? { resourceNames: flags["resource-name"] } : {}),
    resources: named.filter((one) => one.group === name).map(({ resource }) => resource),
    verbs,
  }));
}

/** `kubectl create role` */
export const role = generatorCommand({
  name: "role",
  short: "Create a role with single rule",
  usage:
    "NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename] [--dry-run=server|client|none]",
  flags: ruleFlags,
  kind: kindRef(`${group}/v1`, "Role", "roles"),
  async make({ flags, session }) {
    const verbs = verbsOf(session, flags);
    if (flags.resource.length === 0) throw new CommandError("at least one resource must be specified");
    return { rules: await resourceRules(session, flags, verbs) };
  },
});

/** `kubectl create clusterrole` */
export const clusterrole = generatorCommand({
  name: "clusterrole",
  short: "Create a cluster role",
  usage: "NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none]",
  flags: {
    ...ruleFlags,
    "non-resource-url": list("On these paths of the server, as /healthz."),
    "aggregation-rule": list("Takes the rules of all cluster roles with these labels."),
  },
  kind: kindRef(`${group}/v1`, "ClusterRole", "clusterroles", false),
  async make({ flags, session }) {
    const urls = flags["non-resource-url"];
    const labels = flags["aggregation-rule"];
    if (labels.length > 0) {
      if (urls.length > 0 || flags.resource.length > 0 || flags["resource-name"].length > 0) {
        throw new CommandError(
          "aggregation rule must be specified without nonResourceURLs, resources or resourceNames",
        );
      }
      const matchLabels = Object.fromEntries(labels.map((pair) => pair.split("=") as [string, string]));
      return { aggregationRule: { clusterRoleSelectors: [{ matchLabels }] }, rules: null };
    }
    const verbs = [...new Set(flags.verb)];
    if (verbs.length === 0) throw new CommandError("at least one verb must be specified");
    if (flags.resource.length === 0 && urls.length === 0) {
      throw new CommandError("one of resource or nonResourceURL must be specified");
    }
    if (flags.resource.length > 0) {
      const rules = await resourceRules(session, flags, verbsOf(session, flags));
      return { rules: [...rules, ...(urls.length > 0 ? [{ nonResourceURLs: urls, verbs }] : [])] };
    }
    for (const verb of verbs) {
      if (!["get", "post", "put", "delete", "patch", "head", "options", "*"].includes(verb)) {
        throw new CommandError(`invalid verb: '${verb}' for nonResourceURL`);
      }
    }
    return { rules: [{ nonResourceURLs: urls, verbs }] };
  },
});

const subjectFlags = {
  user: list("A user who gets the role."),
  group: list("A group that gets the role."),
  serviceaccount: list("A service account that gets the role, as namespace:name."),
} as const;

function subjectsOf(flags: {
  readonly user: readonly string[];
  readonly group: readonly string[];
  readonly serviceaccount: readonly string[];
}): object {
  const subjects = [
    ...flags.user.map((name) => ({ apiGroup: group, kind: "User", name })),
    ...flags.group.map((name) => ({ apiGroup: group, kind: "Group", name })),
    ...flags.serviceaccount.map((text) => {
      const [namespace, name, ...more] = text.split(":");
      if (!namespace || !name || more.length > 0) {
        throw new CommandError("serviceaccount must be <namespace>:<name>");
      }
      return { kind: "ServiceAccount", name, namespace };
    }),
  ];
  return subjects.length > 0 ? { subjects } : {};
}

/** `kubectl create rolebinding` */
export const rolebinding = generatorCommand({
  name: "rolebinding",
  short: "Create a role binding for a particular role or cluster role",
  usage:
    "NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
  flags: {
    ...subjectFlags,
    clusterrole: text("The cluster role that is given."),
    role: text("The role that is given."),
  },
  kind: kindRef(`${group}/v1`, "RoleBinding", "rolebindings"),
  failure: "failed to create rolebinding: ",
  async make({ flags }) {
    if (Boolean(flags.clusterrole) === Boolean(flags.role)) {
      throw new CommandError("exactly one of clusterrole or role must be specified");
    }
    const kind = flags.role ? "Role" : "ClusterRole";
    return { roleRef: { apiGroup: group, kind, name: flags.role || flags.clusterrole }, ...subjectsOf(flags) };
  },
});

/** `kubectl create clusterrolebinding` */
export const clusterrolebinding = generatorCommand({
  name: "clusterrolebinding",
  short: "Create a cluster role binding for a particular cluster role",
  usage:
    "NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
  flags: { ...subjectFlags, clusterrole: text("The cluster role that is given.") },
  required: ["clusterrole"],
  kind: kindRef(`${group}/v1`, "ClusterRoleBinding", "clusterrolebindings", false),
  failure: "failed to create clusterrolebinding: ",
  async make({ flags }) {
    return { roleRef: { apiGroup: group, kind: "ClusterRole", name: flags.clusterrole }, ...subjectsOf(flags) };
  },
});
