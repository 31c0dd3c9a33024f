import type { Entry } from "./recording.ts";

/** Rules that roles were given after 1.20 (upstream's bootstrap policy of v1.35): verbs, groups, resources. */
const addedRules: Readonly<Record<string, readonly string[]>> = {
  admin: ["all leases", "read slices", "read claims", "write claims"],
  edit: ["all leases", "read slices", "read claims", "write claims"],
  view: ["read slices", "read claims"],
  "system:aggregate-to-edit": ["all leases", "write claims"],
  "system:aggregate-to-view": ["read slices", "read claims"],
  "system:basic-user": ["create authentication.k8s.io selfsubjectreviews"],
  "system:controller:cronjob-controller": ["patch batch cronjobs,jobs"],
  "system:controller:disruption-controller": ["patch core pods/status"],
  "system:controller:ephemeral-volume-controller": ["get,list,watch core persistentvolumeclaims"],
  "system:controller:job-controller": ["get,list,patch,update,watch batch jobs"],
  "system:controller:node-controller": [
    "get,list,watch core pods",
    "patch core pods/status",
    "get,list,watch coordination.k8s.io leases",
  ],
  "system:controller:persistent-volume-binder": ["get,list,watch storage.k8s.io csinodes,volumeattributesclasses"],
  "system:controller:pod-garbage-collector": ["get,list,watch core nodes", "patch core pods/status"],
  "system:controller:statefulset-controller": ["delete,update core persistentvolumeclaims", "patch core pods"],
  "system:kube-scheduler": [
    "get,list,watch core namespaces",
    "create,get,list,update,watch coordination.k8s.io leases",
    "get,list,watch resource.k8s.io deviceclasses,resourceslices",
    "get,list,patch,update,watch resource.k8s.io resourceclaims",
    "patch,update resource.k8s.io resourceclaims/status",
    "get,list,watch storage.k8s.io csidrivers,csistoragecapacities,volumeattachments",
  ],
  "system:kubelet-api-admin": ["* core nodes/configz,nodes/healthz,nodes/pods"],
  "system:monitoring": ["get /metrics/slis"],
  "system:node": [
    "read slices",
    "get,list,watch resource.k8s.io resourceclaims",
    "create,delete,deletecollection,get,list,patch,update,watch resource.k8s.io resourceslices",
  ],
  "system:node-proxier": ["read slices", "get,list,watch networking.k8s.io servicecidrs"],
};
const spelled: Readonly<Record<string, string>> = {
  "all leases": "create,delete,deletecollection,get,list,patch,update,watch coordination.k8s.io leases",
  "read slices": "get,list,watch discovery.k8s.io endpointslices",
  "read claims": "get,list,watch resource.k8s.io resourceclaims,resourceclaims/status,resourceclaimtemplates",
  "write claims": "create,delete,deletecollection,patch,update resource.k8s.io resourceclaims,resourceclaimtemplates",
};
/** A rule of 1.20 that a larger one took the place of. */
const replacedRules: Readonly<Record<string, string>> = {
  "system:controller:job-controller": "get,list,update,watch batch jobs",
};

const listOf = (value: unknown): readonly string[] => (value as readonly string[] | undefined) ?? [];

function ruleText(rule: Entry): string {
  const groups = listOf(rule.apiGroups).map((group) => group || "core");
  const what = [groups.join(), listOf(rule.resources).join(), listOf(rule.nonResourceURLs).join()];
  return [listOf(rule.verbs).join(), ...what].filter((part) => part !== "").join(" ");
}

const nameOf = (object: Entry) => String((object.metadata as Entry).name);

/** Takes out of a role of today the rules that came after 1.20. */
export function withoutAddedRules(role: Entry): Entry {
  const added = addedRules[nameOf(role)]?.map((rule) => spelled[rule] ?? rule);
  if (!added) return role;
  return { ...role, rules: (role.rules as readonly Entry[]).filter((rule) => !added.includes(ruleText(rule))) };
}

/** Takes out of a role of 1.20 the rule that was replaced. */
export function withoutReplacedRule(role: Entry): Entry {
  const replaced = replacedRules[nameOf(role)];
  if (!replaced) return role;
  return { ...role, rules: (role.rules as readonly Entry[]).filter((rule) => ruleText(rule) !== replaced) };
}

/** Takes a map's entry out of the metadata. */
export function withoutMeta(object: Entry, map: "labels" | "annotations", key: string): Entry {
  const { [map]: before, ...metadata } = object.metadata as Entry;
  const kept = Object.entries((before as Entry | undefined) ?? {}).filter(([name]) => name !== key);
  return { ...object, metadata: kept.length > 0 ? { ...metadata, [map]: Object.fromEntries(kept) } : metadata };
}

/** A priority level as v1beta1 had it: shares under their first name, nothing lent, no settings of what is exempt. */
export function withoutLending(level: Entry): Entry {
  const { exempt: _, limited, ...spec } = level.spec as Entry;
  if (!limited) return { ...level, spec };
  const { lendablePercent: __, nominalConcurrencyShares, ...rest } = limited as Entry;
  return { ...level, spec: { ...spec, limited: { ...rest, assuredConcurrencyShares: nominalConcurrencyShares } } };
}

/** The flow schemas of leader election without the resources that leaders were once elected with. */
export function withLeasesOnly(schema: Entry): Entry {
  const spec = schema.spec as Entry;
  const rules = (spec.rules as readonly Entry[]).map((rule) => ({
    ...rule,
    resourceRules: (rule.resourceRules as readonly Entry[]).filter(({ resources }) =>
      listOf(resources).includes("leases"),
    ),
  }));
  return { ...schema, spec: { ...spec, rules } };
}
