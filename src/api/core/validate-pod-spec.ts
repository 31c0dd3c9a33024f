import { type FieldPath, field } from "../../machinery/fields.ts";
import { validateLabels } from "../../machinery/metadata-validation.ts";
import { dnsLabel, dnsSubdomain, ipAddress, qualifiedName, rangeText } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, oneOf, requiredOneOf } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { validateAffinity, validateSpreadConstraints, validateTolerations } from "./validate-affinity.ts";
import { validateContainers, validateEphemeralContainers, validateInitContainers } from "./validate-containers.ts";
import { validatePodResources } from "./validate-pod-resources.ts";
import { validateAmount, validateContainerResourceName } from "./validate-resources.ts";
import { validatePodSecurityContext } from "./validate-security-context.ts";
import { validateVolumes } from "./validate-volumes.ts";

const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

const noClaims: ReadonlySet<string> = new Set();

/** The faults of a pod's spec, wherever it stands. */
export function validatePodSpec(spec: core.PodSpec, place: FieldPath): Errors {
  const { errors, volumes } = validateVolumes(spec.volumes, place.child("volumes"));
  const around = {
    volumes,
    claims: spec.resourceClaims?.length ? new Set(spec.resourceClaims.map(({ name }) => name)) : noClaims,
    restartPolicy: spec.restartPolicy,
    gracePeriod: spec.terminationGracePeriodSeconds ?? 0,
    hostUsers: spec.hostUsers ?? true,
    regular: spec.containers ?? [],
    others: [...(spec.containers ?? []), ...(spec.initContainers ?? [])],
  };
  return [
    ...errors,
    ...validateResourceClaims(spec.resourceClaims, place.child("resourceClaims")),
    ...validateContainers(spec.containers, place.child("containers"), around),
    ...validateInitContainers(spec.initContainers, place.child("initContainers"), around),
    ...validateEphemeralContainers(spec.ephemeralContainers, place.child("ephemeralContainers"), around),
    ...validatePodResources(spec, place.child("resources"), around.claims),
    ...validateHostPorts(spec, place),
    ...requiredOneOf(place.child("restartPolicy"), spec.restartPolicy, restartPolicies),
    ...requiredOneOf(place.child("dnsPolicy"), spec.dnsPolicy, dnsPolicies),
    ...validateLabels(spec.nodeSelector, place.child("nodeSelector")),
    ...validatePodSecurityContext(spec, place),
    ...validateAffinity(spec.affinity, place.child("affinity")),
    ...validateDnsConfig(spec, place.child("dnsConfig")),
    ...eachAt(spec.readinessGates, place.child("readinessGates"), ({ conditionType }, here) =>
      named(here.child("conditionType"), conditionType, qualifiedName),
    ),
    ...validateSchedulingGates(spec.schedulingGates, place.child("schedulingGates")),
    ...validateSpreadConstraints(spec.topologySpreadConstraints, place.child("topologySpreadConstraints")),
    ...validateHostUsers(spec, place),
    ...validateNames(spec, place),
    ...validateTolerations(spec.tolerations, place.child("tolerations")),
    ...eachAt(spec.hostAliases, place.child("hostAliases"), ({ ip, hostnames = [] }, here) => [
      ...named(here.child("ip"), ip, ipAddress),
      ...hostnames.flatMap((name) => named(here.child("hostnames"), name, dnsSubdomain)),
    ]),
    ...validateClasses(spec, place),
  ];
}

function validateNames(spec: core.PodSpec, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const { serviceAccountName, nodeName, activeDeadlineSeconds: deadline, hostname, subdomain, hostnameOverride } = spec;
  if (serviceAccountName) {
    errors.push(...named(place.child("serviceAccountName"), serviceAccountName, dnsSubdomain));
  }
  if (nodeName) errors.push(...named(place.child("nodeName"), nodeName, dnsSubdomain));
  if (deadline !== undefined && (deadline < 1 || deadline > 0x7fffffff)) {
    errors.push(field.invalid(place.child("activeDeadlineSeconds"), deadline, rangeText(1, 0x7fffffff)));
  }
  if (hostname) errors.push(...named(place.child("hostname"), hostname, dnsLabel));
  if (subdomain) errors.push(...named(place.child("subdomain"), subdomain, dnsLabel));
  if (hostnameOverride !== undefined) {
    const here = place.child("hostnameOverride");
    errors.push(...named(here, hostnameOverride, dnsSubdomain));
    if (hostnameOverride.length > 64) errors.push(field.tooLong(here, 64));
    if (spec.setHostnameAsFQDN) {
      errors.push(field.forbidden(here, "may not be specified when `setHostnameAsFQDN` is true"));
    }
    if (spec.hostNetwork) errors.push(field.forbidden(here, "may not be specified when `hostNetwork` is true"));
  }
  return errors;
}

