import { generateKeyPairSync } from "node:crypto";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { partsOf } from "../wire/byte-source.ts";
import { type ApiServer, openServer, type ServerOptions } from "./api-server.ts";
import type { ServerResponse, UserInfo } from "./exchange.ts";

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: ServerResponse["headers"];
  readonly bytes: Uint8Array;
  /** The body as text. */
  readonly text: string;
  /** The body as JSON; what it is the test knows. */
  readonly body: AnyBody;
}

/** A body whose members a test reads as it pleases. */
export interface AnyBody {
  readonly [member: string]: AnyBody;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: an administrator. */
  readonly as?: UserInfo;
}

export interface ServerFixture extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** POSTs objects one after the other; throws when one is refused. */
  make(...objects: readonly (readonly [path: string, object: object])[]): Promise<void>;
}

export const admin: UserInfo = { name: "admin", groups: ["system:masters"] };
export const alice: UserInfo = { name: "alice", uid: "u-alice", groups: ["devs"] };

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });

/** A server over a store in memory, called without a wire, for tests. The namespace `default` has its service account. */
export async function openServerFixture(options: Partial<ServerOptions> = {}): Promise<ServerFixture> {
  const store = openMemoryStore({ clock: systemClock });
  const server = await openServer({
    store,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics: new Metrics(),
    freeze: true,
    serviceAccounts: {
      issuer: "https://kubernetes.default.svc",
      privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    },
    ...options,
  });
  const call: ServerFixture["call"] = async (method, path, { body, headers = {}, as = admin } = {}) => {
    const bytes =
      body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body ?? null));
    const response = await server.handle({
      method,
      path,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        "user-agent": "test",
        ...headers,
      },
      body:
        body === undefined
          ? { kind: "none" }
          : {
              kind: "bytes",
              read: async () => bytes,
              async *chunks() {
                yield bytes;
              },
            },
      ...("authorization" in headers ? {} : { identity: as }),
      signal: new AbortController().signal,
    });
    return read(response);
  };
  const make: ServerFixture["make"] = async (...objects) => {
    for (const [path, body] of objects) {
      const answer = await call("POST", path, { body });
      if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`);
    }
  };
  await make(["/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } }]);
  return {
    server,
    store,
    call,
    make,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

async function read({ status, headers, body }: ServerResponse): Promise<Answer> {
  const parts: Uint8Array[] = [];
  if (body.kind === "bytes") parts.push(body.bytes);
  if (body.kind === "object") {
    const bytes = body.bytes();
    if (bytes instanceof Uint8Array) parts.push(bytes);
    else parts.push(...partsOf(bytes));
  }
  if (body.kind === "events") for await (const bunch of body.events) parts.push(...bunch.map((event) => event.line()));
  if (body.kind === "stream") for await (const part of body.stream) parts.push(part);
  const bytes = Buffer.concat(parts);
  return {
    status,
    headers,
    bytes,
    text: bytes.toString(),
    get body() {
      return JSON.parse(bytes.toString()) as AnyBody;
    },
  };
}
