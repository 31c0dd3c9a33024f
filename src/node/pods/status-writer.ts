import type { Pod } from "../../api/core/pod.ts";
import type { PodStatus } from "../../api/generated/core-v1.ts";
import { backoffDelay } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { isEqual } from "../../machinery/equality.ts";
import { isStatus } from "../../machinery/status-error.ts";
import type { PodStore } from "./pod-store.ts";

export interface StatusWriterOptions {
  readonly pods: PodStore;
  readonly clock: Clock;
  readonly log: Log;
  /** The newest pod that is known. */
  readonly pod: () => Pod;
  /** Takes the pod as it is with the status that was written. */
  readonly stored: (pod: Pod) => void;
  /** Takes a pod that somebody else has changed. */
  readonly changed: (pod: Pod) => void;
  /** Gives up. */
  readonly signal: AbortSignal;
}

type MakeStatus = (pod: Pod) => PodStatus;

/** So often a status is made anew for a pod that others change at the same time, before it waits a while. */
const conflictsAtOnce = 5;
const retry = { base: 200, factor: 2, max: 10_000 };

/** Tells the API a pod's status, beside the work on the pod: the newest one wins, one write at a time, until it is through. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #next: MakeStatus | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** `make` is asked when its turn comes, and again after a conflict, each time with the newest pod. */
  report(make: MakeStatus): void {
    this.#next = make;
    this.#writing ??= this.#write();
  }

  /** Resolves when everything reported so far was told, or cannot be any more. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    const { clock, log, signal } = this.#options;
    let failures = 0;
    while (this.#next && !signal.aborted) {
      const make = this.#next;
      this.#next = undefined;
      try {
        await this.#send(make);
        failures = 0;
      } catch (error) {
        failures += 1;
        const { namespace, name } = this.#options.pod().metadata;
        log.warn(`status of pod ${namespace}/${name} not told: ${errorMessage(error)}`, {
          error: faultCode(error) ? undefined : error,
        });
        this.#next ??= make;
        await clock.sleep(backoffDelay(retry, failures), signal).catch(() => {});
      }
    }
    // Set here, not after an await: a report that comes from now on begins anew.
    this.#writing = undefined;
  }

  async #send(make: MakeStatus): Promise<void> {
    const { pods, pod, stored, changed, signal } = this.#options;
    let current = pod();
    const { uid } = current.metadata;
    for (let tries = 1; !signal.aborted; tries++) {
      const status = make(current);
      if (isEqual(status, current.status)) return;
      try {
        stored(await pods.writeStatus({ ...current, status }));
        return;
      } catch (error) {
        if (isStatus(error, "NotFound")) return;
        if (!isStatus(error, "Conflict") || tries === conflictsAtOnce) throw error;
        const fresh = await pods.read(current).catch((fault) => {
          if (isStatus(fault, "NotFound", "Forbidden")) return undefined; // of a pod that is gone a node may ask no more
          throw fault;
        });
        if (fresh?.metadata.uid !== uid) return;
        current = fresh;
        changed(fresh);
      }
    }
  }
}
