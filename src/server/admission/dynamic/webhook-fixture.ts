import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type CertificatePair, selfSigned } from "../../../wire/certificate-fixture.ts";

/** An AdmissionReview's request, as a webhook in a test reads it. */
export interface ReviewRequest {
  readonly [member: string]: unknown;
  readonly uid: string;
  readonly operation: string;
  readonly object: { readonly metadata: { readonly name: string; readonly labels?: Record<string, string> } } | null;
}

/** Answers a question; what it returns is added to the response. */
export type ReviewHandler = (request: ReviewRequest) => object | Promise<object>;

export interface WebhookServer extends AsyncDisposable {
  /** For `clientConfig`. */
  clientConfig(path?: string): { readonly url: string; readonly caBundle: string };
  /** The requests it was asked about, in order. */
  readonly asked: readonly ReviewRequest[];
  /** The address that it was called at last, with its query. */
  readonly lastUrl: string;
}

let pair: Promise<CertificatePair> | undefined;

/** A webhook on a free port, for tests. Each path has its handler; a handler of `*` answers all others. */
export async function openWebhook(handlers: Readonly<Record<string, ReviewHandler>>): Promise<WebhookServer> {
  pair ??= selfSigned("CN=webhook");
  const { cert, key } = await pair;
  const asked: ReviewRequest[] = [];
  let lastUrl = "";
  const server = createServer({ key, cert }, async (message, response) => {
    let text = "";
    for await (const part of message) text += String(part);
    lastUrl = message.url ?? "";
    const { pathname } = new URL(lastUrl, "https://localhost");
    const review = JSON.parse(text) as { apiVersion: string; kind: string; request: ReviewRequest };
    asked.push(review.request);
    const handler = handlers[pathname] ?? handlers["*"];
    if (!handler) return response.writeHead(404).end();
    const answer = { uid: review.request.uid, allowed: true, ...(await handler(review.request)) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: review.kind, response: answer }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    get lastUrl() {
      return lastUrl;
    },
    clientConfig: (path = "/") => ({
      url: `https://127.0.0.1:${port}${path}`,
      caBundle: Buffer.from(cert).toString("base64"),
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A response that patches the object. */
export function patchOf(steps: readonly object[]): object {
  return { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(steps)).toString("base64") };
}
