import type { IngressClassInput, IngressInput } from "./ingress-input.ts";

/** `spec.controller` of the IngressClasses that this controller serves. */
export const ingressController = "navarch.io/ingress";

/** The IngressClass that a cluster has from the start. */
export const ownIngressClass = "navarch";

const classAnnotation = "kubernetes.io/ingress.class";
const defaultClassAnnotation = "ingressclass.kubernetes.io/is-default-class";

/**
 * Whether an Ingress is this controller's: by its class's controller, or by the annotation of before there were classes. One
 * that names none was made before its cluster had a default class, and is served if that is ours.
 */
export function isOurs(ingress: IngressInput, classes: readonly IngressClassInput[]): boolean {
  const wanted = ingress.metadata?.annotations?.[classAnnotation] ?? ingress.spec?.ingressClassName;
  const ours = (known: IngressClassInput) => known.spec?.controller === ingressController;
  if (!wanted) {
    return classes.some((known) => ours(known) && known.metadata?.annotations?.[defaultClassAnnotation] === "true");
  }
  const known = classes.find(({ metadata }) => metadata?.name === wanted);
  return known ? ours(known) : false;
}
