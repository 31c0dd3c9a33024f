import type { Container, Pod, Secret } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { backoffDelay } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import type { ContainerRuntime, PullResult, RegistryAuth, RuntimeImage } from "../runtime/runtime.ts";
import { withinTime } from "../time-limit.ts";
import type { Waiting } from "./container-status.ts";
import { fieldPathOf } from "./containers.ts";
import type { ImageAccess } from "./image-access.ts";
import { credentialsFor } from "./image-credentials.ts";

export type ImageResult =
  | { readonly ok: true; readonly image: RuntimeImage }
  | ({ readonly ok: false; readonly retryIn: number } & Waiting);

/** 10 s doubling to 300 s (as upstream). */
const growth = { base: 10_000, factor: 2, max: 300_000 };
/** A pull that takes longer is given up and begun anew: most runtimes go on where it stopped. */
const longestPull = 30 * 60_000;
/** For how long a failed pull is shown as such, before it is shown as backing off. */
const shown = 1000;

export interface ImagePullsOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: EventRecorder;
  /** The pod's pull secrets that are there. */
  readonly secrets: (pod: Pod) => Promise<readonly Secret[]>;
  readonly access: ImageAccess;
  /** Pulls at a time. */
  readonly parallel?: number;
}

interface Failure extends Waiting {
  readonly count: number;
  readonly at: number;
  readonly until: number;
}

interface SharedPull {
  readonly result: Promise<PullResult>;
  /** Pods that wait for it. */
  readonly waiting: Set<symbol>;
  readonly stop: AbortController;
}

/** Brings containers' images to the node, as their pull policy says. */
export class ImagePulls {
  readonly #options: ImagePullsOptions;
  /** By pod, then by image. */
  readonly #failures = new Map<string, Map<string, Failure>>();
  readonly #pulling = new Map<string, SharedPull>();
  readonly #turns: Semaphore;

  constructor(options: ImagePullsOptions) {
    this.#options = options;
    this.#turns = new Semaphore(options.parallel ?? 5);
  }

  /** Makes sure of a container's image; says why it waits if that fails. Throws Fault `aborted` when the signal does. */
  async ensure(pod: Pod, container: Container, signal?: AbortSignal): Promise<ImageResult> {
    const fieldPath = fieldPathOf(pod, container.name);
    const fresh = this.#known(pod, container.image ?? "");
    const left = fresh ? fresh.at + shown - this.#options.clock.monotonic() : 0;
    if (fresh && left > 0) return { ok: false, reason: fresh.reason, message: fresh.message, retryIn: left };
    const result = await this.#ensure(pod, container, fieldPath, signal);
    if (!result.ok) this.#options.events.record(pod, "Warning", "Failed", `Error: ${result.reason}`, fieldPath);
    return result;
  }

  /** Forgets a pod's failures. */
  forget(podUid: string): void {
    this.#failures.delete(podUid);
  }

