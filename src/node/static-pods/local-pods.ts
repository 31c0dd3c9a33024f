import { Pod } from "../../api/core/pod.ts";
import { isEqual } from "../../machinery/equality.ts";
import { keyOf, keyText } from "../../machinery/object.ts";
import { notFound } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";
import type { PodStore } from "../pods/pod-store.ts";

export interface LocalPodsHandler {
  /** A pod is there, new or changed. */
  readonly changed: (pod: Pod) => void;
  /** Nothing is left of a pod. */
  readonly gone: (pod: Pod) => void;
}

/**
 * The static pods of a node with their states, which need no API. A pod that is not wanted any more ends with its grace first;
 * another of its name begins after that.
 */
export class LocalPods implements PodStore {
  readonly #now: () => number;
  readonly #handler: LocalPodsHandler;
  readonly #present = new Map<string, Pod>();
  #wanted: ReadonlyMap<string, Pod> = new Map();
  #revision = 0;

  /** `now` in milliseconds since the epoch. */
  constructor(now: () => number, handler: LocalPodsHandler) {
    this.#now = now;
    this.#handler = handler;
  }

  list(): readonly Pod[] {
    return [...this.#present.values()];
  }

  /** By namespace and name, as `kube-system/etcd-node-1`. */
  get(key: string): Pod | undefined {
    return this.#present.get(key);
  }

  /** Says which pods there shall be, all of them; of several with one name the first counts. */
  want(pods: readonly Pod[]): void {
    const wanted = new Map<string, Pod>();
    for (const pod of pods) {
      const key = keyText(keyOf(pod));
      if (!wanted.has(key)) wanted.set(key, pod);
    }
    this.#wanted = wanted;
    for (const key of new Set([...this.#present.keys(), ...wanted.keys()])) this.#compare(key);
  }

  async read(pod: Pod): Promise<Pod> {
    return this.#find(pod);
  }

  async writeStatus(pod: Pod): Promise<Pod> {
    const { metadata, spec } = this.#find(pod);
    return this.#store({ ...pod, metadata, spec });
  }

  async forget(pod: Pod): Promise<void> {
    const known = this.#find(pod);
    const key = keyText(keyOf(pod));
    this.#present.delete(key);
    this.#handler.gone(known);
    this.#compare(key);
  }

  #find(pod: Pod): Pod {
    const known = this.#present.get(keyText(keyOf(pod)));
    if (known?.metadata.uid !== pod.metadata.uid) throw notFound(Pod, pod.metadata.name);
    return known;
  }

  #compare(key: string): void {
    const present = this.#present.get(key);
    const wanted = this.#wanted.get(key);
    if (!present) {
      if (wanted) this.#store(wanted);
      return;
    }
    if (present.metadata.deletionTimestamp) return;
    if (wanted?.metadata.uid === present.metadata.uid) {
      if (!isEqual(wanted.spec, present.spec)) this.#store({ ...present, spec: wanted.spec });
      return;
    }
    const grace = present.spec.terminationGracePeriodSeconds ?? 30;
    const deletionTimestamp = timeOf(this.#now() + grace * 1000);
    this.#store({
      ...present,
      metadata: { ...present.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace },
    });
  }

  #store(pod: Pod): Pod {
    this.#revision += 1;
    const stored = { ...pod, metadata: { ...pod.metadata, resourceVersion: `${this.#revision}` } };
    this.#present.set(keyText(keyOf(pod)), stored);
    this.#handler.changed(stored);
    return stored;
  }
}
