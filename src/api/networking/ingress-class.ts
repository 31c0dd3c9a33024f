import { field, path } from "../../machinery/fields.ts";
import { validateImmutable } from "../../machinery/metadata-validation.ts";
import { dnsLabel, dnsSubdomain, domainPrefixedPath, pathSegment } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, oneOf, requiredNamed } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { change, fill } from "../fill.ts";
import type * as networking from "../generated/networking-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type IngressClass = networking.IngressClass;

const spec = path("spec");

/** Names the controller that serves an Ingress. */
export const IngressClass = defineKind<networking.IngressClass>({
  type: "networking/v1.IngressClass",
  plural: "ingressclasses",
  scope: "Cluster",
  generationOf: (ingressClass) => ingressClass.spec,
  defaults: (ingressClass) =>
    change(fill(ingressClass, { spec: {} }), {
      spec: (given) => change(given, { parameters: (parameters) => fill(parameters, { scope: "Cluster" }) }),
    }),
  validate: validateClass,
  validateUpdate: (next, previous) =>
    validateImmutable(spec.child("controller"), next.spec.controller, previous.spec.controller),
  columns: [
    nameColumn,
    text("Controller", (ingressClass) => ingressClass.spec.controller ?? ""),
    text("Parameters", ({ spec: { parameters } }) => {
      if (!parameters) return "<none>";
      const { kind, apiGroup, name } = parameters;
      return apiGroup ? `${kind}.${apiGroup}/${name}` : `${kind}/${name}`;
    }),
    ageColumn,
  ],
  versions: sameInVersions("networking.k8s.io/v1", { "networking.k8s.io/v1beta1": "networking/v1beta1.IngressClass" }),
});

function validateClass({ spec: { controller = "", parameters } }: networking.IngressClass): Errors {
  const place = spec.child("controller");
  const errors: FieldError[] = [];
  if (controller.length > 250) errors.push(field.tooLong(place, 250));
  errors.push(...requiredNamed(place, controller, domainPrefixedPath));
  if (!parameters) return errors;
  const here = spec.child("parameters");
  if (parameters.apiGroup) errors.push(...named(here.child("apiGroup"), parameters.apiGroup, dnsSubdomain));
  errors.push(...requiredNamed(here.child("kind"), parameters.kind, pathSegment));
  errors.push(...requiredNamed(here.child("name"), parameters.name, pathSegment));
  errors.push(...oneOf(here.child("scope"), parameters.scope ?? "", ["Cluster", "Namespace"]));
  const { scope, namespace } = parameters;
  if (scope === "Namespace" && !namespace) {
    errors.push(field.required(here.child("namespace"), "`parameters.scope` is set to 'Namespace'"));
  } else if (scope === "Namespace") errors.push(...named(here.child("namespace"), namespace, dnsLabel));
  if (scope === "Cluster" && namespace !== undefined) {
    errors.push(field.forbidden(here.child("namespace"), "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}
