import type { PodInfo } from "./pod-info.ts";

const nobody: readonly PodInfo[] = [];

/** Pods that wait for others to leave a node: whoever is placed meanwhile leaves room for those that go before. */
export class Nominations {
  readonly #byNode = new Map<string, { readonly pods: Map<string, PodInfo>; stamp: number }>();
  readonly #nodes = new Map<string, string>();
  #stamp = 0;

  get size(): number {
    return this.#nodes.size;
  }

  /** Which node a pod waits for. */
  nodeOf(uid: string): string | undefined {
    return this.#nodes.get(uid);
  }

  set(info: PodInfo, node: string): void {
    this.remove(info.uid);
    this.#nodes.set(info.uid, node);
    const known = this.#byNode.get(node) ?? { pods: new Map<string, PodInfo>(), stamp: 0 };
    known.pods.set(info.uid, info);
    known.stamp = ++this.#stamp;
    this.#byNode.set(node, known);
  }

  remove(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    this.#nodes.delete(uid);
    const known = this.#byNode.get(node);
    if (!known?.pods.delete(uid)) return;
    known.stamp = ++this.#stamp;
    if (known.pods.size === 0) this.#byNode.delete(node);
  }

  /** All that wait for a node. */
  on(node: string): readonly PodInfo[] {
    const known = this.#byNode.get(node);
    return known ? [...known.pods.values()] : nobody;
  }

  /**
   * Stands for the others that wait for a node: 0 for none, another number after each change; undefined for a pod that waits
   * for it itself.
   */
  stampFor(uid: string, node: string): number | undefined {
    const known = this.#byNode.get(node);
    if (!known) return 0;
    return known.pods.has(uid) ? undefined : known.stamp;
  }

  /** Those on a node that go before a pod: of its priority or more. */
  before(pod: PodInfo, node: string): readonly PodInfo[] {
    if (!this.#byNode.has(node)) return nobody;
    return this.on(node).filter(({ uid, priority }) => uid !== pod.uid && priority >= pod.priority);
  }
}
