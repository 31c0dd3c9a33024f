import type { PodInfo } from "./pod-info.ts";

const nobody: readonly PodInfo[] = [];

/** Pods that wait for others to leave a node: whoever is placed meanwhile leaves room for those that go before. */
export class Nominations {
  readonly #byNode = new Map<string, Map<string, PodInfo>>();
  readonly #nodes = new Map<string, string>();

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
    const pods = this.#byNode.get(node) ?? new Map<string, PodInfo>();
    pods.set(info.uid, info);
    this.#byNode.set(node, pods);
  }

  remove(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    this.#nodes.delete(uid);
    const pods = this.#byNode.get(node);
    if (pods?.delete(uid) && pods.size === 0) this.#byNode.delete(node);
  }

  /** All that wait for a node. */
  on(node: string): readonly PodInfo[] {
    const pods = this.#byNode.get(node);
    return pods ? [...pods.values()] : nobody;
  }

  /** Those on a node that go before a pod: of its priority or more. */
  before(pod: PodInfo, node: string): readonly PodInfo[] {
    if (!this.#byNode.has(node)) return nobody;
    return this.on(node).filter(({ uid, priority }) => uid !== pod.uid && priority >= pod.priority);
  }
}
