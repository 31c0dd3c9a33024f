import type { Target } from "../../proxy/front.ts";
import type { Balancer } from "../balancer.ts";
import type { EngineState } from "../engine.ts";
import type { Backend } from "../routing-table.ts";
import type { Trust } from "./endpoint-tls.ts";
import type { FrontRequest, FrontResponse, UpstreamAnswer, UpstreamFailure, UpstreamPool } from "./exchange.ts";
import { answerHeaders, forwardedHeaders } from "./headers.ts";
import { answerStandard } from "./standard-response.ts";

export interface ForwardTools {
  readonly balancer: Balancer;
  readonly authorities: EngineState["authorities"];
  readonly pools: Readonly<Record<Backend["protocol"], UpstreamPool>>;
}

/** Endpoints that are tried for one request. */
const mostTries = 4;

/** What may be asked twice (RFC 9110, 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * Passes a request on to an endpoint of the back end, and the answer back. Another endpoint is tried while the request was not
 * sent, or may be sent twice and is still whole; so a body that has begun to flow is never replayed.
 */
export function forward(request: FrontRequest, response: FrontResponse, backend: Backend, tools: ForwardTools): void {
  const { balancer } = tools;
  const order = balancer.order(backend);
  if (order.length === 0) {
    answerStandard(request, response, 503);
    return;
  }
  const trust = trustIn(backend, tools.authorities);
  if (trust === "unknown") {
    answerStandard(request, response, 502);
    return;
  }
  const pool = tools.pools[backend.protocol];
  const tries = Math.min(order.length + 1, mostTries);
  let flowing = false;
  let gone = false;
  let stop: () => void = () => {};
  const { method, target, authority, secure, body, trailers } = request;
  const outgoing = {
    ...{ method, target, secure, trust, trailers, host: authority },
    headers: [...request.headers, ...forwardedHeaders(request)],
    ...(body
      ? {
          body: {
            length: body.length,
            whole: body.whole,
            sendTo: (sink: NodeJS.WritableStream) => {
              if (body.whole) return void sink.end(body.whole);
              flowing = true;
              body.stream.pipe(sink);
            },
          },
        }
      : {}),
  };
  response.ended((complete) => {
    gone = true;
    if (!complete) stop();
  });

  const ask = (index: number) => {
    const endpoint = order[index % order.length]!;
    stop = pool.ask(endpoint, outgoing, {
      answered: (answer) => {
        balancer.reached(endpoint);
        if (!gone) relay(answer, response);
        else stop();
      },
      failed: (failure) => failed(endpoint, index, failure),
    });
  };
  const failed = (endpoint: Target, index: number, { kind }: UpstreamFailure) => {
    if (gone) return;
    if (kind === "unsent") balancer.unreachable(endpoint);
    const again = !flowing && (kind === "unsent" || (kind === "unanswered" && idempotent.has(method)));
    if (again && index + 1 < tries) return ask(index + 1);
    answerStandard(request, response, kind === "late" ? 504 : 502);
  };
  ask(0);
}

/** By what a back end's endpoints are verified, if they are to be; `unknown` while what it would take is not there. */
export function trustIn({ trust }: Backend, authorities: EngineState["authorities"]): Trust | undefined | "unknown" {
  const authority = trust && authorities?.get(trust.secret);
  return trust && (authority ? { authority, name: trust.name } : "unknown");
}

function relay(
  { status, headers, empty, trailers, content, trailerList }: UpstreamAnswer,
  response: FrontResponse,
): void {
  const head = { status, headers: answerHeaders(headers), empty, trailers };
  if (typeof content !== "function") {
    if (empty) response.head(head);
    else response.whole(head, content);
    return;
  }
  const body = content();
  response.head(head);
  // An answer that breaks off must not look like one that is complete.
  body.once("error", () => response.abort());
  body.once("close", () => {
    if (!body.readableEnded) response.abort();
  });
  if (empty) {
    body.resume();
    return;
  }
  body.once("end", () => {
    const list = trailerList();
    if (list.length > 0) response.trailers(list);
  });
  body.pipe(response.sink);
}
