import type { IncomingMessage, ServerResponse } from "node:http";
import { page } from "./page.ts";
import type { RedisClient } from "./resp-client.ts";

/** What the guestbook is made of. */
export interface GuestbookOptions {
  /** Takes the entries. */
  readonly primary: RedisClient;
  /** Answers what the entries are. */
  readonly replica: RedisClient;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** False from the moment on when the program was asked to stop. */
  ready(): boolean;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers the guestbook's requests, for `node:http`. */
export function guestbook(options: GuestbookOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    void answerOf(request, options)
      .catch((error: unknown): Answer => text(503, `the database does not answer: ${String(error)}\n`))
      .then(({ status, type, body }) => {
        response.writeHead(status, {
          "content-type": type,
          "content-length": Buffer.byteLength(body),
          "cache-control": "no-store",
          "x-served-by": options.hostname,
          // A client that keeps its connection would go on asking a pod that is about to leave.
          ...(options.ready() ? {} : { connection: "close" }),
        });
        response.end(request.method === "HEAD" ? undefined : body);
      });
  };
}

async function answerOf(request: IncomingMessage, options: GuestbookOptions): Promise<Answer> {
  if (request.method !== "GET" && request.method !== "HEAD") return text(405, "only GET is answered here\n");
  const words = pathWords(request.url ?? "/");
  if (!words) return text(400, "the path is not percent-encoded UTF-8\n");
  const [route, key, value] = words;
  if (words.length === 0) return { status: 200, type: "text/html; charset=utf-8", body: page };
  if (words.length === 1 && route === "healthz")
    return options.ready() ? text(200, "ok\n") : text(503, "shutting down\n");
  if (words.length === 1 && route === "env") return json(environmentOf(options));
  if (words.length === 1 && route === "info") return text(200, String(await options.primary.command("INFO")));
  if (words.length === 2 && route === "lrange" && key) return await entriesOf(options, key);
  if (words.length === 3 && route === "rpush" && key && value) {
    await options.primary.command("RPUSH", key, value);
    // The page reads from a replica next, and its reader wants to see what they just wrote.
    await options.primary.command("WAIT", "2", "200");
    return await entriesOf(options, key);
  }
  return text(404, "not found\n");
}

async function entriesOf(options: GuestbookOptions, key: string): Promise<Answer> {
  return json(await options.replica.command("LRANGE", key, "0", "-1"));
}

function environmentOf({ environment, hostname }: GuestbookOptions): Record<string, string> {
  const all = { HOSTNAME: hostname, ...environment };
  return Object.fromEntries(
    Object.entries(all)
      .filter((pair): pair is [string, string] => pair[1] !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function pathWords(url: string): string[] | undefined {
  try {
    return url
      .split("?")[0]!
      .split("/")
      .filter((word) => word !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function text(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body };
}

function json(value: unknown): Answer {
  return { status: 200, type: "application/json", body: `${JSON.stringify(value, null, 2)}\n` };
}
