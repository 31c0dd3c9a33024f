import { type StandardAnswer, standardAnswer } from "../standard-answers.ts";
import type { FrontRequest, FrontResponse } from "./exchange.ts";

/** Answers a request without a back end. */
export function answerStandard(request: FrontRequest, response: FrontResponse, answer: number | StandardAnswer): void {
  const { status, type, body, location } = typeof answer === "number" ? standardAnswer(answer) : answer;
  const empty = request.method === "HEAD";
  response.head({
    status,
    headers: [
      ...["Content-Type", type, "Content-Length", String(Buffer.byteLength(body))],
      ...(location === undefined ? [] : ["Location", location]),
    ],
    empty,
    trailers: false,
  });
  if (!empty) response.sink.end(body);
}
