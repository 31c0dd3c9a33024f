import { isIP } from "node:net";
import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { dnsLabel1035, dnsSubdomain, pathSegment, portName, wildcardSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, portInRange, requiredNamed } from "../checks.ts";
import type * as networking from "../generated/networking-v1.ts";

const spec = path("spec");
const classAnnotation = "kubernetes.io/ingress.class";
const forbiddenParts = ["//", "/./", "/../", "%2f", "%2F"];
const forbiddenEnds = ["/..", "/."];

/** The faults of an Ingress. */
export function validateIngress({ spec: given, metadata }: networking.Ingress): Errors {
  const { rules = [], tls, defaultBackend, ingressClassName } = given;
  const errors: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend) {
    errors.push(field.invalid(spec, given.rules ?? [], "either `defaultBackend` or `rules` must be specified"));
  }
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, spec.child("defaultBackend")));
  errors.push(...eachAt(rules, spec.child("rules"), validateRule));
  errors.push(
    ...eachAt(tls, spec.child("tls"), ({ hosts, secretName }, here) => [
      ...eachAt(hosts, here.child("hosts"), (host, at) =>
        named(at, host, host.includes("*") ? wildcardSubdomain : dnsSubdomain),
      ),
      ...(secretName ? named(here.child("secretName"), secretName, dnsSubdomain) : []),
    ]),
  );
  if (ingressClassName !== undefined) {
    errors.push(...named(spec.child("ingressClassName"), ingressClassName, dnsSubdomain));
    const annotated = metadata.annotations?.[classAnnotation];
    if (annotated !== undefined && annotated !== ingressClassName) {
      const place = path("metadata", "annotations").child(classAnnotation);
      errors.push(field.invalid(place, annotated, "must match `ingressClassName` when both are specified"));
    }
  }
  return errors;
}

function validateRule({ host, http }: networking.IngressRule, place: FieldPath): Errors {
  const errors: FieldError[] = [];
  if (host) {
    const here = place.child("host");
    if (isIP(host) !== 0) errors.push(field.invalid(here, host, "must be a DNS name, not an IP address"));
    else errors.push(...named(here, host, host.includes("*") ? wildcardSubdomain : dnsSubdomain));
  }
  if (!http) return errors;
  const paths = place.child("http", "paths");
  if ((http.paths ?? []).length === 0) return [...errors, field.required(paths)];
  return [...errors, ...eachAt(http.paths, paths, validatePath)];
}

function validatePath(route: networking.HTTPIngressPath, place: FieldPath): Errors {
  const { pathType, backend } = route;
  const text = route.path ?? "";
  const here = place.child("path");
  const errors: FieldError[] = [];
  const absolute = () => {
    if (!text.startsWith("/")) errors.push(field.invalid(here, text, "must be an absolute path"));
  };
  if (!pathType) errors.push(field.required(place.child("pathType"), "pathType must be specified"));
  else if (pathType === "Exact" || pathType === "Prefix") {
    absolute();
    for (const part of forbiddenParts) {
      if (text.includes(part)) errors.push(field.invalid(here, text, `must not contain '${part}'`));
    }
    for (const end of forbiddenEnds) {
      if (text.endsWith(end)) errors.push(field.invalid(here, text, `cannot end with '${end}'`));
    }
  } else if (pathType === "ImplementationSpecific") {
    if (text) absolute();
  } else {
    const types = ["Exact", "ImplementationSpecific", "Prefix"];
    errors.push(field.notSupported(place.child("pathType"), pathType, types));
  }
  return [...errors, ...validateBackend(backend ?? {}, place.child("backend"))];
}

function validateBackend({ service, resource }: networking.IngressBackend, place: FieldPath): Errors {
  if (service && resource) return [field.invalid(place, "", "cannot set both resource and service backends")];
  if (resource) {
    const here = place.child("resource");
    return [
      ...(resource.apiGroup ? named(here.child("apiGroup"), resource.apiGroup, dnsSubdomain) : []),
      ...requiredNamed(here.child("kind"), resource.kind, pathSegment),
      ...requiredNamed(here.child("name"), resource.name, pathSegment),
    ];
  }
  if (!service) return [field.invalid(place, "", "resource or service backend is required")];
  const here = place.child("service");
  const errors: FieldError[] = [...requiredNamed(here.child("name"), service.name, dnsLabel1035)];
  const { name, number } = service.port ?? {};
  if (name && number) errors.push(field.invalid(place, "", "cannot set both port name & port number"));
  else if (name) errors.push(...named(here.child("port", "name"), name, portName));
  else if (number) errors.push(...portInRange(here.child("port", "number"), number));
  else errors.push(field.required(place, "port name or number is required"));
  return errors;
}
