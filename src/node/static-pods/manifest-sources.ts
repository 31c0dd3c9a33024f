import { existsSync, readdirSync, readFileSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../api/core/pod.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { type ManifestPlace, podsOfManifest } from "./static-pod.ts";

/** Where static pods come from, under the names and with the times of the kubelet. */
export interface ManifestSettings {
  /** A folder of manifests or one file; subfolders and names that begin with a dot do not count. */
  readonly path?: string;
  /** Milliseconds between two looks at all files; a change is usually seen at once. */
  readonly fileCheckEvery: number;
  readonly url?: string;
  readonly urlHeaders?: Readonly<Record<string, string>>;
  /** Milliseconds between two questions. */
  readonly urlCheckEvery: number;
}

export interface ManifestSourcesOptions {
  readonly settings: ManifestSettings;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Log;
  /** All static pods there shall be, whenever they may have changed. `complete` once every source has answered. */
  readonly onPods: (pods: readonly Pod[], complete: boolean) => void;
}

interface Seen {
  readonly text: string;
  readonly pods: readonly Pod[];
}

/** Waits for a burst of file events to end, in ms. */
const quiet = 50;

/**
 * Reads static pods from their folder and URL again and again, until disposed. A manifest that cannot be read keeps the pods that
 * it gave before: half a file is no reason to end what runs.
 */
export class ManifestSources implements AsyncDisposable {
  readonly #options: ManifestSourcesOptions;
  readonly #stop = new AbortController();
  readonly #files = new Map<string, Seen>();
  #page: Seen | undefined;
  #answered: boolean;
  #wake = () => {};
  #running: readonly Promise<void>[] = [];

  constructor(options: ManifestSourcesOptions) {
    this.#options = options;
    this.#answered = options.settings.url === undefined;
  }

  /** Resolves when the folder was read; the URL, which may take its time, is asked from now on. */
  async start(): Promise<void> {
    const { settings } = this.#options;
    if (settings.path !== undefined) this.#readFiles(settings.path);
    this.#tell();
    this.#running = [
      ...(settings.path === undefined ? [] : [this.#followFiles(settings.path)]),
      ...(settings.url === undefined ? [] : [this.#followUrl(settings.url)]),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await Promise.all(this.#running);
  }

  async #followFiles(path: string): Promise<void> {
    const { clock, log, settings } = this.#options;
    const { signal } = this.#stop;
    try {
      const watcher = watch(path, { signal, persistent: false }, () => this.#wake());
      watcher.on("error", (error) => log.debug(`static pods: ${errorMessage(error)}`));
    } catch (error) {
      log.warn(`changes of ${path} are seen late: ${errorMessage(error)}`);
    }
    while (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      using _timer = clock.after(settings.fileCheckEvery, resolve);
      await promise;
      if (signal.aborted) return;
      await clock.sleep(quiet, signal).catch(() => {});
      if (signal.aborted) return;
      this.#readFiles(path);
      this.#tell();
    }
  }

  #readFiles(path: string): void {
    const { log } = this.#options;
    let files: readonly string[];
    try {
      files = filesAt(path);
    } catch (error) {
      log.error(`static pods: ${errorMessage(error)}`);
      return;
    }
    for (const known of this.#files.keys()) if (!files.includes(known)) this.#files.delete(known);
    for (const file of files) {
      const before = this.#files.get(file);
      try {
        const text = readFileSync(file, "utf8");
        // Unchanged text keeps the time at which it was first seen.
        if (text !== before?.text) this.#files.set(file, this.#read(text, { source: "file", at: file }, before));
      } catch (error) {
        log.error(`static pods: ${errorMessage(error)}`);
      }
    }
  }

  async #followUrl(url: string): Promise<void> {
    const { clock, log, settings } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const text = await getText(url, settings.urlHeaders ?? {}, signal);
        if (text !== this.#page?.text) this.#page = this.#read(text, { source: "http", at: url }, this.#page);
        this.#answered = true;
        this.#tell();
      } catch (error) {
        if (!signal.aborted) log.warn(`static pods of ${url}: ${errorMessage(error)}`);
      }
      await clock.sleep(settings.urlCheckEvery, signal).catch(() => {});
    }
  }

  #read(text: string, place: Pick<ManifestPlace, "source" | "at">, before: Seen | undefined): Seen {
    const { nodeName, clock, log } = this.#options;
    try {
      const { pods, faults } = podsOfManifest(text, { ...place, nodeName, now: clock.now() });
      for (const fault of faults) log.error(`static pods: ${fault}`);
      return { text, pods };
    } catch (error) {
      log.error(`static pods: ${place.at}: ${errorMessage(error)}`);
      return { text, pods: before?.pods ?? [] };
    }
  }

  #tell(): void {
    const files = [...this.#files].sort(([one], [other]) => (one < other ? -1 : 1));
    const pods = [...files.flatMap(([, seen]) => seen.pods), ...(this.#page?.pods ?? [])];
    this.#options.onPods(pods, this.#answered);
  }
}

function filesAt(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith(".") && (entry.isFile() || entry.isSymbolicLink()))
    .map((entry) => join(path, entry.name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
    .sort();
}

async function getText(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string> {
  const answer = await fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) });
  const text = await answer.text();
  if (!answer.ok) throw new Fault("unavailable", `answered ${answer.status}`);
  return text;
}
