import type { MutatingWebhook } from "../../../api/generated/admissionregistration-v1.ts";
import type { KindRef } from "../../../machinery/object.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject } from "../../../registry/resource.ts";
import { admissionEnvironment } from "../cel/admission-environment.ts";
import { type CompiledCondition, compileConditions } from "../cel/match-conditions.ts";
import { type RequestFilter, requestFilter } from "./request-matcher.ts";

/** A webhook of either kind, as its configuration says, ready to be asked. */
export interface ConfiguredWebhook {
  readonly configuration: string;
  /** Its place among the webhooks of its configuration and of all. */
  readonly index: number;
  /** The same as long as the configuration is the same. */
  readonly id: string;
  readonly webhook: MutatingWebhook;
  readonly filter: RequestFilter;
  readonly conditions: readonly CompiledCondition[];
}

/** The webhooks of all configurations of a kind, ordered by the configurations' names. */
export class ConfiguredWebhooks implements Disposable {
  readonly #collection;
  #webhooks: readonly ConfiguredWebhook[] | undefined;
  #subscription: Disposable | undefined;

  constructor(registry: Registry, kind: KindRef<unknown>) {
    this.#collection = registry.of(kind);
  }

  async start(): Promise<void> {
    const { cache } = this.#collection;
    this.#subscription = cache.subscribe({}, () => {
      this.#webhooks = undefined;
    });
    await cache.start();
  }

  get all(): readonly ConfiguredWebhook[] {
    this.#webhooks ??= this.#read();
    return this.#webhooks;
  }

  #read(): readonly ConfiguredWebhook[] {
    const { cache, resource } = this.#collection;
    const configurations = Array.from(cache.range(resource.range), ({ object }) => object);
    configurations.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    return configurations
      .flatMap((configuration) => webhooksOf(configuration))
      .map((webhook, index) => ({ ...webhook, index }));
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
  }
}

const environment = admissionEnvironment({ authorizer: true });

function webhooksOf(object: AnyObject): Omit<ConfiguredWebhook, "index">[] {
  const { metadata } = object;
  const { webhooks = [] } = object as AnyObject & { readonly webhooks?: readonly MutatingWebhook[] };
  return webhooks
    .filter(({ rules }) => rules !== undefined && rules.length > 0) // without rules it is never asked
    .map((webhook) => ({
      configuration: metadata.name,
      id: `${metadata.name}/${webhook.name}`,
      webhook,
      filter: requestFilter({ ...webhook, resourceRules: webhook.rules ?? [] }),
      conditions: compileConditions(webhook.matchConditions, environment),
    }));
}
