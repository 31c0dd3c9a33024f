import { Namespace } from "../../../api/core/namespace.ts";
import { Pod } from "../../../api/core/pod.ts";
import type * as core from "../../../api/generated/core-v1.ts";
import type { ObjectMeta } from "../../../machinery/object.ts";
import { forbidden, invalid } from "../../../machinery/status-error.ts";
import type { Held } from "../../../registry/held.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { detailText, reasonText, violationsOf } from "./evaluate-pod.ts";
import type { CheckedPod, Violation } from "./pod-check.ts";
import { isSignificantUpdate } from "./pod-update.ts";
import {
  isStricter,
  type LevelVersion,
  latest,
  levelText,
  type ParsedPolicy,
  type SecurityPolicy,
  securityPolicy,
} from "./security-level.ts";

export interface PodSecurityOptions {
  readonly defaults: SecurityPolicy;
  /** Whose requests, which namespaces and which runtime classes are not looked at. */
  readonly exemptions: {
    readonly usernames: ReadonlySet<string>;
    readonly namespaces: ReadonlySet<string>;
    readonly runtimeClasses: ReadonlySet<string>;
  };
}

const everything: LevelVersion = { level: "privileged", minor: latest };

/** Nothing is asked of namespaces without labels. */
export const usualPodSecurity: PodSecurityOptions = {
  defaults: { enforce: everything, audit: everything, warn: everything },
  exemptions: { usernames: new Set(), namespaces: new Set(), runtimeClasses: new Set() },
};

/** So many of a namespace's pods are looked at when its level is raised. */
const mostPods = 3000;

type Template = { readonly metadata?: Partial<ObjectMeta>; readonly spec?: core.PodSpec } | undefined;

/** Where the kinds that make pods keep their template. */
const templates: Readonly<Record<string, (object: AnyObject) => Template>> = {
  "/podtemplates": (object) => (object as AnyObject as unknown as { readonly template?: Template }).template,
  "/replicationcontrollers": templateInSpec,
  "apps/replicasets": templateInSpec,
  "apps/deployments": templateInSpec,
  "apps/statefulsets": templateInSpec,
  "apps/daemonsets": templateInSpec,
  "batch/jobs": templateInSpec,
  "batch/cronjobs": (object) =>
    (object.spec as { readonly jobTemplate?: { readonly spec?: { readonly template?: Template } } }).jobTemplate?.spec
      ?.template,
};

function templateInSpec(object: AnyObject): Template {
  return (object.spec as { readonly template?: Template } | undefined)?.template;
}

/** Subresources of pods whose objects are no pods, or change nothing that is checked. */
const ignoredParts = new Set(["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"]);

