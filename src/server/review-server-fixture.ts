import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../wire/certificate-fixture.ts";
import type { RemoteEndpoint } from "./webhooks/endpoint.ts";

type Review = Readonly<Record<string, unknown>> & { readonly spec: Readonly<Record<string, unknown>> };

/** An HTTPS server that answers reviews, for tests. */
export interface ReviewServer extends AsyncDisposable {
  readonly endpoint: RemoteEndpoint;
  /** Every review that was sent, in order. */
  readonly asked: readonly Review[];
  /** What it answers as status; undefined is a failure. */
  answer: (review: Review) => object | undefined;
}

export async function openReviewServer(answer: ReviewServer["answer"]): Promise<ReviewServer> {
  const { cert, key } = await selfSigned("CN=reviews");
  const asked: Review[] = [];
  const fixture = { answer };
  const server = createServer({ cert, key }, async (request, response) => {
    let text = "";
    for await (const part of request) text += String(part);
    const review = JSON.parse(text) as Review;
    asked.push(review);
    const status = fixture.answer(review);
    response.writeHead(status ? 200 : 500, { "content-type": "application/json" });
    response.end(status ? JSON.stringify({ ...review, status }) : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(fixture, {
    endpoint: { url: `https://127.0.0.1:${port}/review`, ca: cert },
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
