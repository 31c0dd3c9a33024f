import { baselineChecks } from "./baseline-checks.ts";
import type { CheckedPod, CheckFunction, PodCheck, Violation } from "./pod-check.ts";
import { restrictedChecks } from "./restricted-checks.ts";
import type { LevelVersion } from "./security-level.ts";

/** Every control of a profile that a pod violates, in the order of messages. */
export function violationsOf(pod: CheckedPod, { level, minor }: LevelVersion): readonly Violation[] {
  if (level === "privileged") return [];
  const restricted = level === "restricted" ? restrictedChecks.filter((check) => functionAt(check, minor)) : [];
  const overridden = new Set(restricted.map(({ overrides }) => overrides));
  const checks = [...baselineChecks.filter(({ id }) => !overridden.has(id)), ...restricted];
  return checks.flatMap((check) => functionAt(check, minor)?.(pod) ?? []);
}

function functionAt({ versions }: PodCheck, minor: number): CheckFunction | undefined {
  return versions.findLast(([from]) => from <= minor)?.[1];
}

/** `hostPort (container "c" uses hostPort 80), privileged (...)` */
export function detailText(violations: readonly Violation[]): string {
  return violations.map(({ reason, detail }) => (detail ? `${reason} (${detail})` : reason)).join(", ");
}

/** `hostPort, privileged` */
export function reasonText(violations: readonly Violation[]): string {
  return violations.map(({ reason }) => reason).join(", ");
}
