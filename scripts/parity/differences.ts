import type { Difference } from "./compare.ts";

/** A difference from the recorded server (1.20) that is meant, because v1.35 documents it so. */
export interface DeclaredDifference {
  readonly reason: string;
  /** Areas that it counts in; all when absent. */
  readonly areas?: readonly string[];
  /** Cases by name; all when absent. */
  readonly cases?: readonly string[];
  readonly accepts: (difference: Difference, context: { readonly method: string; readonly path: string }) => boolean;
}

const absent = (value: unknown) => value === undefined;
const ends = ({ path }: Difference, ...names: readonly string[]) => names.some((name) => path.endsWith(name));

/** A field that is in the answer only, under any of these names, as a value or as an owned place. */
const isNew = (difference: Difference, ...names: readonly string[]) =>
  absent(difference.expected) && names.some((name) => ends(difference, `.${name}`, `.f:${name}`));

/** Every difference that is meant, each with its reason. */
export const declaredDifferences: readonly DeclaredDifference[] = [
  {
    reason: "since 1.34 a creationTimestamp that is not set is left out instead of null",
    accepts: (d) => ends(d, ".creationTimestamp") && d.expected === null && absent(d.actual),
  },
  {
    reason: "pods count their generation since 1.33 (KEP-5067)",
    accepts: (d, { path }) => /pods|watch/.test(path) && ends(d, ".metadata.generation") && absent(d.expected),
  },
  {
    reason: "a pod that is evicted says so in a condition since 1.26 (KEP-3329)",
    areas: ["verbs"],
    accepts: (d) =>
      ends(d, ".status.conditions") &&
      absent(d.expected) &&
      Array.isArray(d.actual) &&
      d.actual.length === 1 &&
      (d.actual[0] as Named).reason === "EvictionByEvictionAPI",
  },
  {
    reason: "services have an internal traffic policy since 1.22 (KEP-2086)",
    accepts: (d) => isNew(d, "internalTrafficPolicy"),
  },
  {
    reason: "every namespace carries its name as a label since 1.21 (KEP-2161)",
    accepts: (d, { path }) =>
      path.includes("namespaces") &&
      ends(d, ".metadata.labels", ".f:labels", ".kubernetes.io/metadata.name") &&
      absent(d.expected),
  },
  {
    reason:
      "jobs know completion modes, suspension, manual selectors by default and pod replacement since 1.24 to 1.31",
    accepts: (d) => isNew(d, "completionMode", "suspend", "manualSelector", "podReplacementPolicy"),
  },
  {
    reason: "job labels have the prefix batch.kubernetes.io since 1.27; the selector uses the new one",
    accepts: (d, { path }) =>
      path.includes("jobs") && /(controller-uid|job-name)$/.test(d.path) && (absent(d.expected) || absent(d.actual)),
  },
  {
    reason: "stateful sets say what becomes of their claims since 1.27 (KEP-1847)",
    accepts: (d) => isNew(d, "persistentVolumeClaimRetentionPolicy"),
  },
  {
    reason: "daemon sets can surge since 1.25 (KEP-1591)",
    accepts: (d) => isNew(d, "maxSurge"),
  },
  {
    reason: "the selectors of services are atomic since 1.21, so their members are not owned one by one",
    accepts: (d) => /fieldsV1\.f:spec\.f:selector\./.test(d.path) && absent(d.actual),
  },
  {
    reason:
      "references, node selectors and ports of back ends are atomic since 1.21, so their members are not owned one by one",
    accepts: (d) =>
      /fieldsV1\..*f:(nodeSelector|scaleTargetRef|metadata|fieldRef|configMapKeyRef|requiredDuringSchedulingIgnoredDuringExecution|port|roleRef|involvedObject|secrets\.k:\{[^}]*\})\./.test(
        d.path,
      ) && absent(d.actual),
  },
  {
    reason: "an unset creationTimestamp in a template is no field that anybody owns since 1.34",
    accepts: (d) => ends(d, ".f:creationTimestamp") && absent(d.actual),
  },
  {
    reason: "what is given as empty is owned too since 1.21",
    accepts: (d) => /fieldsV1\..*f:(emptyDir|data)$/.test(d.path) && absent(d.expected),
  },
  {
    reason:
      "managers are told apart by the subresource that they wrote to since 1.22 (KEP-555), so their number differs",
    cases: [
      "status is changed only through the status subresource",
      "apply to the status subresource owns status fields",
      "equal values are shared and survive the first owner leaving",
    ],
    accepts: (d) =>
      (ends(d, ".subresource") && absent(d.expected) && d.actual === "status") ||
      (ends(d, ".managedFields") && (gainedOwner(d, { subresource: "status" }) || gainedOwner(d, { manager: "m2" }))),
  },
  {
    reason:
      "a status that is sent to the object itself is dropped before ownership is decided since 1.22, so nothing is written",
    cases: ["merge patch: metadata and spec changes and the generation"],
    accepts: (d) => ends(d, ".metadata.resourceVersion"),
  },
  {
    reason: "pod security contexts: an unknown procMount is refused by its value since 1.29",
    cases: ["security contexts are checked"],
    accepts: (d) => ends(d, ".body.message", ".body.details.causes") && JSON.stringify(d.actual).includes("procMount"),
  },
  {
    reason: "stateful sets count available replicas since 1.22",
    accepts: (d) => isNew(d, "availableReplicas"),
  },
  {
    reason: "cron jobs count their generation as batch/v1 since 1.21",
    accepts: (d, { path }) => path.includes("/cronjobs") && isNew(d, "generation"),
  },
  {
    reason: "CSI drivers have settings for capacity, republishing and SELinux since 1.21 to 1.27",
    accepts: (d) => isNew(d, "storageCapacity", "requiresRepublish", "seLinuxMount"),
  },
  {
    reason: "API services are tracked by managedFields like all other kinds since 1.21",
    accepts: (d, { path }) => path.includes("/apiservices") && isNew(d, "managedFields"),
  },
  {
    reason: "the name label of a namespace is owned by whoever made it",
    accepts: (d, { path }) => path === "/api/v1/namespaces" && ends(d, "fieldsV1.f:metadata") && absent(d.expected),
  },
  {
    reason: "a cluster address that cannot be had is worded otherwise since 1.27",
    cases: ["a cluster IP must be valid, in range and free"],
    accepts: (d) =>
      typeof d.actual === "string" &&
      /failed to allocate IP \S+: (the provided IP \(\S+\) is not in the valid range|provided IP is already allocated)/.test(
        d.actual,
      ),
  },
  {
    reason:
      "the current numbers and conditions of an autoscaler are left out while there are none since autoscaling/v2",
    accepts: (d, { path }) =>
      path.includes("/horizontalpodautoscalers") &&
      ends(d, ".status.currentReplicas", ".status.conditions") &&
      absent(d.actual),
  },
  {
    reason: "owner references are atomic since 1.21, so their members are not owned one by one",
    accepts: (d) => /f:ownerReferences\.k:\{[^}]*\}\./.test(d.path) && absent(d.actual),
  },
  {
    reason: "/version names the emulated and the oldest compatible release since 1.34 (KEP-4330)",
    accepts: (d, { path }) =>
      path === "/version" &&
      isNew(d, "emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"),
  },
  {
    reason: "discovery names the singular of every resource since 1.27",
    areas: ["discovery"],
    accepts: (d) => ends(d, ".singularName") && d.expected === "",
  },
  {
    reason: "resources that came after 1.20, and evictions as policy/v1 since 1.22",
    areas: ["discovery"],
    accepts: (d) => ends(d, ".body.resources") && grewOnly(d.expected, d.actual),
  },
  {
    reason: "groups are served in the versions of v1.35, and in the older ones that no manifest may lose",
    areas: ["discovery"],
    accepts: (d, { path }) =>
      (path === "/apis" && /groups\[\d+\]$/.test(d.path) && grownGroups.has((d.expected as Named).name)) ||
      (path.startsWith("/apis/") && ends(d, ".body.versions") && grewOnly(d.expected, d.actual, "version")),
  },
  {
    reason: "the list of known addresses follows what is served",
    areas: ["discovery", "validation"],
    accepts: (d) => ends(d, ".body.paths") && Array.isArray(d.actual) && d.actual.includes("/version"),
  },
  {
    reason: "OpenAPI v2 is labelled as the JSON that it is since 1.25",
    areas: ["discovery"],
    accepts: (d, { path }) => path === "/openapi/v2" && d.actual === "application/json",
  },
  {
    reason: "token requests come back with the account's name and the time since 1.24",
    accepts: (d, { path }) =>
      path.endsWith("/token") &&
      /\.body\.metadata\.(name|namespace|creationTimestamp)$/.test(d.path) &&
      !absent(d.actual),
  },
  {
    reason: "ingress addresses say how they are used since 1.30 (KEP-1860)",
    accepts: (d) => isNew(d, "ipMode"),
  },
  {
    reason: "since 1.22 restarts are a text, which may carry the time of the last one",
    accepts: (d) =>
      (ends(d, ".columnDefinitions[3].type") && d.expected === "integer" && d.actual === "string") ||
      (/\.cells\[3\]$/.test(d.path) && String(d.expected) === d.actual),
  },
  {
    reason: "jobs have a status column since 1.31 and count their generation since 1.22; label names changed in 1.27",
    accepts: (d, { path }) =>
      path.includes("/jobs") &&
      (isNew(d, "generation") ||
        grewBy(d, "Status", "Running") ||
        grewBy(d, "Status", "Complete") ||
        grewBy(d, "Status", "Failed")),
  },
  {
    reason: "claims show their VolumeAttributesClass since 1.31",
    cases: ["Table of PersistentVolumeClaim"],
    accepts: (d) => grewBy(d, "VolumeAttributesClass", "<unset>"),
  },
  {
    reason: "signing requests show the duration that they ask for since 1.22",
    cases: ["Table of CertificateSigningRequest"],
    accepts: (d) => grewBy(d, "RequestedDuration", "<none>"),
  },
  {
    reason: "the annotation of the old rolling updates is on the object itself, so its row shows it too",
    cases: ["Table of DaemonSet"],
    accepts: (d) => ends(d, ".object.metadata.annotations"),
  },
  {
    reason: "selector faults are worded as field faults since 1.22, and name the operators since 1.31",
    accepts: (d) =>
      ends(d, ".body.message") &&
      typeof d.actual === "string" &&
      /expected: in, notin, =, ==, !=, gt, lt$|: Invalid value: /.test(d.actual) &&
      /^unable to parse requirement/.test(d.actual),
  },
  {
    reason: "changes through /scale are tracked since 1.22, so whoever scaled owns the replicas",
    cases: ["replicas handed over to another manager"],
    // Whoever applied them before only stops saying so: they stay, and nothing but the owners changes.
    accepts: (d) =>
      gainedOwner(d, { manager: "zscaler", subresource: "scale", fields: { "f:spec": { "f:replicas": {} } } }) ||
      (ends(d, ".body.spec.replicas") && d.expected === 1 && d.actual === 5) ||
      (ends(d, ".body.metadata.generation") && d.expected === 3 && d.actual === 2) ||
      (ends(d, ".body.metadata.resourceVersion") && d.expected === `$\{resourceVersion#3}`),
  },
  {
    reason: "since 1.22 a request to the object does not come to own status fields, nor one to the status others",
    accepts: (d) => /fieldsV1\.f:(status|spec)$/.test(d.path) && absent(d.actual),
  },
  {
    reason: "a value of the wrong type has a reason of its own since 1.21",
    areas: ["crd", "validation"],
    accepts: (d) => ends(d, ".reason") && d.expected === "FieldValueInvalid" && d.actual === "FieldValueTypeInvalid",
  },
  {
    reason: "faults in custom resources name the element of a list since 1.21",
    areas: ["crd"],
    cases: ["types are checked", "required fields are checked at every level"],
    accepts: (d) => typeof d.actual === "string" && d.actual.replace(/\[\d+\]/g, "") === d.expected,
  },
  {
    reason: "texts of custom resources that are too long are told as such since 1.24",
    areas: ["crd"],
    cases: ["enum, pattern and lengths are checked"],
    accepts: (d) => String(d.actual).includes("Too long") || d.actual === "FieldValueTooLong",
  },
  {
    reason: "1.35 says why a version that objects may be stored in cannot be left out of a definition",
    areas: ["crd"],
    cases: ["updates of a definition: conditions stay, immutable parts are refused"],
    accepts: (d) =>
      String(d.expected).includes("must appear in spec.versions") &&
      String(d.actual).includes("was previously a storage version"),
  },
];

