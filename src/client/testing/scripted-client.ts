import { PushStream } from "../../lib/stream.ts";
import type { KindRef, KubeObject, WatchEvent } from "../../machinery/object.ts";
import type { Client, ListOptions, WatchOptions } from "../client.ts";

/** A watch that an informer opened and that a test speaks through. */
export interface OpenWatch {
  readonly from: string | undefined;
  readonly options: WatchOptions;
  tell(type: WatchEvent["type"], object: unknown): void;
  /** Ends the watch; with an error, as a broken connection does. */
  end(error?: unknown): void;
}

/** A client whose lists are what the test says and whose watches the test speaks through. */
export class ScriptedClient {
  readonly lists: ListOptions[] = [];
  readonly watches: OpenWatch[] = [];
  /** What the next list finds. */
  objects: readonly KubeObject[] = [];
  revision = 10;
  /** The most that one answer to a list with a limit has. */
  pageSize = Number.POSITIVE_INFINITY;
  /** Thrown by the next list, once. */
  fault: unknown;
  readonly client: Client;

  constructor() {
    const list = async (_kind: KindRef<unknown>, options: ListOptions = {}) => {
      this.lists.push(options);
      const { fault } = this;
      this.fault = undefined;
      if (fault) throw fault;
      const from = Number(options.continue ?? 0);
      const end = from + (options.limit ? Math.min(options.limit, this.pageSize) : this.objects.length);
      const more = end < this.objects.length ? { continue: `${end}` } : {};
      const metadata = { resourceVersion: `${this.revision}`, ...more };
      return { apiVersion: "v1", kind: "List", metadata, items: this.objects.slice(from, end) };
    };
    const watch = (_kind: KindRef<unknown>, options: WatchOptions = {}) => {
      const stream = new PushStream<WatchEvent<unknown>>();
      options.signal?.addEventListener("abort", () => stream.end(), { once: true });
      this.watches.push({
        from: options.resourceVersion,
        options,
        tell: (type, object) => stream.push({ type, object }),
        end: (error) => stream.end(error),
      });
      return stream;
    };
    this.client = { list, watch } as unknown as Client;
  }

  get lastWatch(): OpenWatch {
    const watch = this.watches.at(-1);
    if (!watch) throw new Error("nothing watches yet");
    return watch;
  }
}

/** An object `default/name` at a revision. */
export function thing(
  name: string,
  revision: number,
  more: Partial<KubeObject["metadata"]> & { uid?: string } = {},
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Thing",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      resourceVersion: `${revision}`,
      creationTimestamp: "2026-01-01T00:00:00Z",
      ...more,
    },
  };
}

export const things: KindRef<KubeObject> = {
  group: "",
  version: "v1",
  kind: "Thing",
  plural: "things",
  namespaced: true,
};

/** Lets everything that is ready to run, run. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