  async #ensure(
    pod: Pod,
    container: Container,
    fieldPath: string,
    signal: AbortSignal | undefined,
  ): Promise<ImageResult> {
    const { runtime, events } = this.#options;
    const name = container.image ?? "";
    const fault = nameFault(name);
    if (fault) {
      const message = `Failed to apply default image tag "${name}": couldn't parse image name "${name}": ${fault}`;
      events.record(pod, "Warning", "InspectFailed", message, fieldPath);
      return { ok: false, reason: "InvalidImageName", message, retryIn: growth.base };
    }
    const policy = container.imagePullPolicy ?? "IfNotPresent";
    const present = policy === "Always" ? undefined : await runtime.imageStatus(name);
    const image = present && (await this.#mayUse(pod, name, present)) ? present : undefined;
    if (image) {
      const message = `Container image "${name}" already present on machine and can be accessed by the pod`;
      events.record(pod, "Normal", "Pulled", message, fieldPath);
      return { ok: true, image };
    }
    if (policy === "Never") {
      const message = `Container image "${name}" is not present with pull policy of Never`;
      events.record(pod, "Warning", "ErrImageNeverPull", message, fieldPath);
      return { ok: false, reason: "ErrImageNeverPull", message, retryIn: growth.base };
    }
    return await this.#pull(pod, name, fieldPath, signal);
  }

  /** What came by the credentials of another pod is asked for once more, by this one's. */
  async #mayUse(pod: Pod, name: string, { id }: RuntimeImage): Promise<boolean> {
    const { access, secrets } = this.#options;
    return access.isOpen(name, id) || access.mayUse(name, id, credentialsFor(name, await secrets(pod)));
  }

  async #pull(pod: Pod, name: string, fieldPath: string, signal: AbortSignal | undefined): Promise<ImageResult> {
    const { clock, events, runtime, access } = this.#options;
    const known = this.#known(pod, name);
    const now = clock.monotonic();
    if (known && now < known.until) {
      const text = `Back-off pulling image "${name}"`;
      events.record(pod, "Normal", "BackOff", text, fieldPath);
      return {
        ok: false,
        reason: "ImagePullBackOff",
        message: `${text}: ${known.reason}: ${known.message}`,
        retryIn: known.until - now,
      };
    }
    events.record(pod, "Normal", "Pulling", `Pulling image "${name}"`, fieldPath);
    const { pulledIn, auth, ...result } = await this.#fetch(pod, name, signal);
    const image = result.ok ? await runtime.imageStatus(name) : undefined;
    if (image) {
      access.pulled(name, image.id, auth);
      this.#failures.get(pod.metadata.uid)?.delete(name);
      const waited = durationText(clock.monotonic() - now);
      const message = `Successfully pulled image "${name}" in ${durationText(pulledIn)} (${waited} including waiting). Image size: ${image.sizeBytes} bytes.`;
      events.record(pod, "Normal", "Pulled", message, fieldPath);
      return { ok: true, image };
    }
    const reason = result.ok ? "ErrImagePull" : result.reason;
    const message = result.ok ? "the image is not there after it was pulled" : result.message;
    this.#failed(pod, name, { reason, message }, known?.count ?? 0);
    events.record(pod, "Warning", "Failed", `Failed to pull image "${name}": ${message}`, fieldPath);
    return { ok: false, reason, message, retryIn: shown };
  }

  #known(pod: Pod, name: string): Failure | undefined {
    return this.#failures.get(pod.metadata.uid)?.get(name);
  }

  #failed(pod: Pod, name: string, why: Waiting, before: number): void {
    const { uid } = pod.metadata;
    const failures = this.#failures.get(uid) ?? new Map<string, Failure>();
    const at = this.#options.clock.monotonic();
    const count = before + 1;
    failures.set(name, { ...why, count, at, until: at + backoffDelay(growth, count) });
    this.#failures.set(uid, failures);
  }

  /** Tries the pod's credentials one after the other; pods that want one image without any share a pull. */
  async #fetch(
    pod: Pod,
    name: string,
    signal: AbortSignal | undefined,
  ): Promise<PullResult & { readonly pulledIn: number; readonly auth?: RegistryAuth }> {
    const { clock, runtime, secrets, access } = this.#options;
    let began = clock.monotonic();
    const pull = (until: AbortSignal | undefined, auth?: RegistryAuth) =>
      this.#turns.run(() => {
        began = clock.monotonic();
        const limit = { clock, ms: longestPull, message: "the image did not come within 30 minutes", signal: until };
        return withinTime(limit, (given) => runtime.pullImage(name, { ...(auth ? { auth } : {}), signal: given }));
      });
    const done = (result: PullResult) => ({ ...result, pulledIn: clock.monotonic() - began });
    try {
      const credentials = credentialsFor(name, await secrets(pod));
      if (credentials.length === 0) return done(await this.#shared(name, (until) => pull(until), signal));
      access.begun(name);
      let result: PullResult | undefined;
      for (const auth of credentials) {
        result = await pull(signal, auth);
        if (result.ok) return { ...done(result), auth };
      }
      access.failed(name);
      return done(result!);
    } catch (error) {
      access.failed(name);
      if (signal?.aborted) throw error;
      return done({ ok: false, reason: "ErrImagePull", message: errorMessage(error) });
    }
  }

  /** A pull goes on as long as one of its pods waits for it: one that nobody wants must not keep others from their turn. */
  async #shared(
    name: string,
    pull: (until: AbortSignal) => Promise<PullResult>,
    signal: AbortSignal | undefined,
  ): Promise<PullResult> {
    const shared = this.#pulling.get(name) ?? this.#begin(name, pull);
    const self = Symbol(name);
    shared.waiting.add(self);
    try {
      return await abortable(shared.result, signal);
    } finally {
      shared.waiting.delete(self);
      if (shared.waiting.size === 0) {
        if (this.#pulling.get(name) === shared) this.#pulling.delete(name);
        shared.stop.abort();
      }
    }
  }

  #begin(name: string, pull: (until: AbortSignal) => Promise<PullResult>): SharedPull {
    const stop = new AbortController();
    const shared = { result: pull(stop.signal), waiting: new Set<symbol>(), stop };
    this.#pulling.set(name, shared);
    return shared;
  }
}

/** Waits for what goes on without us when the signal aborts. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Fault("aborted", "the pull was given up"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    // Whoever else waits for the work hears of its fault.
    work.catch(() => {});
  }
}

const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const host =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?";
const reference = new RegExp(
  `^(?:${host}/)?${component}(?:/${component})*(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
);

/** What is wrong with an image's name, in the words of the reference grammar (distribution specification). */
function nameFault(name: string): string | undefined {
  if (reference.test(name)) return undefined;
  return reference.test(name.toLowerCase()) ? "repository name must be lowercase" : "invalid reference format";
}

/** `1.234s`, `87ms`: as Go prints durations, to the millisecond. */
function durationText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Number((ms / 1000).toFixed(3))}s`;
}
