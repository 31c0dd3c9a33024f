import { Node } from "../../api/core/node.ts";
import { Pod } from "../../api/core/pod.ts";
import type { Client, Informer } from "../../client/client.ts";
import { WorkQueue } from "../../client/work-queue.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { isEqual } from "../../machinery/equality.ts";
import { type Draft, keyOf, keyText } from "../../machinery/object.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { isMirror, staticPodAnnotations } from "./static-pod.ts";

export interface MirrorPodsOptions {
  readonly client: Client;
  /** This node's pods in the API. */
  readonly pods: Informer<Pod>;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** The static pod of a name, with its present state. */
  readonly local: (key: string) => Pod | undefined;
}

const retry = { base: 500, factor: 2, max: 30_000 };

/** Keeps a picture of each static pod in the API, so that people and controllers see it. Its deletion there changes nothing here. */
export class MirrorPods implements AsyncDisposable {
  readonly #options: MirrorPodsOptions;
  readonly #queue: WorkQueue;
  /** What was written last, until the informer shows it. */
  readonly #written = new Map<string, Pod>();
  #watching: Disposable | undefined;
  #running: Promise<void> | undefined;

  constructor(options: MirrorPodsOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({ clock: options.clock, retry });
  }

  /** Begins; every mirror in the API that no static pod stands behind is removed from now on. */
  start(): void {
    const look = (pod: Pod) => {
      if (isMirror(pod)) this.wake(keyText(keyOf(pod)));
    };
    this.#watching = this.#options.pods.on({ added: look, updated: look, deleted: look });
    this.#running = this.#work();
  }

  /** The static pod of this name came, changed or went. */
  wake(key: string): void {
    this.#queue.add(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching?.[Symbol.dispose]();
    this.#queue[Symbol.dispose]();
    await this.#running;
  }

  async #work(): Promise<void> {
    const { log } = this.#options;
    for (;;) {
      const key = await this.#queue.take();
      if (key === undefined) return;
      try {
        await this.#reconcile(key);
        this.#queue.forget(key);
      } catch (error) {
        this.#written.delete(key);
        if (!isStatus(error, "Conflict", "NotFound", "AlreadyExists"))
          log.warn(`mirror pod ${key}: ${errorMessage(error)}`);
        this.#queue.retry(key);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcile(key: string): Promise<void> {
    const { client, local } = this.#options;
    const pod = local(key);
    const seen = this.#seen(key);
    if (seen && !isMirror(seen)) return;
    const hash = pod?.metadata.annotations?.[staticPodAnnotations.hash];
    const right =
      seen && !seen.metadata.deletionTimestamp && seen.metadata.annotations?.[staticPodAnnotations.mirror] === hash;
    if (seen && !right) {
      this.#written.delete(key);
      const preconditions = { uid: seen.metadata.uid };
      await client.delete(Pod, keyOf(seen), { gracePeriodSeconds: 0, preconditions }).catch((error) => {
        if (!isStatus(error, "NotFound", "Conflict")) throw error;
      });
    }
    if (!pod) return;
    const mirror = right ? seen : await client.create(Pod, await this.#mirrorOf(pod));
    this.#written.set(key, mirror);
    const status = { ...pod.status, qosClass: mirror.status?.qosClass ?? pod.status?.qosClass } as Pod["status"];
    if (isEqual(mirror.status, status)) return;
    this.#written.set(key, await client.updateStatus(Pod, { ...mirror, status: status! }));
  }

  /** The mirror as the informer has it, or as we wrote it if that is newer. */
  #seen(key: string): Pod | undefined {
    const [namespace = "", name = ""] = key.split("/");
    const shown = this.#options.pods.get({ namespace, name });
    const written = this.#written.get(key);
    if (!written) return shown;
    const revision = BigInt(written.metadata.resourceVersion);
    if (this.#options.pods.revision >= revision || (shown && BigInt(shown.metadata.resourceVersion) >= revision)) {
      this.#written.delete(key);
      return shown;
    }
    return written;
  }

  async #mirrorOf({ metadata, spec }: Pod): Promise<Draft<Pod>> {
    const { client, nodeName } = this.#options;
    const { uid } = (await client.get(Node, { name: nodeName })).metadata;
    const { name, namespace, labels, annotations } = metadata;
    const hash = annotations?.[staticPodAnnotations.hash] ?? "";
    return {
      metadata: {
        name,
        namespace,
        ...(labels ? { labels } : {}),
        annotations: { ...annotations, [staticPodAnnotations.mirror]: hash },
        ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid, controller: true }],
      },
      spec,
      status: {},
    };
  }
}
