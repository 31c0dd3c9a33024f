import type { EndpointSliceInput } from "../proxy/service-input.ts";
import { objectKey, sliceServiceKey } from "../proxy/service-input.ts";
import type { IngressClassInput, IngressInput, IngressServiceInput } from "./ingress-input.ts";
import { type IngressPlan, planIngress } from "./plan.ts";

/** Everything that routing is made from, as it is now. Each change says whether the plan may be another one by it. */
export class IngressState {
  readonly #ingresses = new Map<string, IngressInput>();
  readonly #classes = new Map<string, IngressClassInput>();
  readonly #services = new Map<string, IngressServiceInput>();
  readonly #slices = new Map<string, Map<string, EndpointSliceInput>>();
  #concerned: ReadonlySet<string> = new Set();

  setIngress(ingress: IngressInput): boolean {
    this.#ingresses.set(objectKey(ingress), ingress);
    return true;
  }

  deleteIngress(ingress: IngressInput): boolean {
    return this.#ingresses.delete(objectKey(ingress));
  }

  setClass(known: IngressClassInput): boolean {
    this.#classes.set(objectKey(known), known);
    return true;
  }

  deleteClass(known: IngressClassInput): boolean {
    return this.#classes.delete(objectKey(known));
  }

  setService(service: IngressServiceInput): boolean {
    const key = objectKey(service);
    this.#services.set(key, service);
    return this.#concerned.has(key);
  }

  deleteService(service: IngressServiceInput): boolean {
    const key = objectKey(service);
    this.#services.delete(key);
    return this.#concerned.has(key);
  }

  setSlice(slice: EndpointSliceInput): boolean {
    const service = sliceServiceKey(slice);
    if (!service) return false;
    const known = this.#slices.get(service) ?? new Map<string, EndpointSliceInput>();
    this.#slices.set(service, known.set(objectKey(slice), slice));
    return this.#concerned.has(service);
  }

  deleteSlice(slice: EndpointSliceInput): boolean {
    const service = sliceServiceKey(slice);
    if (!service) return false;
    const known = this.#slices.get(service);
    known?.delete(objectKey(slice));
    if (known?.size === 0) this.#slices.delete(service);
    return this.#concerned.has(service);
  }

  plan(): IngressPlan {
    const plan = planIngress({
      ingresses: [...this.#ingresses.values()],
      classes: [...this.#classes.values()],
      service: (key) => this.#services.get(key),
      slices: (key) => [...(this.#slices.get(key)?.values() ?? [])],
    });
    this.#concerned = plan.services;
    return plan;
  }
}
