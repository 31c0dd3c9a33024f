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
  /** Is told how many ms a status waited until it was stored. */
  readonly onTold?: (ms: number) => void;
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
  /** When the first report that is not stored yet came. */
  #since: number | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** `make` is asked when its turn comes, and again after a conflict, each time with the newest pod. */
  report(make: MakeStatus): void {
    this.#next = make;
    this.#since ??= this.#options.clock.monotonic();
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
        const since = this.#since ?? clock.monotonic();
        this.#since = undefined;
        if (await this.#send(make)) this.#options.onTold?.(clock.monotonic() - since);
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

  /** Says whether there was anything to write. */
  async #send(make: MakeStatus): Promise<boolean> {
    const { pods, pod, stored, changed, signal } = this.#options;
    let current = pod();
    const { uid } = current.metadata;
    for (let tries = 1; !signal.aborted; tries++) {
      const status = make(current);
      if (isEqual(status, current.status)) return false;
      try {
        stored(await pods.writeStatus({ ...current, status }));
        return true;
      } catch (error) {
        if (isStatus(error, "NotFound")) return false;
        if (!isStatus(error, "Conflict") || tries === conflictsAtOnce) throw error;
        const fresh = await pods.read(current).catch((fault) => {
          if (isStatus(fault, "NotFound", "Forbidden")) return undefined; // of a pod that is gone a node may ask no more
          throw fault;
        });
        if (fresh?.metadata.uid !== uid) return false;
        current = fresh;
        changed(fresh);
      }
    }
    return false;
  }
}