interface Named {
  readonly [member: string]: unknown;
}

/** Groups that later releases serve in more versions, or in others. */
const grownGroups = new Set<unknown>(["autoscaling", "policy", "discovery.k8s.io", "flowcontrol.apiserver.k8s.io"]);

// One more owner than was recorded, this one.
function gainedOwner(
  { path, expected, actual }: Difference,
  wanted: { readonly manager?: string; readonly subresource?: string; readonly fields?: object },
): boolean {
  if (!path.endsWith(".managedFields") || !Array.isArray(expected) || !Array.isArray(actual)) return false;
  const { manager, subresource, fields } = wanted;
  const fits = (owner: Named) =>
    (manager === undefined || owner.manager === manager) &&
    owner.subresource === subresource &&
    (fields === undefined || JSON.stringify(owner.fieldsV1) === JSON.stringify(fields));
  return actual.length === expected.length + 1 && actual.some(fits);
}

// Everything recorded is still there, whatever was added.
function grewOnly(expected: unknown, actual: unknown, key = "name"): boolean {
  if (!Array.isArray(expected) || !Array.isArray(actual)) return false;
  return expected.every((item: Named) => {
    const same = actual.find((other: Named) => other[key] === item[key]) as Named | undefined;
    return same !== undefined && JSON.stringify(bare(item)) === JSON.stringify(bare(same));
  });
}

const bare = ({
  singularName: _name,
  version: _version,
  shortNames: _short,
  categories: _categories,
  verbs,
  ...rest
}: Named) => {
  const early = (verbs as readonly string[] | undefined)?.filter((verb) => !laterVerbs.has(verb));
  return Object.entries({ ...rest, verbs: early }).sort(([a], [b]) => (a < b ? -1 : 1));
};

/** Services could not be deleted as a collection before 1.23. */
const laterVerbs = new Set(["deletecollection"]);

// A table that has one more column, with this value.
function grewBy({ path, expected, actual }: Difference, column: string, value: unknown): boolean {
  if (!Array.isArray(expected) || !Array.isArray(actual) || actual.length !== expected.length + 1) return false;
  if (path.endsWith(".columnDefinitions")) return actual.some((one: Named) => one.name === column);
  return path.endsWith(".cells") && actual.includes(value);
}
