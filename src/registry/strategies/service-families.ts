import type { Service } from "../../api/core/service.ts";
import { field } from "../../machinery/fields.ts";
import { type FieldError, invalid } from "../../machinery/status-error.ts";
import type { Family } from "../allocators/address-block.ts";

type Spec = NonNullable<Service["spec"]>;
type Families = readonly Family[];

/**
 * Settles which families of addresses a Service has, from what it says, what it had before, and what the cluster has
 * (the default first): KEP-563. Throws Invalid.
 */
export function withFamilies(service: Service, before: Service | undefined, cluster: Families): Service {
  const { spec } = service;
  if (spec.type === "ExternalName" || keepsBoth(spec, before?.spec)) return service;
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? before?.spec.ipFamilyPolicy ?? usualPolicy(spec);
  const single = ipFamilyPolicy === "SingleStack";
  const cut = single && before ? withoutSecond({ ...spec, ipFamilyPolicy }, before.spec) : { ...spec, ipFamilyPolicy };

  const faults = [...(before && !single ? reductions(cut, before.spec) : []), ...(single ? tooMany(cut) : [])];
  const named = familiesOf(cut, cluster, faults);
  refuse(service, faults);

  const free = spec.clusterIP === "None" && Object.keys(spec.selector ?? {}).length === 0;
  if (!free) refuse(service, unavailable(cut, named, cluster));
  const first = named.length > 0 ? named : cluster.slice(0, 1);
  // Without addresses and without pods to select, nothing stands against both families, wherever the service runs.
  const both = !single && first.length === 1 && (free || cluster.length === 2);
  const ipFamilies = both ? [...first, first[0] === "IPv4" ? ("IPv6" as const) : ("IPv4" as const)] : first;
  return { ...service, spec: { ...cut, ipFamilies } };
}

// What prefers two families keeps what it got, whatever has become of the cluster since, until somebody changes it.
function keepsBoth(spec: Spec, before: Spec | undefined): boolean {
  if (!before || before.type === "ExternalName") return false;
  const prefers = spec.ipFamilyPolicy === "PreferDualStack" && before.ipFamilyPolicy === "PreferDualStack";
  return prefers && same(spec.clusterIPs, before.clusterIPs) && same(spec.ipFamilies, before.ipFamilies);
}

function usualPolicy({ clusterIP, selector }: Spec): NonNullable<Spec["ipFamilyPolicy"]> {
  const free = clusterIP === "None" && Object.keys(selector ?? {}).length === 0;
  return free ? "RequireDualStack" : "SingleStack";
}

// Asking for one family, and changing nothing else, gives the second up.
function withoutSecond(spec: Spec, before: Spec): Spec {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  return {
    ...spec,
    ...(clusterIPs.length > 1 && same(clusterIPs, before.clusterIPs) ? { clusterIPs: clusterIPs.slice(0, 1) } : {}),
    ...(ipFamilies.length > 1 && same(ipFamilies, before.ipFamilies) ? { ipFamilies: ipFamilies.slice(0, 1) } : {}),
  };
}

const policyPlace = "spec.ipFamilyPolicy";

function reductions({ clusterIPs = [], ipFamilies = [], ipFamilyPolicy }: Spec, before: Spec): FieldError[] {
  const faults: FieldError[] = [];
  const fault = (what: string) =>
    faults.push(field.invalid(policyPlace, ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`));
  if (isReduced(clusterIPs, before.clusterIPs)) fault("cluster IP");
  if (isReduced(ipFamilies, before.ipFamilies)) fault("IP family");
  return faults;
}

const isReduced = (next: readonly string[], before: readonly string[] = []) =>
  next.length > 0 && next.length < before.length && next[0] === before[0];

function tooMany({ clusterIPs = [], ipFamilies = [], ipFamilyPolicy }: Spec): FieldError[] {
  const detail = (what: string) =>
    `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
  return [
    ...(clusterIPs.length === 2 ? [field.invalid(policyPlace, ipFamilyPolicy, detail("cluster IPs"))] : []),
    ...(ipFamilies.length === 2 ? [field.invalid(policyPlace, ipFamilyPolicy, detail("IP families"))] : []),
  ];
}

// An address that is named says its family, where no family is named.
function familiesOf({ clusterIPs = [], ipFamilies }: Spec, cluster: Families, faults: FieldError[]): Families {
  const families = [...((ipFamilies ?? []) as Families)];
  for (const [index, address] of clusterIPs.entries()) {
    if (address === "None" || index < families.length) continue;
    const family = address.includes(":") ? "IPv6" : "IPv4";
    if (cluster.includes(family)) families.push(family);
    else
      faults.push(
        field.invalid(`spec.clusterIPs[${index}]`, clusterIPs, `${family} is not configured on this cluster`),
      );
  }
  return families;
}

function unavailable({ ipFamilyPolicy }: Spec, named: Families, cluster: Families): FieldError[] {
  const single = ipFamilyPolicy === "RequireDualStack" && cluster.length < 2;
  return [
    ...(single
      ? [field.invalid(policyPlace, ipFamilyPolicy, "this cluster is not configured for dual-stack services")]
      : []),
    ...named.flatMap((family, index) =>
      cluster.includes(family)
        ? []
        : [field.invalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster")],
    ),
  ];
}

function refuse({ metadata }: Service, faults: readonly FieldError[]): void {
  if (faults.length > 0) throw invalid({ group: "", kind: "Service" }, metadata.name ?? "", faults);
}

const same = (a: readonly string[] = [], b: readonly string[] = []) =>
  a.length === b.length && a.every((value, index) => value === b[index]);
