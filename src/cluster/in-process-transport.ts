import type { Transport, TransportRequest, TransportResponse, WatchEvent } from "../client/transport.ts";
import { Fault } from "../lib/fault.ts";
import { TurnGate } from "../lib/turn-gate.ts";
import type { ApiServer } from "../server/api-server.ts";
import type { EventFrame, ResponseBody, UserInfo } from "../server/exchange.ts";
import { partsOf } from "../wire/byte-source.ts";

/** Who a controller is: a service account of kube-system, or a user of the system by its whole name. */
export function serviceAccountIdentity(name: string): UserInfo {
  if (name.startsWith("system:")) return { name, groups: [] };
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
  };
}

/** About ten milliseconds' worth: leases are renewed by timers, and others' requests wait in sockets. */
const turns = new TurnGate(32);

/**
 * Calls a server of the same process under one identity: no wire, but every check. Objects are the server's own. Many calls
 * are spread over turns of the event loop; `at once` is for virtual time, where those are no part of the story.
 */
export function inProcessTransport(
  server: Pick<ApiServer, "handle">,
  identity: UserInfo,
  pace: "in turns" | "at once" = "in turns",
): Transport {
  return {
    async send(request) {
      const turn = pace === "in turns" ? turns.pass() : undefined;
      if (turn) await turn;
      if (request.signal?.aborted) throw new Fault("aborted", "the call was given up before it was sent");
      const ended = new AbortController();
      const signal = request.signal ? AbortSignal.any([request.signal, ended.signal]) : ended.signal;
      const answer = await server.handle({
        method: request.method,
        path: request.path,
        headers: headersOf(request),
        body: request.body === undefined ? { kind: "none" } : { kind: "value", value: request.body },
        identity,
        signal,
      });
      const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
      return { status: answer.status, headers, ...readers(answer.body, ended) };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function headersOf(request: TransportRequest): Record<string, string> {
  return {
    accept: "application/json",
    "user-agent": "navarch",
    ...(request.body === undefined ? {} : { "content-type": "application/json" }),
    ...request.headers,
  };
}

function readers(body: ResponseBody, ended: AbortController): Pick<TransportResponse, "value" | "events" | "bytes"> {
  return {
    async value() {
      if (body.kind === "object") return body.value();
      if (body.kind === "none") return undefined;
      return Buffer.concat(await Array.fromAsync(bytesOf(body))).toString("utf8");
    },
    events(): AsyncIterable<WatchEvent> {
      if (body.kind !== "events") throw new Fault("internal", `the answer is no watch but ${body.kind}`);
      const bunches = body.events;
      return { [Symbol.asyncIterator]: () => new Events(bunches[Symbol.asyncIterator](), () => ended.abort()) };
    },
    async *bytes() {
      try {
        yield* bytesOf(body);
      } finally {
        ended.abort();
      }
    },
  };
}

/** The events of bunches, one by one. Not a generator: every write of an object comes by here once for each copy of its kind. */
class Events implements AsyncIterator<WatchEvent, undefined> {
  readonly #bunches: AsyncIterator<readonly EventFrame[]>;
  readonly #ended: () => void;
  #bunch: readonly EventFrame[] = [];
  #at = 0;

  constructor(bunches: AsyncIterator<readonly EventFrame[]>, ended: () => void) {
    this.#bunches = bunches;
    this.#ended = ended;
  }

  next(): Promise<IteratorResult<WatchEvent, undefined>> {
    const value = this.#bunch[this.#at];
    if (!value) return this.#nextBunch();
    this.#at += 1;
    return Promise.resolve({ done: false, value });
  }

  async #nextBunch(): Promise<IteratorResult<WatchEvent, undefined>> {
    try {
      for (;;) {
        const { done, value } = await this.#bunches.next();
        if (done) return await this.return();
        this.#bunch = value;
        this.#at = 1;
        if (value[0]) return { done: false, value: value[0] };
      }
    } catch (error) {
      this.#ended();
      throw error;
    }
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#bunch = [];
    this.#ended();
    await this.#bunches.return?.();
    return { done: true, value: undefined };
  }
}

async function* bytesOf(body: ResponseBody): AsyncGenerator<Uint8Array> {
  if (body.kind === "bytes") yield body.bytes;
  else if (body.kind === "stream") yield* body.stream;
  else if (body.kind === "object") {
    const bytes = body.bytes();
    if (bytes instanceof Uint8Array) yield bytes;
    else yield* partsOf(bytes);
  } else if (body.kind === "events")
    for await (const frames of body.events) for (const frame of frames) yield frame.line();
}