/** Holds pods to the Pod Security Standards, as their namespace's labels say. */
export function podSecurity(registry: Registry, { defaults, exemptions }: PodSecurityOptions): AdmissionPlugin {
  const namespaces = registry.of(Namespace);
  const pods = registry.of(Pod);
  const policyOf = (labels: ObjectMeta["labels"]) => securityPolicy(labels, defaults);
  const policies = new WeakMap<Held, ParsedPolicy>();

  const namespacePolicy = (name: string): ParsedPolicy | Promise<ParsedPolicy> => {
    const key = namespaces.resource.key(undefined, name);
    const held = namespaces.cache.get(key);
    if (!held) return namespaces.cache.current().then(() => policyOf(namespaces.cache.get(key)?.labels));
    const policy = policies.get(held) ?? policyOf(held.labels);
    policies.set(held, policy);
    return policy;
  };

  const isExempt = ({ namespace, user }: AdmissionRequest) =>
    exemptions.namespaces.has(namespace) || exemptions.usernames.has(user.name);

  /** Audits and warns; of the pod that is named it enforces as well. */
  const evaluate = (request: AdmissionRequest, pod: CheckedPod, { policy, errors }: ParsedPolicy, name?: string) => {
    if (exemptions.runtimeClasses.has(pod.spec.runtimeClassName ?? "")) return;
    const annotate = (key: string, value: string) => request.annotate(`pod-security.kubernetes.io/${key}`, value);
    if (errors.length > 0) {
      const text = errors.map(({ field, message }) => `${field}: ${message}`).join(", ");
      annotate("error", `Failed to parse policy: ${errors.length > 1 ? `[${text}]` : text}`);
    }
    const known = new Map<string, readonly Violation[]>();
    const violations = (level: LevelVersion) => {
      const found = known.get(levelText(level)) ?? violationsOf(pod, level);
      known.set(levelText(level), found);
      return found;
    };
    const audited = violations(policy.audit);
    if (audited.length > 0) annotate("audit-violations", wouldViolate(policy.audit, audited));
    if (name !== undefined) {
      annotate("enforce-policy", levelText(policy.enforce));
      const found = violations(policy.enforce);
      if (found.length > 0) {
        const why = `violates PodSecurity ${JSON.stringify(levelText(policy.enforce))}: ${detailText(found)}`;
        throw forbidden(pods.resource.name, name, why);
      }
    }
    const warned = violations(policy.warn);
    if (warned.length > 0) request.warn(wouldViolate(policy.warn, warned));
  };

  const checkPod = (object: AnyObject, previous: AnyObject | undefined, request: AdmissionRequest) => {
    if (ignoredParts.has(request.subresource) || isExempt(request)) return;
    const policy = namespacePolicy(request.namespace);
    return policy instanceof Promise
      ? policy.then((known) => checkPodBy(known, object, previous, request))
      : checkPodBy(policy, object, previous, request);
  };

  const checkPodBy = (
    policy: ParsedPolicy,
    object: AnyObject,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
  ): void => {
    const { enforce, audit, warn } = policy.policy;
    if (policy.errors.length === 0 && [enforce, audit, warn].every(({ level }) => level === "privileged")) return;
    const pod = object as AnyObject as unknown as Pod;
    if (previous && !isSignificantUpdate(pod, previous as AnyObject as unknown as Pod)) return;
    evaluate(request, checkedPod(pod.metadata, pod.spec), policy, pod.metadata.name ?? "");
  };

  const checkTemplate = async (object: AnyObject, request: AdmissionRequest, read: (object: AnyObject) => Template) => {
    if (isExempt(request)) return;
    const policy = await namespacePolicy(request.namespace);
    const { audit, warn } = policy.policy;
    if (policy.errors.length === 0 && audit.level === "privileged" && warn.level === "privileged") return;
    const template = read(object);
    if (template?.spec) evaluate(request, checkedPod(template.metadata, template.spec), policy);
  };

  const checkNamespace = async (object: AnyObject, previous: AnyObject | undefined, request: AdmissionRequest) => {
    const { policy, errors } = policyOf(object.metadata.labels);
    const before = previous && policyOf(previous.metadata.labels);
    if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(before?.errors)) {
      throw invalid(namespaces.resource.kind, object.metadata.name, errors);
    }
    if (!before) return;
    const next = policy.enforce;
    const last = before.policy.enforce;
    const same = next.minor === last.minor;
    if (next.level === "privileged" || (same && !isStricter(next.level, last.level))) return;
    if (exemptions.namespaces.has(object.metadata.name)) return;
    for (const warning of await podWarnings(object.metadata.name, next)) request.warn(warning);
  };

  const podWarnings = async (namespace: string, level: LevelVersion): Promise<readonly string[]> => {
    await pods.cache.start();
    const found = new Map<string, string[]>();
    let total = 0;
    for (const { object } of pods.cache.range(pods.resource.rangeOf(namespace))) {
      total += 1;
      if (total > mostPods) continue;
      const { metadata, spec } = object as AnyObject as unknown as Pod;
      if (exemptions.runtimeClasses.has(spec.runtimeClassName ?? "")) continue;
      const violations = violationsOf(checkedPod(metadata, spec), level);
      if (violations.length === 0) continue;
      const reason = reasonText(violations);
      found.set(reason, [...(found.get(reason) ?? []), metadata.name ?? ""]);
    }
    const text = JSON.stringify(levelText(level));
    const head = `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${text}`;
    return [
      ...(total > mostPods
        ? [`new PodSecurity enforce level only checked against the first ${mostPods} of ${total} existing pods`]
        : []),
      ...(found.size > 0 ? [head] : []),
      ...Array.from(found, ([reason, names]) => `${namesText(names)}: ${reason}`).sort(),
    ];
  };

  return {
    name: "PodSecurity",
    handles: ({ operation, served, subresource }) => {
      if (operation !== "CREATE" && operation !== "UPDATE") return false;
      const { group, plural } = served.resource;
      if (group === "" && plural === "pods") return !ignoredParts.has(subresource);
      return subresource === "" && (plural === "namespaces" || Object.hasOwn(templates, `${group}/${plural}`));
    },
    validate(object, previous, request) {
      if (!object) return;
      const { group, plural } = request.served.resource;
      if (plural === "pods") return checkPod(object, previous, request);
      if (plural === "namespaces") return checkNamespace(object, previous, request);
      const read = templates[`${group}/${plural}`];
      return read ? checkTemplate(object, request, read) : undefined;
    },
  };
}

function checkedPod(metadata: Partial<ObjectMeta> | undefined, spec: core.PodSpec): CheckedPod {
  return { annotations: metadata?.annotations ?? {}, spec };
}

function wouldViolate(level: LevelVersion, violations: readonly Violation[]): string {
  return `would violate PodSecurity ${JSON.stringify(levelText(level))}: ${detailText(violations)}`;
}

function namesText(names: readonly string[]): string {
  const [first = "", ...others] = [...names].sort();
  if (others.length === 0) return first;
  return `${first} (and ${others.length} other ${others.length === 1 ? "pod" : "pods"})`;
}
