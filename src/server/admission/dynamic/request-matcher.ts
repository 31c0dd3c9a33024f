import { Namespace } from "../../../api/core/namespace.ts";
import type {
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from "../../../api/generated/admissionregistration-v1.ts";
import type { LabelSelector } from "../../../machinery/generated/meta-v1.ts";
import { type Labels, type Selector, selectorOfObject } from "../../../machinery/labels.ts";
import { notFound } from "../../../machinery/status-error.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject, Served } from "../../../registry/resource.ts";
import { objectOf } from "../../../registry/watch-cache.ts";
import type { AdmissionRequest, GroupVersionKind } from "../admission.ts";

/** The version in which a webhook or a policy wants to see a request. */
export interface Matched {
  readonly served: Served;
  readonly kind: GroupVersionKind;
}

type Rule = RuleWithOperations & Pick<NamedRuleWithOperations, "resourceNames">;

/** A choice of requests with its selectors read once. */
export interface RequestFilter {
  readonly rules: readonly Rule[];
  readonly excluded: readonly Rule[];
  readonly equivalent: boolean;
  /** Undefined where everything is selected. */
  readonly namespaces: Selector | undefined;
  readonly objects: Selector | undefined;
}

/** Reads what webhooks and policies say about the requests they want. */
export function requestFilter(
  match: Pick<
    MatchResources,
    "resourceRules" | "excludeResourceRules" | "matchPolicy" | "namespaceSelector" | "objectSelector"
  >,
): RequestFilter {
  return {
    rules: match.resourceRules ?? [],
    excluded: match.excludeResourceRules ?? [],
    equivalent: match.matchPolicy !== "Exact",
    namespaces: selectorIn(match.namespaceSelector),
    objects: selectorIn(match.objectSelector),
  };
}

function selectorIn(selector: LabelSelector | undefined): Selector | undefined {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return Object.keys(matchLabels).length + matchExpressions.length === 0 ? undefined : selectorOfObject(selector);
}

const configurationGroup = "admissionregistration.k8s.io";
const configurations = new Set([
  "validatingwebhookconfigurations",
  "mutatingwebhookconfigurations",
  "validatingadmissionpolicies",
  "validatingadmissionpolicybindings",
  "mutatingadmissionpolicies",
  "mutatingadmissionpolicybindings",
]);

/** Whether a request is about the configuration of admission itself: nobody must be able to lock everybody out of it. */
export function isAdmissionConfiguration({ group, resource }: AdmissionRequest): boolean {
  return group === configurationGroup && configurations.has(resource);
}

/** Finds out which webhooks and policies a request concerns. */
export class RequestMatcher {
  readonly #namespaces;

  constructor(registry: Registry) {
    this.#namespaces = registry.of(Namespace);
  }

  /** The version in which the filter wants the request; undefined when it does not want it. Throws NotFound. */
  match(
    filter: RequestFilter,
    request: AdmissionRequest,
    object: AnyObject | undefined,
    previous: AnyObject | undefined,
  ): Matched | undefined | Promise<Matched | undefined> {
    const { objects, namespaces } = filter;
    if (objects && !selects(objects, object) && !selects(objects, previous)) return undefined;
    const matched = filter.rules.length === 0 ? asAsked(request) : matchedRule(filter, filter.rules, request, object);
    if (!matched || matchedRule(filter, filter.excluded, request, object)) return undefined;
    if (!namespaces) return matched;
    const labels = this.#namespaceLabels(request, object);
    const decide = (found: Labels | "none") => (found === "none" || namespaces.matches(found) ? matched : undefined);
    return labels instanceof Promise ? labels.then(decide) : decide(labels);
  }

  /** The namespace of a request; undefined where there is none. Throws NotFound. */
  namespaceOf({ namespace, resource, group }: AdmissionRequest): Namespace | undefined | Promise<Namespace> {
    return namespace === "" || (resource === "namespaces" && group === "") ? undefined : this.#find(namespace);
  }

  // What is in no namespace is never exempt.
  #namespaceLabels(
    { namespace, name, resource, group, subresource }: AdmissionRequest,
    object: AnyObject | undefined,
  ): Labels | "none" | Promise<Labels> {
    const isNamespace = resource === "namespaces" && group === "";
    if (isNamespace && object && subresource === "") return object.metadata.labels ?? {};
    const wanted = isNamespace ? name : namespace;
    if (wanted === "") return "none";
    const found = this.#find(wanted);
    return found instanceof Promise ? found.then(labelsOf) : labelsOf(found);
  }

  #find(name: string): Namespace | Promise<Namespace> {
    const { cache, resource } = this.#namespaces;
    const key = resource.key(undefined, name);
    return (
      objectOf<Namespace>(cache.get(key)) ??
      cache.current().then(() => {
        const found = objectOf<Namespace>(cache.get(key));
        if (!found) throw notFound(resource.name, name);
        return found;
      })
    );
  }
}

const labelsOf = ({ metadata }: Namespace): Labels => metadata.labels ?? {};

function selects(selector: Selector, object: AnyObject | undefined): boolean {
  // Options of a connection are no objects and have no labels to be chosen by.
  const metadata = object?.metadata as { readonly labels?: Labels } | undefined;
  return metadata !== undefined && selector.matches(metadata.labels);
}

function asAsked(request: AdmissionRequest): Matched {
  return { served: request.served, kind: kindOf(request.served, request) };
}

function kindOf({ group, version, kind }: Served, { body }: AdmissionRequest): GroupVersionKind {
  return body ?? { group, version, kind };
}

/** Earlier rules are honoured first; the version that was asked for comes before all others. */
function matchedRule(
  { equivalent }: RequestFilter,
  rules: readonly Rule[],
  request: AdmissionRequest,
  object: AnyObject | undefined,
): Matched | undefined {
  if (rules.length === 0) return undefined;
  const name = request.name || object?.metadata?.name || "";
  if (rules.some((rule) => ruleMatches(rule, request, request.served, name))) return asAsked(request);
  if (!equivalent) return undefined;
  for (const rule of rules) {
    for (const other of request.served.resource.served.values()) {
      if (other === request.served || other.verbs.length === 0 || !ruleMatches(rule, request, other, name)) continue;
      return { served: other, kind: kindOf(other, request) };
    }
  }
  return undefined;
}

function ruleMatches(rule: Rule, request: AdmissionRequest, { group, version }: Served, name: string): boolean {
  return (
    has(rule.operations, request.operation) &&
    has(rule.apiGroups, group) &&
    has(rule.apiVersions, version) &&
    (rule.resources ?? []).some((text) => resourceMatches(text, request)) &&
    scopeMatches(rule.scope, request) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name))
  );
}

const has = (list: readonly string[] | undefined, value: string) =>
  list !== undefined && (list.includes("*") || list.includes(value));

function resourceMatches(text: string, { resource, subresource }: AdmissionRequest): boolean {
  const slash = text.indexOf("/");
  const wanted = slash < 0 ? text : text.slice(0, slash);
  const part = slash < 0 ? "" : text.slice(slash + 1);
  return (wanted === "*" || wanted === resource) && (part === "*" || part === subresource);
}

function scopeMatches(scope: string | undefined, { namespace, resource }: AdmissionRequest): boolean {
  if (!scope || scope === "*") return true;
  // A namespace is in the namespace of its name, as requests have it, and in none, as its users see it.
  const inside = namespace !== "" && resource !== "namespaces";
  return scope === "Namespaced" ? inside : !inside;
}
