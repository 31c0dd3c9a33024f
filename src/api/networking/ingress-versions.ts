import type { IntOrString, KubeObject } from "../../machinery/object.ts";
import { change, each, fill } from "../fill.ts";
import type * as core from "../generated/core-v1.ts";
import type * as networking from "../generated/networking-v1.ts";
import type { VersionMapping } from "../kind.ts";

interface OldBackend {
  readonly serviceName?: string;
  readonly servicePort?: IntOrString;
  readonly resource?: core.TypedLocalObjectReference;
}
interface OldPath {
  readonly path?: string;
  readonly pathType?: networking.PathType;
  readonly backend: OldBackend;
}
interface OldRule {
  readonly host?: string;
  readonly http?: { readonly paths: readonly OldPath[] | null };
}
interface OldSpec {
  readonly backend?: OldBackend;
  readonly rules?: readonly OldRule[];
}
type OldIngress = KubeObject & { readonly spec?: OldSpec };
type Ingress = KubeObject & { readonly spec?: networking.IngressSpec };

/** Paths said nothing of how they match before there was a word for it. */
function withPathTypes(object: KubeObject): KubeObject {
  return change(object as OldIngress, {
    spec: (spec) =>
      change(spec, {
        rules: each((rule) =>
          change(rule, {
            http: (http) =>
              change(http, { paths: each((path) => fill(path, { pathType: "ImplementationSpecific" as const })) }),
          }),
        ),
      }),
  });
}

function toStored(object: KubeObject): KubeObject {
  const { spec, ...rest } = object as OldIngress;
  if (!spec) return { ...rest, apiVersion: "networking.k8s.io/v1" };
  const { backend, rules, ...same } = spec;
  const stored = {
    ...same,
    ...(backend ? { defaultBackend: newBackend(backend) } : {}),
    ...(rules
      ? {
          rules: rules.map(({ http, ...rule }) =>
            http
              ? {
                  ...rule,
                  http: { paths: http.paths?.map((path) => ({ ...path, backend: newBackend(path.backend) })) ?? null },
                }
              : rule,
          ),
        }
      : {}),
  };
  return { ...rest, apiVersion: "networking.k8s.io/v1", spec: stored } as KubeObject;
}

function newBackend({ serviceName, servicePort, resource }: OldBackend): networking.IngressBackend {
  const port = typeof servicePort === "string" ? { name: servicePort } : servicePort ? { number: servicePort } : {};
  const service = serviceName || servicePort ? { service: { name: serviceName ?? "", port } } : {};
  return resource ? { ...service, resource } : service;
}

function oldBackend({ service, resource }: networking.IngressBackend): OldBackend {
  const servicePort = service?.port?.name || service?.port?.number || 0;
  return { ...(service ? { serviceName: service.name } : {}), servicePort, ...(resource ? { resource } : {}) };
}

function fromStored(apiVersion: string): VersionMapping["fromStored"] {
  return (object) => {
    const { spec, ...rest } = object as Ingress;
    if (!spec) return { ...rest, apiVersion };
    const { defaultBackend, rules, ...same } = spec;
    const served = {
      ...same,
      ...(defaultBackend ? { backend: oldBackend(defaultBackend) } : {}),
      ...(rules
        ? {
            rules: rules.map(({ http, ...rule }) =>
              http
                ? {
                    ...rule,
                    http: {
                      paths: http.paths?.map((path) => ({ ...path, backend: oldBackend(path.backend) })) ?? null,
                    },
                  }
                : rule,
            ),
          }
        : {}),
    };
    return { ...rest, apiVersion, spec: served } as KubeObject;
  };
}

const mapping = (apiVersion: string, type: string): VersionMapping => ({
  type,
  defaults: withPathTypes,
  toStored,
  fromStored: fromStored(apiVersion),
});

/** Ingresses with `backend`, `serviceName` and `servicePort`. */
export const ingressMappings: Readonly<Record<string, VersionMapping>> = {
  "networking.k8s.io/v1beta1": mapping("networking.k8s.io/v1beta1", "networking/v1beta1.Ingress"),
  "extensions/v1beta1": mapping("extensions/v1beta1", "extensions/v1beta1.Ingress"),
};
