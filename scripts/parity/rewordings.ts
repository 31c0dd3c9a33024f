import { type Difference, matchText } from "./compare.ts";

/** A text that later releases put otherwise: what was recorded, and what v1.35 says. */
interface Rewording {
  readonly reason: string;
  readonly old: string | RegExp;
  readonly now: string;
}

const rewordings: readonly Rewording[] = [
  {
    reason: "limits of size are worded as limits since 1.32",
    old: /must have at most (\d+) bytes/g,
    now: "may not be more than $1 bytes",
  },
  {
    reason: "a missing part of an owner is not named twice since 1.31",
    old: /(kind|name|uid) must not be empty/g,
    now: "must not be empty",
  },
  {
    reason: "owners are named with their kinds since 1.23",
    old: "references for a and b",
    now: "references for Pod/a and Pod/b",
  },
  {
    reason: "the limit that a request exceeds is named since 1.25",
    old: /must be less than or equal to (\w+) limit(?! of)/g,
    now: `must be less than or equal to $1 limit of $\{any}`,
  },
  {
    reason: "names of environment variables may hold nearly anything since 1.34 (KEP-4369)",
    old: /a valid environment variable name must consist of alphabetic.*?\*'\)/g,
    now: "a valid environment variable name must consist only of printable ASCII characters other than '='",
  },
  {
    reason: "a pod's grace may be mended since 1.22, and the list of what may change is written otherwise",
    old: "`spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)",
    now: "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
  },
  { reason: "loopback has two families since 1.21", old: "(127.0.0.0/8)", now: "(127.0.0.0/8, ::1/128)" },
  {
    reason: "more of a stateful set can be changed since 1.26",
    old: "'replicas', 'template', and 'updateStrategy' are forbidden",
    now: "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  },
  {
    reason: "the parser of schedules was renewed in 1.21",
    old: "Expected exactly 5 fields, found 3: * * *",
    now: "expected exactly 5 fields, found 3: [* * *]",
  },
  {
    reason: "blocks are worded like addresses since 1.34",
    old: "must be valid CIDR",
    now: "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
  },
  { reason: "the parser of schedules was renewed in 1.21", old: "End of range", now: "end of range" },
  {
    reason: "ingresses belong to networking.k8s.io since 1.22",
    old: "Ingress.extensions",
    now: "Ingress.networking.k8s.io",
  },
  {
    reason: "network policies belong to networking.k8s.io since 1.22",
    old: "NetworkPolicy.extensions",
    now: "NetworkPolicy.networking.k8s.io",
  },
  {
    reason: "ingresses and network policies belong to networking.k8s.io since 1.22",
    old: /^extensions$/g,
    now: "networking.k8s.io",
  },
  { reason: "a value is shown as JSON, not as a dump of Go", old: "core.ResourceList(nil)", now: '"null"' },
  {
    reason: "volumes can belong to one pod alone since 1.22 (KEP-2485)",
    old: '"ReadWriteOnce", spec',
    now: '"ReadWriteOnce", "ReadWriteOncePod", spec',
  },
  {
    reason: "volumes can belong to one pod alone since 1.22 (KEP-2485)",
    old: /"ReadWriteOnce"$/g,
    now: '"ReadWriteOnce", "ReadWriteOncePod"',
  },
  {
    reason: "the class of a bound claim's volume attributes can change since 1.29 (KEP-3751)",
    old: "except resources.requests for bound claims",
    now: "except resources.requests and volumeAttributesClassName for bound claims",
  },
];

/** Why a text may differ from what was recorded; undefined when it may not. */
export function rewordingOf({ expected, actual }: Difference): string | undefined {
  if (typeof expected !== "string" || typeof actual !== "string") return undefined;
  const reasons: string[] = [];
  let text = expected;
  for (const { reason, old, now } of rewordings) {
    const next = typeof old === "string" ? text.replaceAll(old, now) : text.replace(old, now);
    if (next !== text) reasons.push(reason);
    text = next;
  }
  return reasons.length > 0 && matchText(text, actual, () => true) ? reasons.join("; ") : undefined;
}
