import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { validateLabels } from "../../machinery/metadata-validation.ts";
import { cidr, dnsLabel, dnsSubdomain, qualifiedName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { notSpecial, validAddress } from "../addresses.ts";
import { type Errors, eachAt, named, oneOf, portInRange, portNumberOrName, requiredOneOf } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { isHeadless, isReachableFromOutside } from "./service-reach.ts";

const spec = path("spec");
const kubeletPort = 10250;
const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const families = ["IPv4", "IPv6"];
const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const trafficDistributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];

/** The faults of a service, beside those that only who hands out addresses and ports can find. */
export function validateService(service: core.Service): Errors {
  const given = service.spec ?? {};
  const { type, selector, ports = [] } = given;
  const errors: FieldError[] = [];
  const headless = isHeadless({ ...service, spec: given });
  if (ports.length === 0 && !headless && type !== "ExternalName") errors.push(field.required(spec.child("ports")));
  errors.push(...validateByType(given, headless));
  errors.push(...validatePorts(ports, spec.child("ports")));
  errors.push(...validateLabels(selector, spec.child("selector")));
  errors.push(...validateAffinity(given));
  errors.push(...validateClusterAddresses(given, headless));
  errors.push(...eachAt(given.externalIPs, spec.child("externalIPs"), externalAddress));
  errors.push(...requiredOneOf(spec.child("type"), type, types));
  if (type === "ClusterIP") {
    errors.push(
      ...eachAt(ports, spec.child("ports"), ({ nodePort }, here) =>
        nodePort ? [field.forbidden(here.child("nodePort"), "may not be used when `type` is 'ClusterIP'")] : [],
      ),
    );
  }
  errors.push(...repeatedPorts(ports, spec.child("ports")));
  errors.push(...validateLoadBalancer(service.metadata.annotations, given));
  errors.push(...validateTraffic(given));
  return errors;
}

function validateByType({ type, ports, clusterIPs, ...given }: core.ServiceSpec, headless: boolean): Errors {
  const errors: FieldError[] = [];
  if (type === "LoadBalancer") {
    const detail = `may not expose port ${kubeletPort} externally since it is used by kubelet`;
    errors.push(
      ...eachAt(ports, spec.child("ports"), ({ port }, here) =>
        port === kubeletPort ? [field.invalid(here, port, detail)] : [],
      ),
    );
  }
  if ((type === "LoadBalancer" || type === "NodePort") && headless) {
    const place = spec.child("clusterIPs").index(0);
    errors.push(field.invalid(place, clusterIPs?.[0] ?? "None", `may not be set to 'None' for ${type} services`));
  }
  if (type !== "ExternalName") return errors;
  const detail = "may not be set for ExternalName services";
  if ((clusterIPs ?? []).length > 0) errors.push(field.forbidden(spec.child("clusterIPs"), detail));
  if ((given.ipFamilies ?? []).length > 0) errors.push(field.forbidden(spec.child("ipFamilies"), detail));
  if (given.ipFamilyPolicy !== undefined) errors.push(field.forbidden(spec.child("ipFamilyPolicy"), detail));
  const name = (given.externalName ?? "").replace(/\.$/, "");
  if (name) errors.push(...named(spec.child("externalName"), name, dnsSubdomain));
  else errors.push(field.required(spec.child("externalName")));
  return errors;
}

function validatePorts(ports: readonly core.ServicePort[], place: FieldPath): Errors {
  const names = new Set<string>();
  return eachAt(ports, place, ({ name, port, protocol, targetPort, appProtocol }, here) => {
    const errors: FieldError[] = [];
    if (!name) {
      if (ports.length > 1) errors.push(field.required(here.child("name")));
    } else {
      errors.push(...named(here.child("name"), name, dnsLabel));
      if (names.has(name)) errors.push(field.duplicate(here.child("name"), name));
      names.add(name);
    }
    errors.push(...portInRange(here.child("port"), port));
    errors.push(...requiredOneOf(here.child("protocol"), protocol, ["SCTP", "TCP", "UDP"]));
    errors.push(...portNumberOrName(here.child("targetPort"), targetPort));
    if (appProtocol !== undefined) errors.push(...named(here.child("appProtocol"), appProtocol, qualifiedName));
    return errors;
  });
}

