import type { MatchResources } from "../../../api/generated/admissionregistration-v1.ts";
import type { KindRef } from "../../../machinery/object.ts";
import type { Collection } from "../../../registry/collection.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import { type RequestFilter, requestFilter } from "../dynamic/request-matcher.ts";

/** What is read of policies of both sorts. */
export interface AnyPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly matchConstraints?: MatchResources };
}

/** What is read of bindings of both sorts. */
export interface AnyBinding {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly policyName?: string; readonly matchResources?: MatchResources };
}

export interface ConfiguredBinding<Binding> {
  readonly binding: Binding;
  readonly name: string;
  readonly filter: RequestFilter;
}

/** A policy with the bindings that put it in force. */
export interface ConfiguredPolicy<Policy, Binding, Compiled> {
  readonly policy: Policy;
  readonly name: string;
  readonly filter: RequestFilter;
  readonly compiled: Compiled;
  readonly bindings: readonly ConfiguredBinding<Binding>[];
}

/** Policies of one sort, and how their expressions are made ready. */
export interface PolicySort<Policy extends AnyPolicy, Binding, Compiled> {
  readonly policies: KindRef<Policy>;
  readonly bindings: KindRef<Binding>;
  compile(spec: Policy["spec"]): Compiled;
}

/** The policies of a sort that are in force, ordered by name, compiled once for each state of a policy. */
export class ConfiguredPolicies<Policy extends AnyPolicy, Binding extends AnyBinding, Compiled> implements Disposable {
  readonly #policies: Collection;
  readonly #bindings: Collection;
  readonly #compile: (spec: Policy["spec"]) => Compiled;
  readonly #compiled = new WeakMap<object, Compiled>();
  #configured: readonly ConfiguredPolicy<Policy, Binding, Compiled>[] | undefined;
  #subscriptions: readonly Disposable[] = [];

  constructor(registry: Registry, { policies, bindings, compile }: PolicySort<Policy, Binding, Compiled>) {
    this.#policies = registry.of(policies);
    this.#bindings = registry.of(bindings);
    this.#compile = compile;
  }

  async start(): Promise<void> {
    const forget = () => {
      this.#configured = undefined;
    };
    this.#subscriptions = [this.#policies.cache.subscribe({}, forget), this.#bindings.cache.subscribe({}, forget)];
    await Promise.all([this.#policies.cache.start(), this.#bindings.cache.start()]);
  }

  get all(): readonly ConfiguredPolicy<Policy, Binding, Compiled>[] {
    this.#configured ??= this.#read();
    return this.#configured;
  }

  #read(): readonly ConfiguredPolicy<Policy, Binding, Compiled>[] {
    const bindings = objects<Binding>(this.#bindings).map((binding) => ({
      binding,
      name: binding.metadata.name,
      filter: requestFilter(binding.spec.matchResources ?? {}),
    }));
    return objects<Policy>(this.#policies).flatMap((policy) => {
      const { name } = policy.metadata;
      const own = bindings.filter(({ binding }) => binding.spec.policyName === name);
      if (own.length === 0) return [];
      const filter = requestFilter(policy.spec.matchConstraints ?? {});
      return [{ policy, name, filter, compiled: this.#ready(policy.spec), bindings: own }];
    });
  }

  #ready(spec: Policy["spec"]): Compiled {
    const known = this.#compiled.get(spec);
    if (known) return known;
    const compiled = this.#compile(spec);
    this.#compiled.set(spec, compiled);
    return compiled;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }
}

function objects<T extends AnyPolicy | AnyBinding>({ cache, resource }: Collection): readonly T[] {
  return Array.from(cache.range(resource.range), ({ object }) => object as AnyObject as unknown as T).sort((a, b) =>
    a.metadata.name < b.metadata.name ? -1 : 1,
  );
}
