import { generateKeyPairSync } from "node:crypto";
import type { Clock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { Metrics } from "../../../src/lib/metrics.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { VirtualClock } from "../../../src/lib/virtual-clock.ts";
import { type ApiServer, openServer } from "../../../src/server/api-server.ts";
import type { ResponseBody } from "../../../src/server/exchange.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { partsOf } from "../../../src/wire/byte-source.ts";

/** What an answer's JSON may hold; absent members read as undefined. */
export interface Body {
  readonly kind?: string;
  readonly items?: readonly ApiObject[];
  readonly metadata: {
    readonly name?: string;
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly field?: string }[] };
}

export interface ApiObject {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
}

export interface WatchedEvent {
  readonly type: string;
  readonly object: ApiObject;
}

/** A watch whose bytes are read as they come, as a client at the end of a wire would. */
export interface Watching extends AsyncDisposable {
  readonly status: number;
  readonly events: readonly WatchedEvent[];
  /** `TYPE name` of each event. */
  readonly story: readonly string[];
  /** Resolves when the server has ended the watch. */
  readonly ended: Promise<void>;
}

/** An API server in this process, on a memory store and in virtual time, asked as an administrator. */
export interface LocalServer<C extends Clock = Clock> extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  /** Virtual unless another was given. */
  readonly clock: C;
  call(method: string, path: string, body?: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  watch(path: string, headers?: Readonly<Record<string, string>>): Promise<Watching>;
}

const admin = { name: "admin", groups: ["system:masters"] };

/** Opens a server on a store, which stays the caller's when it is given, as the clock does. */
export async function openLocalServer(given?: { readonly store?: Store }): Promise<LocalServer<VirtualClock>>;
export async function openLocalServer<C extends Clock>(given: {
  readonly store?: Store;
  readonly clock: C;
}): Promise<LocalServer<C>>;
export async function openLocalServer(
  given: { readonly store?: Store; readonly clock?: Clock } = {},
): Promise<LocalServer> {
  await using opened = new AsyncDisposableStack();
  const clock = given.clock ?? new VirtualClock();
  const store = given.store ?? opened.use(openMemoryStore({ clock }));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = opened.use(
    await openServer({
      store,
      clock,
      random: seededRandom(1),
      log: silentLog,
      metrics: new Metrics(),
      serviceAccounts: {
        issuer: "https://kubernetes.default.svc.cluster.local",
        privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      },
    }),
  );
  const send = (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    body?: object,
  ) =>
    server.handle({
      method,
      path,
      headers: { accept: "application/json", ...(body ? { "content-type": "application/json" } : {}), ...headers },
      body: body ? { kind: "value", value: body } : { kind: "none" },
      identity: admin,
      signal,
    });
  const running = opened.move();
  return {
    server,
    store,
    clock,
    async call(method, path, body, headers = {}) {
      const answer = await send(method, path, headers, new AbortController().signal, body);
      return { status: answer.status, body: JSON.parse(await textOf(answer.body)) as Body };
    },
    async watch(path, headers = {}) {
      const end = new AbortController();
      const { status, body } = await send("GET", path, headers, end.signal);
      const events: WatchedEvent[] = [];
      const ended = readLines(body, (line) => events.push(JSON.parse(line) as WatchedEvent));
      return {
        status,
        events,
        get story() {
          return events.map(({ type, object }) => `${type} ${object.metadata.name}`);
        },
        ended,
        async [Symbol.asyncDispose]() {
          end.abort();
          await ended;
        },
      };
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function readLines(body: ResponseBody, take: (line: string) => void): Promise<void> {
  if (body.kind !== "events") return take(await textOf(body));
  for await (const bunch of body.events) for (const frame of bunch) take(Buffer.from(frame.line()).toString());
}

async function textOf(body: ResponseBody): Promise<string> {
  if (body.kind === "none") return "null";
  if (body.kind === "bytes") return Buffer.from(body.bytes).toString();
  if (body.kind === "stream") return Buffer.concat(await Array.fromAsync(body.stream)).toString();
  if (body.kind === "events") throw new Error("a watch was not expected");
  const bytes = body.bytes();
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString() : Buffer.concat([...partsOf(bytes)]).toString();
}
