import { allContainers } from "../../api/core/pod-state.ts";
import type { Pod } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { Counter, Metrics } from "../../lib/metrics.ts";
import type { KubeObject } from "../../machinery/object.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { chooseImages, type ImageRecord, recordImages } from "./choose-images.ts";

/** When images go. Shares from 0 to 100 of the file system in use; times in ms. */
export interface ImageLimits {
  /** From here on images are removed, down to `low`; 100 switches it off. */
  readonly high: number;
  readonly low: number;
  readonly minAge: number;
  /** Images that nobody has used for so long go in any case; 0: never. */
  readonly maxAge: number;
}

export interface ImageCollectorOptions {
  readonly runtime: ContainerRuntime;
  readonly limits: ImageLimits;
  /** The node's pods that have not ended; what they want is in use though no container of it runs. */
  readonly pods: () => readonly Pod[];
  /** Bytes of the file system that images are on; undefined while nobody knows. */
  readonly disk: () => Promise<{ readonly available: number; readonly capacity: number } | undefined>;
  /** Is told which images there are, by their ids, at every look. */
  readonly onImages?: (ids: ReadonlySet<string>) => void;
  readonly node: KubeObject;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** How often it is known which images are used, and how often room is made (as upstream). */
const recordEvery = 30_000;
const collectEvery = 300_000;

/** Removes images that nobody uses when their disk fills up. */
export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #collected: Counter<"reason">;
  #records: ReadonlyMap<string, ImageRecord> = new Map();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
    const name = "kubelet_image_garbage_collected_total";
    this.#collected = options.metrics.counter(name, "Images removed, by why.", ["reason"]);
  }

  /** Watches and collects until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let next = clock.monotonic() + collectEvery;
    while (!signal.aborted) {
      try {
        await this.look();
        if (clock.monotonic() >= next) {
          next = clock.monotonic() + collectEvery;
          await this.collect();
        }
      } catch (error) {
        log.warn(`images not collected: ${errorMessage(error)}`);
      }
      await clock.sleep(recordEvery, signal).catch(() => {});
    }
  }

  /** Takes note of what is there and what is used. */
  async look(): Promise<ReadonlySet<string>> {
    const { runtime, clock, onImages } = this.#options;
    const [images, inUse] = await Promise.all([runtime.listImages(), this.#inUse()]);
    onImages?.(new Set(images.map(({ id }) => id)));
    this.#records = recordImages(this.#records, images, inUse, clock.now());
    return inUse;
  }

  /** Makes room if the disk is fuller than it may be, and removes what is too old. */
  async collect(): Promise<void> {
    const { limits, disk, clock, events, node } = this.#options;
    const inUse = await this.look();
    const now = clock.now();
    if (limits.maxAge > 0) {
      const records = new Map(
        [...this.#records].filter(([, { lastUsed, firstSeen }]) => now - (lastUsed ?? firstSeen) > limits.maxAge),
      );
      await this.#remove({ records, inUse, bytes: Number.POSITIVE_INFINITY, reason: "age" });
    }
    const found = await disk();
    if (!found || limits.high >= 100) return;
    const { available, capacity } = found;
    if (capacity === 0) {
      events.record(node, "Warning", "InvalidDiskCapacity", "invalid capacity 0 on image filesystem");
      return;
    }
    const usedShare = 100 - Math.floor((available * 100) / capacity);
    if (usedShare < limits.high) return;
    const bytes = Math.floor((capacity * (100 - limits.low)) / 100) - available;
    const won = await this.#remove({ records: this.#records, inUse, bytes });
    if (won >= bytes) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${bytes} bytes, but only found ${won} bytes eligible to free.`;
    events.record(node, "Warning", "FreeDiskSpaceFailed", message);
  }

  /** Removes every image that nobody uses, however new. */
  async removeUnused(): Promise<void> {
    const inUse = await this.look();
    await this.#remove({ records: this.#records, inUse, bytes: Number.POSITIVE_INFINITY, minAge: 0 });
  }

  /** Returns the bytes won. */
  async #remove(
    choice: Pick<Parameters<typeof chooseImages>[0], "records" | "inUse" | "bytes"> & {
      readonly minAge?: number;
      readonly reason?: "age" | "space";
    },
  ): Promise<number> {
    const { runtime, clock, limits, log } = this.#options;
    let won = 0;
    const { reason = "space" } = choice;
    for (const { id, sizeBytes, repoTags } of chooseImages({ minAge: limits.minAge, ...choice, now: clock.now() })) {
      log.info(`removing image ${repoTags[0] ?? id}, which nobody uses`);
      await runtime.removeImage(id);
      this.#collected.inc({ reason });
      won += sizeBytes;
    }
    return won;
  }

  /** Ids and names of images that containers have or pods want; what sandboxes are made of counts too. */
  async #inUse(): Promise<ReadonlySet<string>> {
    const { runtime, pods } = this.#options;
    const containers = await runtime.listContainers();
    const wanted = pods().flatMap(({ spec }) => [
      ...allContainers(spec).flatMap(({ image }) => image ?? []),
      ...(spec.volumes ?? []).flatMap(({ image }) => image?.reference ?? []),
    ]);
    const all = await runtime.listImages();
    const sandboxes = all.flatMap(({ id, repoTags }) => (repoTags.some(isPause) ? [id] : []));
    return new Set([...containers.flatMap(({ image, imageRef }) => [image, imageRef]), ...wanted, ...sandboxes]);
  }
}

/** Containerd before 1.7 does not tell that it needs its sandbox image. */
const isPause = (tag: string) => /(^|\/)pause:[^/]+$/.test(tag);
