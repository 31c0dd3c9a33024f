import { type FieldPath, field, path } from "../../machinery/fields.ts";
import { portName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { isStrictSubset, validRange } from "../addresses.ts";
import { type Errors, eachAt, named, oneOf, portInRange } from "../checks.ts";
import { ageColumn, nameColumn, selectorText, text } from "../columns.ts";
import { change, each, fill } from "../fill.ts";
import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInOtherVersion } from "../renamed-version.ts";
import { validateSelector } from "../selectors.ts";
import { withIngressRules } from "./allow-incoming.ts";

export type NetworkPolicy = networking.NetworkPolicy;

const spec = path("spec");

/** Which traffic the selected pods may receive and send. */
export const NetworkPolicy = defineKind<networking.NetworkPolicy>({
  type: "networking/v1.NetworkPolicy",
  plural: "networkpolicies",
  shortNames: ["netpol"],
  scope: "Namespaced",
  generationOf: (policy) => policy.spec,
  defaults: (policy) => change(fill(policy, { spec: {} }), { spec: withDefaults }),
  validate: (policy) => validatePolicy(policy.spec),
  columns: [nameColumn, text("Pod-Selector", (policy) => selectorText(policy.spec.podSelector)), ageColumn],
  versions: {
    "extensions/v1beta1": {
      ...sameInOtherVersion("networking.k8s.io/v1", {
        apiVersion: "extensions/v1beta1",
        type: "extensions/v1beta1.NetworkPolicy",
      }),
      reads: withIngressRules,
    },
  },
});

function withDefaults(given: networking.NetworkPolicySpec): networking.NetworkPolicySpec {
  const portDefaults = (port: networking.NetworkPolicyPort) => fill(port, { protocol: "TCP" });
  const filled = change(fill(given, { podSelector: {} }), {
    ingress: each((rule) => change(rule, { ports: each(portDefaults) })),
    egress: each((rule) => change(rule, { ports: each(portDefaults) })),
  });
  if ((filled.policyTypes ?? []).length > 0) return filled;
  const outward = (filled.egress ?? []).length > 0;
  return { ...filled, policyTypes: outward ? ["Ingress", "Egress"] : ["Ingress"] };
}

function validatePolicy(given: networking.NetworkPolicySpec): Errors {
  const { podSelector, ingress, egress, policyTypes = [] } = given;
  const errors: FieldError[] = [...validateSelector(podSelector, spec.child("podSelector"))];
  errors.push(
    ...eachAt(ingress, spec.child("ingress"), ({ ports, from }, here) => [
      ...eachAt(ports, here.child("ports"), validatePort),
      ...eachAt(from, here.child("from"), validatePeer),
    ]),
  );
  errors.push(
    ...eachAt(egress, spec.child("egress"), ({ ports, to }, here) => [
      ...eachAt(ports, here.child("ports"), validatePort),
      ...eachAt(to, here.child("to"), validatePeer),
    ]),
  );
  const place = spec.child("policyTypes");
  if (policyTypes.length > 2) {
    return [...errors, field.invalid(place, policyTypes, "may not specify more than two policyTypes")];
  }
  return [...errors, ...eachAt(policyTypes, place, (type, here) => oneOf(here, type, ["Ingress", "Egress"]))];
}

function validatePort({ protocol, port, endPort }: networking.NetworkPolicyPort, place: FieldPath): Errors {
  const errors: FieldError[] = [...oneOf(place.child("protocol"), protocol, ["TCP", "UDP", "SCTP"])];
  const end = place.child("endPort");
  if (port === undefined) {
    if (endPort !== undefined) {
      errors.push(field.invalid(end, endPort, "may not be specified when `port` is not specified"));
    }
    return errors;
  }
  if (typeof port === "string") {
    if (endPort !== undefined) {
      errors.push(field.invalid(end, endPort, "may not be specified when `port` is non-numeric"));
    }
    return [...errors, ...named(place.child("port"), port, portName)];
  }
  errors.push(...portInRange(place.child("port"), port));
  if (endPort === undefined) return errors;
  if (endPort < port) errors.push(field.invalid(end, endPort, "must be greater than or equal to `port`"));
  return [...errors, ...portInRange(end, endPort)];
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: networking.NetworkPolicyPeer,
  place: FieldPath,
): Errors {
  const errors: FieldError[] = [
    ...validateSelector(podSelector, place.child("podSelector")),
    ...validateSelector(namespaceSelector, place.child("namespaceSelector")),
  ];
  if (ipBlock) errors.push(...validateBlock(ipBlock, place.child("ipBlock")));
  if (!podSelector && !namespaceSelector && !ipBlock) {
    return [...errors, field.required(place, "must specify a peer")];
  }
  if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(field.forbidden(place, "may not specify both ipBlock and another peer"));
  }
  return errors;
}

function validateBlock({ cidr, except }: networking.IPBlock, place: FieldPath): Errors {
  if (!cidr) return [field.required(place.child("cidr"))];
  const outer = validRange(place.child("cidr"), cidr);
  return [
    ...outer,
    ...eachAt(except, place.child("except"), (range, here) => {
      const errors = validRange(here, range);
      if (errors.length > 0 || outer.length > 0 || isStrictSubset(range, cidr)) return errors;
      return [field.invalid(here, range, "must be a strict subset of `cidr`")];
    }),
  ];
}