function validateClasses(spec: core.PodSpec, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (spec.priorityClassName) {
    errors.push(...named(place.child("priorityClassName"), spec.priorityClassName, dnsSubdomain));
  }
  if (spec.runtimeClassName !== undefined) {
    errors.push(...named(place.child("runtimeClassName"), spec.runtimeClassName, dnsSubdomain));
  }
  const policies = ["PreemptLowerPriority", "Never"];
  errors.push(...oneOf(place.child("preemptionPolicy"), spec.preemptionPolicy, policies));
  for (const [name, amount] of Object.entries(spec.overhead ?? {})) {
    const here = place.child("overhead").key(name);
    errors.push(...validateContainerResourceName(name, here), ...validateAmount(name, amount, here));
  }
  if (spec.os) errors.push(...requiredOneOf(place.child("os", "name"), spec.os.name, ["linux", "windows"]));
  return errors;
}

function validateResourceClaims(claims: readonly core.PodResourceClaim[] | undefined, place: FieldPath): Errors {
  if (!claims?.length) return [];
  const names = new Set<string>();
  return eachAt(claims, place, ({ name, resourceClaimName, resourceClaimTemplateName }, here) => {
    if (!name) return [field.required(here.child("name"))];
    const errors: FieldError[] = [];
    if (names.has(name)) errors.push(field.duplicate(here.child("name"), name));
    else {
      errors.push(...named(here.child("name"), name, dnsLabel));
      names.add(name);
    }
    const both = resourceClaimName !== undefined && resourceClaimTemplateName !== undefined;
    const detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
    if (both) errors.push(field.invalid(here, { resourceClaimName, resourceClaimTemplateName }, detail));
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const missing = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
      errors.push(field.invalid(here, { name }, missing));
    }
    if (resourceClaimName !== undefined) {
      errors.push(...named(here.child("resourceClaimName"), resourceClaimName, dnsSubdomain));
    }
    if (resourceClaimTemplateName !== undefined) {
      errors.push(...named(here.child("resourceClaimTemplateName"), resourceClaimTemplateName, dnsSubdomain));
    }
    return errors;
  });
}

function validateHostPorts(spec: core.PodSpec, place: FieldPath): Errors {
  if (!spec.hostNetwork) return [];
  return eachAt(spec.containers, place.child("containers"), ({ ports }, here) =>
    eachAt(ports, here.child("ports"), ({ hostPort, containerPort }, at) =>
      hostPort === containerPort
        ? []
        : [
            field.invalid(
              at.child("containerPort"),
              containerPort ?? 0,
              "must match `hostPort` when `hostNetwork` is true",
            ),
          ],
    ),
  );
}

function validateHostUsers(spec: core.PodSpec, place: FieldPath): Errors {
  if (spec.hostUsers !== false) return [];
  const errors: FieldError[] = [];
  for (const member of ["hostNetwork", "hostPID", "hostIPC"] as const) {
    if (spec[member]) errors.push(field.forbidden(place.child(member), "when `hostUsers` is false"));
  }
  return errors;
}

function validateDnsConfig({ dnsPolicy, dnsConfig }: core.PodSpec, place: FieldPath): Errors {
  if (dnsPolicy === "None") {
    if (!dnsConfig) return [field.required(place, "must provide `dnsConfig` when `dnsPolicy` is None")];
    if ((dnsConfig.nameservers ?? []).length === 0) {
      const detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      return [field.required(place.child("nameservers"), detail)];
    }
  }
  if (!dnsConfig) return [];
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  const errors: FieldError[] = [];
  if (nameservers.length > 3) {
    errors.push(field.invalid(place.child("nameservers"), nameservers, "must not have more than 3 nameservers"));
  }
  errors.push(...eachAt(nameservers, place.child("nameservers"), (address, here) => named(here, address, ipAddress)));
  const searchPlace = place.child("searches");
  if (searches.length > 32)
    errors.push(field.invalid(searchPlace, searches, "must not have more than 32 search paths"));
  if (searches.join(" ").length > 2048) {
    const detail = "must not have more than 2048 characters (including spaces) in the search list";
    errors.push(field.invalid(searchPlace, searches, detail));
  }
  errors.push(
    ...eachAt(searches, searchPlace, (search, here) => {
      const name = search === "." ? "" : search.replace(/\.$/, "");
      return name === "" && search !== "" ? [] : named(here, name.replaceAll("_", "-"), searchDomain);
    }),
  );
  errors.push(
    ...eachAt(options, place.child("options"), ({ name }, here) =>
      name ? [] : [field.required(here, "must not be empty")],
    ),
  );
  return errors;
}

/** Search domains may carry underscores, also where a name begins or ends. */
function searchDomain(domain: string): readonly string[] {
  return dnsSubdomain(
    domain
      .split(".")
      .map((part) => part.replace(/^-|-$/g, "0"))
      .join("."),
  );
}

/** The faults of gates that hold a pod back from being scheduled. */
export function validateSchedulingGates(
  gates: readonly core.PodSchedulingGate[] | undefined,
  place: FieldPath,
): Errors {
  if (!gates?.length) return [];
  const names = new Set<string>();
  return eachAt(gates, place, ({ name }, here) => {
    const errors: FieldError[] = [...named(here, name, qualifiedName)];
    if (names.has(name)) errors.push(field.duplicate(here, name));
    names.add(name);
    return errors;
  });
}
