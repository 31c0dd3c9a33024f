import type { Container, Pod, Secret } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { Backoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";
import { Semaphore } from "../../lib/semaphore.ts";
import type { ContainerRuntime, PullResult, RegistryAuth, RuntimeImage } from "../runtime/runtime.ts";
import type { Waiting } from "./status.ts";

export type ImageResult =
  | { readonly ok: true; readonly image: RuntimeImage }
  | ({ readonly ok: false; readonly retryIn: number } & Waiting);

/** Back-off of a failing image: 10 s doubling to 300 s (as upstream). */
const backoffOptions = { base: 10_000, factor: 2, max: 300_000 };

export interface ImagePullsOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: EventRecorder;
  /** The pod's pull secrets that are there. */
  readonly secrets: (pod: Pod) => Promise<readonly Secret[]>;
}

/** Brings containers' images to the node, as their pull policy says. */
export class ImagePulls {
  readonly #options: ImagePullsOptions;
  readonly #backoff = new Backoff(backoffOptions);
  /** When an image may be tried again, and why it failed. */
  readonly #blocked = new Map<string, { readonly until: number; readonly why: string }>();
  readonly #pulling = new Map<string, Promise<PullResult>>();
  readonly #turns = new Semaphore(5);

  constructor(options: ImagePullsOptions) {
    this.#options = options;
  }

  /** Makes sure of a container's image; says why it waits if that fails. `fieldPath` names the container in events. */
  async ensure(pod: Pod, container: Container, fieldPath: string): Promise<ImageResult> {
    const { runtime, events } = this.#options;
    const name = container.image ?? "";
    const policy = container.imagePullPolicy ?? "IfNotPresent";
    const present = await runtime.imageStatus(name);
    if (present && policy !== "Always") {
      events.record(
        pod,
        "Normal",
        "Pulled",
        `Container image "${name}" already present on machine and can be accessed by the pod`,
        fieldPath,
      );
      return { ok: true, image: present };
    }
    if (policy === "Never") {
      const message = `Container image "${name}" is not present with pull policy of Never`;
      events.record(pod, "Warning", "ErrImageNeverPull", message, fieldPath);
      return { ok: false, reason: "ErrImageNeverPull", message, retryIn: 10_000 };
    }
    return await this.#pull(pod, name, fieldPath);
  }

  async #pull(pod: Pod, name: string, fieldPath: string): Promise<ImageResult> {
    const { runtime, clock, events } = this.#options;
    const key = `${pod.metadata.uid}/${name}`;
    const blocked = this.#blocked.get(key);
    const now = clock.monotonic();
    if (blocked && now < blocked.until) {
      events.record(pod, "Normal", "BackOff", `Back-off pulling image "${name}"`, fieldPath);
      events.record(pod, "Warning", "Failed", "Error: ImagePullBackOff", fieldPath);
      return {
        ok: false,
        reason: "ImagePullBackOff",
        message: `Back-off pulling image "${name}": ${blocked.why}`,
        retryIn: blocked.until - now,
      };
    }
    events.record(pod, "Normal", "Pulling", `Pulling image "${name}"`, fieldPath);
    const began = clock.monotonic();
    const fault = await this.#fetch(pod, name);
    const image = fault ? undefined : await runtime.imageStatus(name);
    if (image) {
      this.#backoff.succeeded(key);
      this.#blocked.delete(key);
      const took = durationText(clock.monotonic() - began);
      events.record(
        pod,
        "Normal",
        "Pulled",
        `Successfully pulled image "${name}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`,
        fieldPath,
      );
      return { ok: true, image };
    }
    const { reason, message } = fault ?? {
      reason: "ErrImagePull",
      message: "the image is not there after it was pulled",
    };
    const wait = this.#backoff.failed(key);
    this.#blocked.set(key, { until: clock.monotonic() + wait, why: `${reason}: ${message}` });
    events.record(pod, "Warning", "Failed", `Failed to pull image "${name}": ${message}`, fieldPath);
    events.record(pod, "Warning", "Failed", `Error: ${reason}`, fieldPath);
    // Soon again, to show that it backs off.
    return { ok: false, reason, message, retryIn: 1000 };
  }

  /** Tries the pod's credentials one after the other; two pods that want one image share a pull without any. */
  async #fetch(pod: Pod, name: string): Promise<{ readonly reason: string; readonly message: string } | undefined> {
    const { runtime } = this.#options;
    try {
      const credentials = credentialsFor(name, await this.#options.secrets(pod));
      if (credentials.length === 0) {
        let shared = this.#pulling.get(name);
        if (!shared) {
          shared = this.#turns.run(() => runtime.pullImage(name)).finally(() => this.#pulling.delete(name));
          this.#pulling.set(name, shared);
        }
        const result = await shared;
        return result.ok ? undefined : result;
      }
      let last: { readonly reason: string; readonly message: string } | undefined;
      for (const auth of credentials) {
        const result = await this.#turns.run(() => runtime.pullImage(name, { auth }));
        if (result.ok) return undefined;
        last = result;
      }
      return last;
    } catch (error) {
      return { reason: "ErrImagePull", message: errorMessage(error) };
    }
  }
}

/** `1.234s`, `87ms`: as Go prints durations, to the millisecond. */
function durationText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Number((ms / 1000).toFixed(3))}s`;
}

interface DockerConfig {
  readonly auths?: Readonly<
    Record<
      string,
      {
        readonly username?: string;
        readonly password?: string;
        readonly auth?: string;
        readonly identitytoken?: string;
      }
    >
  >;
}

/** The credentials for an image's registry, out of `kubernetes.io/dockerconfigjson` and `dockercfg` secrets. */
export function credentialsFor(image: string, secrets: readonly Secret[]): readonly RegistryAuth[] {
  const host = registryOf(image);
  return secrets.flatMap((secret) => {
    const json = secret.data?.[".dockerconfigjson"];
    const cfg = secret.data?.[".dockercfg"];
    const text = Buffer.from(json ?? cfg ?? "", "base64").toString("utf8");
    let auths: DockerConfig["auths"];
    try {
      const parsed: unknown = JSON.parse(text || "{}");
      auths = json ? (parsed as DockerConfig).auths : (parsed as DockerConfig["auths"]);
    } catch {
      return [];
    }
    return Object.entries(auths ?? {})
      .filter(([server]) => registryHost(server) === host)
      .map(([serverAddress, { username, password, auth, identitytoken }]) => ({
        serverAddress,
        ...(username ? { username } : {}),
        ...(password ? { password } : {}),
        ...(auth ? { auth } : {}),
        ...(identitytoken ? { identityToken: identitytoken } : {}),
      }));
  });
}

function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io";
}

function registryHost(server: string): string {
  const host = server.replace(/^https?:\/\//, "").split("/")[0]!;
  return host === "index.docker.io" ? "docker.io" : host;
}
