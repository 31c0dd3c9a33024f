/** `spec.controller` of the IngressClasses that a cluster's nodes serve themselves. */
export const ingressController = "navarch.io/ingress";

const classAnnotation = "kubernetes.io/ingress.class";

/** Marks the class of Ingresses that name none. */
export const defaultIngressClassAnnotation = "ingressclass.kubernetes.io/is-default-class";

/** Names the Secret of the Ingress's namespace by whose `ca.crt` its back ends have to prove who they are when TLS begins. */
export const backendAuthorityAnnotation = "ingress.navarch.io/backend-ca-secret";

/** The name that such a back end's certificate has to have; without it the host of the request. */
export const backendNameAnnotation = "ingress.navarch.io/backend-server-name";

interface About {
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
}
type ClassName = About & { readonly spec?: { readonly ingressClassName?: string } };
type ClassController = About & { readonly spec?: { readonly controller?: string } };

/**
 * Whether the cluster's own nodes serve an Ingress: by its class's controller, or by the annotation of before there were
 * classes. One that names none was made before its cluster had a default class, and is served if that is ours.
 */
export function isServedByNodes({ metadata, spec }: ClassName, classes: readonly ClassController[]): boolean {
  const wanted = metadata?.annotations?.[classAnnotation] ?? spec?.ingressClassName;
  const known = classes.find(({ metadata: about }) =>
    wanted ? about?.name === wanted : about?.annotations?.[defaultIngressClassAnnotation] === "true",
  );
  return known?.spec?.controller === ingressController;
}

type NamesSecrets = About & { readonly spec?: { readonly tls?: readonly { readonly secretName?: string }[] } };

/** The Secrets of its namespace that those who serve an Ingress need. */
export function secretsNamedBy({ metadata, spec }: NamesSecrets): readonly string[] {
  const authority = metadata?.annotations?.[backendAuthorityAnnotation];
  return [...(spec?.tls ?? []).map(({ secretName }) => secretName), authority].flatMap((name) => name || []);
}
