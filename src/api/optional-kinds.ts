import { Fault } from "../lib/fault.ts";
import type { TypeLookup } from "../machinery/type-info.ts";
import { MutatingAdmissionPolicy } from "./admissionregistration/mutating-admission-policy.ts";
import { MutatingAdmissionPolicyBinding } from "./admissionregistration/mutating-admission-policy-binding.ts";
import { ClusterTrustBundle } from "./certificates/cluster-trust-bundle.ts";
import { defineKind, type Kind } from "./kind.ts";
import { lookupType, lookupWithGates } from "./type-info.ts";

/** What an operator switched, in the words of upstream's `--feature-gates` and `--runtime-config`. */
export interface ApiSwitches {
  readonly gates?: Readonly<Record<string, boolean>>;
  /** By `group/version`, `group/version/resource`, `api/all`, `api/ga`, `api/beta` or `api/alpha`. */
  readonly runtime?: Readonly<Record<string, boolean>>;
}

interface OptionalKind {
  readonly kind: Kind;
  /** The feature gate without which it is not served at all. */
  readonly gate?: string;
}

// As in `kinds.ts`: each kind is only ever handed the objects of its own.
const untyped = (kind: unknown): Kind => kind as Kind;

const optional: readonly OptionalKind[] = [
  { kind: untyped(MutatingAdmissionPolicy) },
  { kind: untyped(MutatingAdmissionPolicyBinding) },
  { kind: untyped(ClusterTrustBundle), gate: "ClusterTrustBundle" },
];

/** Feature gates that are off in v1.35 and can be switched on here. */
export const switchableGates: readonly string[] = [
  "ClusterTrustBundle",
  "ClusterTrustBundleProjection",
  "MutatingAdmissionPolicy",
];

/** The types of what is served, with the fields that stand behind the gates that are on. */
export function lookupFor(switches: ApiSwitches): TypeLookup {
  const on = switchableGates.filter((name) => isGateOn(switches, name));
  return on.length === 0 ? lookupType : lookupWithGates(new Set(on));
}

/** They switch all gates of their stage that are not named themselves. Those of `switchableGates` are beta. */
const sweepingGates = ["AllAlpha", "AllBeta"];

/** Whether a gate that is off by default is on. */
export function isGateOn({ gates = {} }: ApiSwitches, name: string): boolean {
  return gates[name] ?? gates.AllBeta ?? false;
}

/**
 * The kinds that are served: all of `kinds`, with those that v1.35 serves only if it is told to, in the versions that
 * are switched on. Throws Fault `invalid` for switches of what there is not.
 */
export function servedKinds(kinds: readonly Kind[], switches: ApiSwitches): readonly Kind[] {
  const { gates = {}, runtime = {} } = switches;
  const known = [...switchableGates, ...sweepingGates];
  const unknown = Object.keys(gates).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Fault("invalid", `unrecognized feature gate: ${unknown} (there are ${known.join(", ")})`);
  }
  checkRuntime([...kinds, ...optional.map(({ kind }) => kind)], runtime);
  const more = optional.flatMap(({ kind, gate }) => {
    if (gate !== undefined && !isGateOn(switches, gate)) return [];
    return inVersions(kind, (apiVersion) => isSwitchedOn(runtime, apiVersion, kind.plural) ?? false) ?? [];
  });
  if (Object.keys(runtime).length === 0) return kinds;
  return [
    ...kinds.flatMap(
      (kind) => inVersions(kind, (version) => isSwitchedOn(runtime, version, kind.plural) ?? true) ?? [],
    ),
    ...more,
  ];
}

const stages = ["ga", "beta", "alpha"] as const;
const sweeping = ["api/all", ...stages.map((stage) => `api/${stage}`)];

/** The core group is called `api` in switches. */
const switchName = (apiVersion: string) => (apiVersion.includes("/") ? apiVersion : `api/${apiVersion}`);

function stageOf(apiVersion: string): (typeof stages)[number] {
  return (/alpha|beta/.exec(apiVersion.split("/").at(-1) ?? "")?.[0] as "alpha" | "beta" | undefined) ?? "ga";
}

/** The most particular switch decides; undefined when none is about it. */
function isSwitchedOn(
  runtime: NonNullable<ApiSwitches["runtime"]>,
  apiVersion: string,
  plural: string,
): boolean | undefined {
  const name = switchName(apiVersion);
  return runtime[`${name}/${plural}`] ?? runtime[name] ?? runtime[`api/${stageOf(apiVersion)}`] ?? runtime["api/all"];
}

function checkRuntime(kinds: readonly Kind[], runtime: NonNullable<ApiSwitches["runtime"]>): void {
  const known = new Set(sweeping);
  for (const { apiVersion, plural, declaration } of kinds) {
    for (const version of [apiVersion, ...Object.keys(declaration.versions ?? {})]) {
      const name = switchName(version);
      known.add(name).add(`${name}/${plural}`);
    }
  }
  const unknown = Object.keys(runtime).filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Fault("invalid", `unknown api groups ${unknown.join(",")}`);
}

/** The kind in the versions that are on; undefined when none is. */
function inVersions(kind: Kind, isOn: (apiVersion: string) => boolean): Kind | undefined {
  const { declaration, apiVersion } = kind;
  const all = Object.entries(declaration.versions ?? {});
  const kept = all.filter(([version]) => isOn(groupVersionOf(version)));
  const unserved = !isOn(apiVersion);
  if (!unserved && kept.length === all.length) return kind;
  if (unserved && kept.length === 0) return undefined;
  return defineKind({ ...declaration, versions: Object.fromEntries(kept), ...(unserved ? { unserved } : {}) });
}

/** Of `batch/v2alpha1/scheduledjobs`, the second form of a kind in one version, its group and version. */
const groupVersionOf = (version: string) => version.split("/").slice(0, 2).join("/");
