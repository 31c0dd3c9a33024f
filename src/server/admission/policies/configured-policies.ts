import { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/validating-admission-policy.ts";
import { ValidatingAdmissionPolicyBinding } from "../../../api/admissionregistration/validating-admission-policy-binding.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import { type RequestFilter, requestFilter } from "../dynamic/request-matcher.ts";
import { type CompiledPolicy, compilePolicy } from "./compiled-policy.ts";

export interface ConfiguredBinding {
  readonly binding: ValidatingAdmissionPolicyBinding;
  readonly name: string;
  readonly filter: RequestFilter;
}

/** A policy with the bindings that put it in force. */
export interface ConfiguredPolicy {
  readonly policy: ValidatingAdmissionPolicy;
  readonly name: string;
  readonly filter: RequestFilter;
  readonly compiled: CompiledPolicy;
  readonly bindings: readonly ConfiguredBinding[];
}

/** The policies that are in force, ordered by name, compiled once for each state of a policy. */
export class ConfiguredPolicies implements Disposable {
  readonly #policies;
  readonly #bindings;
  readonly #compiled = new WeakMap<object, CompiledPolicy>();
  #configured: readonly ConfiguredPolicy[] | undefined;
  #subscriptions: readonly Disposable[] = [];

  constructor(registry: Registry) {
    this.#policies = registry.of(ValidatingAdmissionPolicy);
    this.#bindings = registry.of(ValidatingAdmissionPolicyBinding);
  }

  async start(): Promise<void> {
    const forget = () => {
      this.#configured = undefined;
    };
    this.#subscriptions = [this.#policies.cache.subscribe({}, forget), this.#bindings.cache.subscribe({}, forget)];
    await Promise.all([this.#policies.cache.start(), this.#bindings.cache.start()]);
  }

  get all(): readonly ConfiguredPolicy[] {
    this.#configured ??= this.#read();
    return this.#configured;
  }

  #read(): readonly ConfiguredPolicy[] {
    const bindings = objects<ValidatingAdmissionPolicyBinding>(this.#bindings).map((binding) => ({
      binding,
      name: binding.metadata.name,
      filter: requestFilter(binding.spec.matchResources ?? {}),
    }));
    return objects<ValidatingAdmissionPolicy>(this.#policies).flatMap((policy) => {
      const { name } = policy.metadata;
      const own = bindings.filter(({ binding }) => binding.spec.policyName === name);
      if (own.length === 0) return [];
      const filter = requestFilter(policy.spec.matchConstraints ?? {});
      return [{ policy, name, filter, compiled: this.#compile(policy), bindings: own }];
    });
  }

  #compile(policy: ValidatingAdmissionPolicy): CompiledPolicy {
    const known = this.#compiled.get(policy.spec);
    if (known) return known;
    const compiled = compilePolicy(policy.spec);
    this.#compiled.set(policy.spec, compiled);
    return compiled;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }
}

function objects<T extends { readonly metadata: { readonly name: string } }>({
  cache,
  resource,
}: ReturnType<Registry["of"]>): readonly T[] {
  return Array.from(cache.range(resource.range), ({ object }) => object as AnyObject as unknown as T).sort((a, b) =>
    a.metadata.name < b.metadata.name ? -1 : 1,
  );
}
