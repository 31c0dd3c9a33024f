import { type StandardAnswer, standardAnswer } from "../standard-answers.ts";
import type { FrontRequest, FrontResponse } from "./exchange.ts";

/** Answers a request without a back end. */
export function answerStandard(request: FrontRequest, response: FrontResponse, answer: number | StandardAnswer): void {
  const { status, type, body, location } = typeof answer === "number" ? standardAnswer(answer) : answer;
  const empty = request.method === "HEAD";
  const bytes = Buffer.from(body);
  const headers = [
    ...["Content-Type", type, "Content-Length", String(bytes.length)],
    ...(location === undefined ? [] : ["Location", location]),
  ];
  const head = { status, headers, empty, trailers: false };
  if (empty) response.head(head);
  else response.whole(head, bytes);
}
