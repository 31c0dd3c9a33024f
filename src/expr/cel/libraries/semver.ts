import { compareText } from "../compare.ts";
import { walks } from "../cost-rule.ts";
import { type Overload, overload } from "../overload.ts";
import { CelError, CelOpaque } from "../value.ts";

type Version = readonly [bigint, bigint, bigint];

class SemverValue extends CelOpaque {
  readonly typeName = "kubernetes.Semver";
  readonly version: Version;
  readonly prerelease: readonly string[];
  constructor(version: Version, prerelease: readonly string[]) {
    super();
    this.version = version;
    this.prerelease = prerelease;
  }
  equals(other: CelOpaque): boolean {
    return other instanceof SemverValue && compare(this, other) === 0n;
  }
}

const form =
  /^(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parseSemver(text: string, normalize = false): SemverValue | CelError {
  const normal = normalize ? normalized(text) : text;
  if (normal === "") return new CelError("Version string empty");
  if (normal === undefined) return new CelError("short version cannot contain PreRelease/Build meta data");
  if (normal.split(".").length < 3) return new CelError("No Major.Minor.Patch elements found");
  const match = form.exec(normal);
  if (!match) return new CelError(`invalid semantic version ${JSON.stringify(text)}`);
  const [major, minor, patch] = match.slice(1, 4).map((part) => BigInt(part ?? 0)) as [bigint, bigint, bigint];
  return new SemverValue([major, minor, patch], match[4]?.split(".") ?? []);
}

/** Without `v`, without leading zeros, and with the parts that are missing. */
function normalized(text: string): string | undefined {
  const [major = "", minor, ...rest] = text.replace(/^v/, "").split(".");
  const parts = [major, minor, rest.length > 0 ? rest.join(".") : undefined].filter((part) => part !== undefined);
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? "")) return undefined;
  const plain = parts.map((part) => part.replace(/^0+(?=\d)/, ""));
  return [...plain, "0", "0"].slice(0, 3).join(".");
}

function compare(a: SemverValue, b: SemverValue): bigint {
  for (const [index, part] of a.version.entries()) {
    const other = b.version[index] ?? 0n;
    if (part !== other) return part < other ? -1n : 1n;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) {
    return BigInt(Math.sign(b.prerelease.length - a.prerelease.length));
  }
  for (const [index, part] of a.prerelease.entries()) {
    const other = b.prerelease[index];
    const order = other === undefined ? 1 : comparePart(part, other);
    if (order !== 0) return BigInt(order);
  }
  return a.prerelease.length < b.prerelease.length ? -1n : 0n;
}

function comparePart(a: string, b: string): number {
  const numbers = [a, b].map((part) => /^\d+$/.test(part));
  if (numbers[0] && numbers[1]) return Math.sign(a.length - b.length || compareText(a, b));
  if (numbers[0] !== numbers[1]) return numbers[0] ? -1 : 1;
  return Math.sign(compareText(a, b));
}

/** Semantic versions. */
export const semverLibrary: readonly Overload[] = [
  overload("semver", "(string): kubernetes.Semver", (text: string) => parseSemver(text), walks(0)),
  overload(
    "semver",
    "(string, bool): kubernetes.Semver",
    (text: string, normalize: boolean) => parseSemver(text, normalize),
    walks(0),
  ),
  overload("isSemver", "(string): bool", (text: string) => parseSemver(text) instanceof SemverValue, walks(0)),
  overload(
    "isSemver",
    "(string, bool): bool",
    (text: string, normalize: boolean) => parseSemver(text, normalize) instanceof SemverValue,
    walks(0),
  ),
  overload(
    "isGreaterThan",
    "kubernetes.Semver.(kubernetes.Semver): bool",
    (a: SemverValue, b: SemverValue) => compare(a, b) > 0n,
  ),
  overload(
    "isLessThan",
    "kubernetes.Semver.(kubernetes.Semver): bool",
    (a: SemverValue, b: SemverValue) => compare(a, b) < 0n,
  ),
  overload("compareTo", "kubernetes.Semver.(kubernetes.Semver): int", compare),
  overload("major", "kubernetes.Semver.(): int", ({ version }: SemverValue) => version[0]),
  overload("minor", "kubernetes.Semver.(): int", ({ version }: SemverValue) => version[1]),
  overload("patch", "kubernetes.Semver.(): int", ({ version }: SemverValue) => version[2]),
];
