import { field, path } from "../../../machinery/fields.ts";
import type { Labels } from "../../../machinery/labels.ts";
import type { FieldError } from "../../../machinery/status-error.ts";

/** The profiles of the Pod Security Standards, from the loosest to the strictest. */
export const securityLevels = ["privileged", "baseline", "restricted"] as const;

export type SecurityLevel = (typeof securityLevels)[number];

/** A profile as it was in a release of Kubernetes; the minor version, infinite for the latest. */
export interface LevelVersion {
  readonly level: SecurityLevel;
  readonly minor: number;
}

/** What a namespace asks of its pods. */
export interface SecurityPolicy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

export const latest = Number.POSITIVE_INFINITY;

/** `restricted:latest`, `baseline:v1.24` */
export function levelText({ level, minor }: LevelVersion): string {
  return `${level}:${minor === latest ? "latest" : `v1.${minor}`}`;
}

/** Whether one level asks more than another. */
export function isStricter(a: SecurityLevel, b: SecurityLevel): boolean {
  return securityLevels.indexOf(a) > securityLevels.indexOf(b);
}

/** The minor version of `v1.x`, infinite for `latest`, undefined for what is neither. */
export function parseSecurityVersion(text: string): number | undefined {
  if (text === "latest") return latest;
  const [, minor] = /^v1\.(0|[1-9]\d*)$/.exec(text) ?? [];
  return minor === undefined ? undefined : Number(minor);
}

export interface ParsedPolicy {
  readonly policy: SecurityPolicy;
  readonly errors: readonly FieldError[];
}

const prefix = "pod-security.kubernetes.io/";
const labelsPath = path("metadata", "labels");
const modes = ["enforce", "audit", "warn"] as const;

/** Reads a namespace's labels. Of a label that makes no sense the strictest is enforced, and nothing audited or warned. */
export function securityPolicy(labels: Labels | undefined, defaults: SecurityPolicy): ParsedPolicy {
  if (!labels) return { policy: defaults, errors: [] };
  const errors: FieldError[] = [];
  const policy: Record<(typeof modes)[number], LevelVersion> = { ...defaults };
  for (const mode of modes) {
    const level = labels[prefix + mode];
    const version = labels[`${prefix}${mode}-version`];
    if (level !== undefined) {
      const known = securityLevels.find((one) => one === level);
      if (!known) {
        const detail = `must be one of ${securityLevels.join(", ")}`;
        errors.push(field.invalid(labelsPath.key(prefix + mode), level, detail));
      }
      policy[mode] = { ...policy[mode], level: known ?? (mode === "enforce" ? "restricted" : "privileged") };
    }
    if (version !== undefined) {
      const minor = parseSecurityVersion(version);
      if (minor === undefined) {
        const place = labelsPath.key(`${prefix}${mode}-version`);
        errors.push(field.invalid(place, version, 'must be "latest" or "v1.x"'));
      }
      policy[mode] = { ...policy[mode], minor: minor ?? latest };
    }
  }
  return { policy, errors };
}
