import type { AccessQuestion } from "../cluster/explain-access.ts";
import { findResource, type ServedResource } from "../cluster/served-resources.ts";
import { Fault } from "../lib/fault.ts";

/** What `navarch why access` was called with. */
export interface AccessWords {
  readonly verb: string;
  /** A resource, perhaps with its group and a subresource, or a path. */
  readonly target: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly as: string;
  readonly groups?: readonly string[];
}

/** Verbs that rules give, though no request of the resource's own has them. */
const otherVerbs = new Set(["*", "use", "bind", "escalate", "impersonate", "approve", "sign", "attest"]);
const pathVerbs = ["get", "head", "post", "put", "patch", "delete", "options"];

/** The question that the words ask, and what looks wrong about it but need not be. Throws Fault `invalid`. */
export function accessQuestion(
  words: AccessWords,
  resources: readonly ServedResource[],
): { readonly question: AccessQuestion; readonly warnings: readonly string[] } {
  const { verb, target, name = "" } = words;
  const user = { name: words.as, groups: groupsOf(words) };
  if (target.startsWith("/")) return { question: { user, verb, path: pathIn(words) }, warnings: [] };
  const [word = "", ...rest] = target.split("/");
  const subresource = rest.join("/");
  const found = findResource(resources, word);
  if (!found) {
    throw new Fault("invalid", `the cluster serves no resource "${word}"; kubectl api-resources lists them`);
  }
  if (words.namespace && words.allNamespaces)
    throw new Fault("invalid", "give one of --namespace and --all-namespaces");
  const { group, resource, namespaced } = found;
  const warnings: string[] = [];
  if (subresource && !found.subresources.includes(subresource)) {
    warnings.push(
      `${resource} is not served with a subresource "${subresource}"; one object is named as: ${word} NAME`,
    );
  }
  if (!subresource && !found.verbs.includes(verb) && !otherVerbs.has(verb)) {
    warnings.push(`${resource} is not served with the verb "${verb}", only with ${found.verbs.join(", ")}`);
  }
  if (!namespaced && words.namespace) warnings.push(`${resource} lie in no namespace; -n is left aside`);
  const namespace = namespaced && !words.allNamespaces ? (words.namespace ?? "default") : "";
  return { question: { user, verb, group, resource, subresource, namespace, name }, warnings };
}

function pathIn({ verb, target, name, namespace, allNamespaces }: AccessWords): string {
  if (!pathVerbs.includes(verb)) {
    throw new Fault("invalid", `a path has no verb "${verb}"; it takes one of ${pathVerbs.join(", ")}`);
  }
  if (name) throw new Fault("invalid", `a path takes no name, but "${name}" was given`);
  if (namespace || allNamespaces) throw new Fault("invalid", "a path lies in no namespace");
  return target;
}

/** The groups that a user is in, with those that the API server adds to everybody it knows, as with impersonation. */
function groupsOf({ as, groups = [] }: AccessWords): readonly string[] {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(as) ?? [];
  const own =
    namespace && groups.length === 0 ? ["system:serviceaccounts", `system:serviceaccounts:${namespace}`] : groups;
  const everybody = as === "system:anonymous" ? "system:unauthenticated" : "system:authenticated";
  return [...new Set([...own, everybody])];
}
