import type { Node, Pod } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import { parseDuration } from "../../machinery/times.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { ExtenderConfiguration } from "./extender-configuration.ts";

/** Sends a request's body to a URL and answers with the decoded response. Throws when that fails. */
export type PostJson = (url: string, body: unknown, options: { readonly timeoutMs: number }) => Promise<unknown>;

/** What an extender's filter left, and why the others would not do. */
export interface ExtenderFilter {
  readonly nodes: readonly NodeInfo[];
  readonly failed: readonly { readonly node: string; readonly reason: string; readonly preemptionHelps: boolean }[];
}

const longestScore = 10;
const highestNodeScore = 100;

/** A program that has a say about nodes, over HTTP. */
export class Extender {
  readonly configuration: ExtenderConfiguration;
  readonly #post: PostJson;
  readonly #timeoutMs: number;
  readonly #managed: ReadonlySet<string>;

  constructor(configuration: ExtenderConfiguration, post: PostJson) {
    this.configuration = configuration;
    this.#post = post;
    const timeout = configuration.httpTimeout ? Number(parseDuration(configuration.httpTimeout) / 1_000_000n) : 0;
    this.#timeoutMs = timeout > 0 ? timeout : 5000;
    this.#managed = new Set((configuration.managedResources ?? []).map(({ name }) => name));
  }

  get name(): string {
    return this.configuration.urlPrefix;
  }

  /** A pod is its business: it looks after all pods, or after those that ask for a resource of its. */
  concerns({ spec }: Pod): boolean {
    if (this.#managed.size === 0) return true;
    const asks = (list: object | undefined) => Object.keys(list ?? {}).some((name) => this.#managed.has(name));
    return [...spec.containers, ...(spec.initContainers ?? [])].some(
      ({ resources }) => asks(resources?.requests) || asks(resources?.limits),
    );
  }

  get binds(): boolean {
    return Boolean(this.configuration.bindVerb);
  }

  async filter(pod: Pod, nodes: readonly NodeInfo[]): Promise<ExtenderFilter> {
    const verb = this.configuration.filterVerb;
    if (!verb) return { nodes, failed: [] };
    const answer = (await this.#call(verb, this.#about(pod, nodes))) as {
      readonly nodes?: { readonly items?: readonly Node[] } | null;
      readonly nodenames?: readonly string[] | null;
      readonly failedNodes?: Readonly<Record<string, string>>;
      readonly failedAndUnresolvableNodes?: Readonly<Record<string, string>>;
      readonly error?: string;
    };
    if (answer.error) throw new Fault("unavailable", answer.error);
    const names = new Set(answer.nodenames ?? answer.nodes?.items?.map(({ metadata }) => metadata.name) ?? []);
    const reasons = (list: Readonly<Record<string, string>> = {}, preemptionHelps: boolean) =>
      Object.entries(list).map(([node, reason]) => ({ node, reason, preemptionHelps }));
    return {
      nodes: nodes.filter(({ name }) => names.has(name)),
      failed: [...reasons(answer.failedAndUnresolvableNodes, false), ...reasons(answer.failedNodes, true)],
    };
  }

  /** Points by node, on the scale of the plugins' and weighted. */
  async prioritize(pod: Pod, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>> {
    const { prioritizeVerb, weight = 1 } = this.configuration;
    if (!prioritizeVerb) return new Map();
    const answer = (await this.#call(prioritizeVerb, this.#about(pod, nodes))) as
      | readonly { readonly host: string; readonly score: number }[]
      | null;
    return new Map((answer ?? []).map(({ host, score }) => [host, score * weight * (highestNodeScore / longestScore)]));
  }

  async bind({ metadata }: Pod, node: string): Promise<void> {
    const { name, namespace, uid } = metadata;
    const answer = (await this.#call(this.configuration.bindVerb ?? "", {
      podName: name,
      podNamespace: namespace,
      podUID: uid,
      node,
    })) as { readonly error?: string } | null;
    if (answer?.error) throw new Fault("unavailable", answer.error);
  }

  #about(pod: Pod, nodes: readonly NodeInfo[]): object {
    if (this.configuration.nodeCacheCapable) return { pod, nodes: null, nodenames: nodes.map(({ name }) => name) };
    const items = nodes.map(({ node }) => node);
    return { pod, nodes: { apiVersion: "v1", kind: "NodeList", metadata: {}, items }, nodenames: null };
  }

  #call(verb: string, body: object): Promise<unknown> {
    return this.#post(`${this.configuration.urlPrefix.replace(/\/$/, "")}/${verb}`, body, {
      timeoutMs: this.#timeoutMs,
    });
  }
}