function repeatedPorts(ports: readonly core.ServicePort[], place: FieldPath): Errors {
  const errors: FieldError[] = [];
  const nodePorts = new Set<string>();
  for (const [index, { nodePort, protocol }] of ports.entries()) {
    if (!nodePort) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(field.duplicate(place.index(index).child("nodePort"), nodePort));
    nodePorts.add(key);
  }
  const numbers = new Set<string>();
  for (const [index, { port, protocol }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    if (numbers.has(key)) errors.push(field.duplicate(place.index(index), { protocol, port }));
    numbers.add(key);
  }
  return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: core.ServiceSpec): Errors {
  const errors: FieldError[] = [...requiredOneOf(spec.child("sessionAffinity"), sessionAffinity, ["ClientIP", "None"])];
  const place = spec.child("sessionAffinityConfig");
  if (sessionAffinity === "None") {
    if (sessionAffinityConfig) {
      errors.push(field.forbidden(place, "must not be set when session affinity is None"));
    }
    return errors;
  }
  if (sessionAffinity !== "ClientIP") return errors;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const here = place.child("clientIP", "timeoutSeconds");
  if (seconds === undefined) errors.push(field.required(here, "when session affinity type is ClientIP"));
  else if (seconds <= 0 || seconds > 86400) {
    errors.push(field.invalid(here, seconds, "must be greater than 0 and less than 86400"));
  }
  return errors;
}

function validateClusterAddresses(given: core.ServiceSpec, headless: boolean): Errors {
  if (given.type === "ExternalName") return [];
  const { clusterIP, clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = given;
  const place = spec.child("clusterIPs");
  const errors: FieldError[] = [];
  if (clusterIP) {
    if (clusterIPs.length === 0) errors.push(field.required(place));
    else if (clusterIPs[0] !== clusterIP) {
      errors.push(field.invalid(place, clusterIPs, "first value must match `clusterIP`"));
    }
  } else if (clusterIPs.length > 0) {
    errors.push(field.invalid(place, clusterIPs, "must be empty when `clusterIP` is not specified"));
  }
  errors.push(
    ...eachAt(ipFamilies, spec.child("ipFamilies"), (family, here, index) => [
      ...oneOf(here, family, families),
      ...(ipFamilies.indexOf(family) < index ? [field.duplicate(here, family)] : []),
    ]),
  );
  errors.push(...oneOf(spec.child("ipFamilyPolicy"), ipFamilyPolicy, policies));
  const wrong = eachAt(clusterIPs, place, (address, here, index) => {
    if (address !== "None") return validAddress(here, address);
    if (index === 0 && clusterIPs.length === 1) return [];
    return [field.invalid(place, clusterIPs, "'None' must be the first and only value")];
  });
  errors.push(...wrong);
  if (clusterIPs.length > 2) errors.push(field.invalid(place, clusterIPs, "may only hold up to 2 values"));
  if (wrong.length > 0) return errors;
  const isSix = (address: string) => address.includes(":");
  const [first, second] = clusterIPs;
  if (first !== undefined && second !== undefined && isSix(first) === isSix(second)) {
    errors.push(field.invalid(place, clusterIPs, "may specify no more than one IP for each IP family"));
  }
  if (headless) return errors;
  for (const [index, address] of clusterIPs.entries()) {
    const family = ipFamilies[index];
    if (family === undefined || isSix(address) === (family === "IPv6")) continue;
    const detail = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
    errors.push(field.invalid(place.index(index), address, detail));
  }
  return errors;
}

function externalAddress(address: string, here: FieldPath): Errors {
  const errors = validAddress(here, address);
  return errors.length > 0 ? errors : notSpecial(here, address);
}

const rangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";

function validateLoadBalancer(annotations: Readonly<Record<string, string>> = {}, given: core.ServiceSpec): Errors {
  const { type, loadBalancerSourceRanges = [], loadBalancerClass, allocateLoadBalancerNodePorts } = given;
  const errors: FieldError[] = [];
  const only = "may only be used when `type` is 'LoadBalancer'";
  const annotated = (annotations[rangesAnnotation] ?? "").trim();
  if (loadBalancerSourceRanges.length > 0 || annotated) {
    const listed = loadBalancerSourceRanges.length > 0;
    const place = listed
      ? spec.child("LoadBalancerSourceRanges")
      : path("metadata", "annotations").key(rangesAnnotation);
    if (type !== "LoadBalancer") errors.push(field.forbidden(place, only));
    const ranges = listed ? loadBalancerSourceRanges : annotated.split(",");
    if (ranges.some((range) => cidr(range.trim()).length > 0)) {
      const detail = "must be a list of IP ranges. For example, 10.240.0.0/24,10.250.0.0/24";
      errors.push(field.invalid(place, listed ? ranges : annotated, detail));
    }
  }
  const allocate = spec.child("allocateLoadBalancerNodePorts");
  if (type !== "LoadBalancer" && allocateLoadBalancerNodePorts !== undefined) {
    errors.push(field.forbidden(allocate, only));
  }
  if (loadBalancerClass !== undefined) {
    const place = spec.child("loadBalancerClass");
    if (type !== "LoadBalancer") errors.push(field.forbidden(place, only));
    else errors.push(...named(place, loadBalancerClass, qualifiedName));
  }
  return errors;
}

function validateTraffic(given: core.ServiceSpec): Errors {
  const { type, externalTrafficPolicy, internalTrafficPolicy, healthCheckNodePort, trafficDistribution } = given;
  const errors: FieldError[] = [];
  const external = spec.child("externalTrafficPolicy");
  if (!isReachableFromOutside(given)) {
    if (externalTrafficPolicy) {
      const detail = "may only be set for externally-accessible services";
      errors.push(field.invalid(external, externalTrafficPolicy, detail));
    }
  } else errors.push(...requiredOneOf(external, externalTrafficPolicy, ["Cluster", "Local"]));
  const checked = type === "LoadBalancer" && externalTrafficPolicy === "Local";
  if (healthCheckNodePort) {
    const place = spec.child("healthCheckNodePort");
    if (checked) errors.push(...portInRange(place, healthCheckNodePort));
    else {
      const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
      errors.push(field.invalid(place, healthCheckNodePort, detail));
    }
  }
  const internal = spec.child("internalTrafficPolicy");
  if (internalTrafficPolicy === undefined) {
    if (type === "ClusterIP" || type === "NodePort" || type === "LoadBalancer") errors.push(field.required(internal));
  } else errors.push(...oneOf(internal, internalTrafficPolicy, ["Cluster", "Local"]));
  errors.push(...oneOf(spec.child("trafficDistribution"), trafficDistribution, trafficDistributions));
  return errors;
}

/** The faults of a change: a service keeps its first address and family, its load balancer's class and health port. */
export function validateServiceUpdate(next: core.Service, previous: core.Service): Errors {
  const [after, before] = [next.spec, previous.spec];
  const errors: FieldError[] = [];
  if (after.type !== "ExternalName" && before.type !== "ExternalName") {
    errors.push(...keptFirst(after.clusterIPs, before.clusterIPs, "clusterIPs", "primary clusterIP can not be unset"));
    errors.push(...keptFirst(after.ipFamilies, before.ipFamilies, "ipFamilies", "primary ipFamily can not be unset"));
  }
  if (before.type === "LoadBalancer" && after.type === "LoadBalancer") {
    if (after.loadBalancerClass !== before.loadBalancerClass) {
      errors.push(field.invalid(spec.child("loadBalancerClass"), after.loadBalancerClass, "may not change once set"));
    }
    const port = before.healthCheckNodePort;
    if (port && before.externalTrafficPolicy === "Local" && after.externalTrafficPolicy === "Local") {
      if (after.healthCheckNodePort !== port) {
        errors.push(field.invalid(spec.child("healthCheckNodePort"), after.healthCheckNodePort, "field is immutable"));
      }
    }
  }
  return errors;
}

function keptFirst(
  after: readonly string[] | undefined,
  before: readonly string[] | undefined,
  member: string,
  unset: string,
): Errors {
  const first = before?.[0];
  if (first === undefined || after?.[0] === first) return [];
  const place = spec.child(member).index(0);
  if ((after ?? []).length === 0) return [field.invalid(place, after ?? [], unset)];
  return [field.invalid(place, after, "may not change once set")];
}
