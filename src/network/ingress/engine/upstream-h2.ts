import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { Fault } from "../../../lib/fault.ts";
import { type Target, targetKey } from "../../proxy/front.ts";
import { connectSecurely, type TlsPeer, tlsPeer } from "./endpoint-tls.ts";
import type { HeaderList, UpstreamEvents, UpstreamPool, UpstreamRequest } from "./exchange.ts";
import { fieldsOf, listOf } from "./front-h2.ts";
import type { EngineLimits } from "./limits.ts";
import type { PoolOptions } from "./upstream-h1.ts";

/** Keeps one HTTP/2 connection to each endpoint (by TLS, for each name), for all requests at once. */
export function openH2Pool(options: PoolOptions): UpstreamPool {
  const { limits, tls } = options;
  const sessions = new Map<string, ClientHttp2Session>();
  const sessionOf = (endpoint: Target, { host, trust }: UpstreamRequest): ClientHttp2Session => {
    const peer = tls ? tlsPeer(host, trust) : undefined;
    const key = `${targetKey(endpoint)} ${peer?.key ?? ""}`;
    const known = sessions.get(key);
    if (known && !known.closed && !known.destroyed) return known;
    const made = openSession(endpoint, peer, options);
    const forget = () => {
      if (sessions.get(key) === made) sessions.delete(key);
    };
    made.on("goaway", forget);
    made.on("close", forget);
    sessions.set(key, made);
    return made;
  };
  return {
    ask: (endpoint, request, events) => ask(sessionOf(endpoint, request), request, events, limits),
    keep(endpoints) {
      for (const [key, session] of sessions) {
        if (endpoints.has(key.slice(0, key.indexOf(" ")))) continue;
        sessions.delete(key);
        session.close();
      }
    },
    [Symbol.dispose]() {
      for (const session of sessions.values()) session.destroy();
      sessions.clear();
    },
  };
}

function openSession(endpoint: Target, peer: TlsPeer | undefined, { clock, limits }: PoolOptions): ClientHttp2Session {
  const { ip, port } = endpoint;
  const host = ip.includes(":") ? `[${ip}]` : ip;
  const session = connect(`${peer ? "https" : "http"}://${host}:${port}`, {
    ...(peer ? { createConnection: () => connectSecurely(endpoint, peer, { ALPNProtocols: ["h2"] }) } : {}),
    settings: { enablePush: false },
    maxSessionMemory: 64,
  });
  const timer = clock.after(limits.connectTime, () =>
    session.destroy(new Fault("timeout", `no connection to ${ip}:${port} in time`)),
  );
  session.once("connect", () => timer[Symbol.dispose]());
  session.on("error", () => {}); // its streams are told
  session.once("close", () => timer[Symbol.dispose]());
  session.setTimeout(limits.poolIdle, () => session.close());
  return session;
}

function ask(
  session: ClientHttp2Session,
  { method, target, host, secure, headers, body, trailers }: UpstreamRequest,
  events: UpstreamEvents,
  limits: EngineLimits,
): () => void {
  let settled = false;
  let stream: ClientHttp2Stream | undefined;
  const fail = (kind: "unsent" | "unanswered" | "late", error: Error) => {
    if (settled) return;
    settled = true;
    events.failed({ kind, error });
  };
  const begin = () => {
    session.off("close", refused);
    if (settled) return;
    if (session.closed || session.destroyed) return fail("unsent", new Fault("closed", "the connection has ended"));
    const opened = session.request(
      {
        ":method": method,
        ":path": target,
        ":authority": host,
        ":scheme": secure ? "https" : "http",
        ...fieldsOf(headers),
        ...(body?.length !== undefined ? { "content-length": body.length } : {}),
        ...(trailers ? { te: "trailers" } : {}),
      },
      { endStream: !body },
    );
    stream = opened;
    let last: HeaderList = [];
    opened.setTimeout(limits.answerTime, () => {
      fail("late", new Fault("timeout", "no answer in time"));
      opened.close(constants.NGHTTP2_CANCEL);
    });
    opened.on("trailers", (fields: IncomingHttpHeaders) => {
      last = listOf(fields);
    });
    opened.on("response", (fields, flags) => {
      if (settled) return;
      settled = true;
      const empty = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 || method === "HEAD";
      const status = Number(fields[":status"] ?? 502);
      events.answered({
        status,
        headers: listOf(fields),
        empty,
        trailers: true,
        content: () => opened,
        trailerList: () => last,
      });
    });
    // A stream that was refused was not looked at (RFC 9113, 8.7).
    const kindNow = () => (opened.rstCode === constants.NGHTTP2_REFUSED_STREAM ? "unsent" : "unanswered");
    opened.on("error", (error) => fail(kindNow(), error));
    opened.on("close", () => fail(kindNow(), new Fault("unavailable", "the stream ended without an answer")));
    body?.sendTo(opened);
  };
  const refused = () => fail("unsent", new Fault("unavailable", "no connection came about"));
  if (session.connecting) {
    session.once("connect", begin);
    session.once("close", refused);
  } else begin();
  return () => {
    settled = true;
    stream?.close(constants.NGHTTP2_CANCEL);
  };
}
