import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { errorMessage } from "../../../../lib/fault.ts";
import { proxyUpgrade } from "../../../../wire/proxy-upgrade.ts";
import { dial, type UpgradeTarget } from "../../../../wire/upgrade-client.ts";
import type { Session } from "../../session.ts";
import { answerText } from "./static-files.ts";

/** Passes requests on to the API server with the user's credentials. */
export interface ApiPassage extends Disposable {
  /** `path` is the path and query at the server. */
  request(req: IncomingMessage, res: ServerResponse, path: string): Promise<void>;
  /** The same for a request that leaves HTTP: watches over WebSockets, exec, port-forward. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, path: string): Promise<void>;
}

/** What belongs to one connection, not to the request. */
const hopByHop = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** `serverPath`: the path of the server's address goes before that of each request. */
export function openPassage(session: Session, { serverPath }: { readonly serverPath: boolean }): ApiPassage {
  // What is wrong with the kubeconfig is told before anything is served.
  const { connection } = session;
  const targetOf = async (path: string): Promise<UpgradeTarget> => {
    const target = await connection.upgrade(path);
    return serverPath ? target : { ...target, url: new URL(path, connection.server) };
  };
  const agents = [new HttpAgent({ keepAlive: true }), new HttpsAgent({ keepAlive: true })] as const;
  return {
    async request(req, res, path) {
      try {
        await passOn(req, res, await targetOf(path), agents);
      } catch (error) {
        if (res.headersSent || res.destroyed) return void res.destroy();
        session.log("E", `Error while proxying request: ${errorMessage(error)}`);
        answerText(res, 500, errorMessage(error));
      }
    },
    async upgrade(req, socket, head, path) {
      const target = await targetOf(path);
      const url = new URL(target.url);
      const own = Object.keys(target.headers ?? {}).filter((name) => req.headers[name.toLowerCase()] === undefined);
      await proxyUpgrade(req, socket, head, {
        connect: () => dial(target),
        path: `${url.pathname}${url.search}`,
        headers: {
          Host: url.host,
          ...Object.fromEntries(own.map((name) => [name, target.headers?.[name] ?? ""])),
        },
      });
    },
    [Symbol.dispose]() {
      for (const agent of agents) agent.destroy();
    },
  };
}

function passOn(
  req: IncomingMessage,
  res: ServerResponse,
  target: UpgradeTarget,
  [plain, secure]: readonly [HttpAgent, HttpsAgent],
): Promise<void> {
  const url = new URL(target.url);
  const isSecure = url.protocol === "https:";
  return new Promise((resolve, reject) => {
    const send = async () => {
      const socket = target.connect ? await target.connect() : undefined;
      const ca = target.tls?.ca;
      const options = {
        method: req.method,
        headers: outgoingHeaders(req, target),
        ...(socket
          ? { createConnection: () => socket, agent: undefined }
          : { agent: isSecure ? secure : plain, ...target.tls, ca: Array.isArray(ca) ? [...(ca as string[])] : ca }),
      };
      // A connection that was brought along has its TLS already.
      const sent =
        isSecure && !socket
          ? httpsRequest(url, options as Parameters<typeof httpsRequest>[1] & object)
          : httpRequest({ ...options, host: url.hostname, path: `${url.pathname}${url.search}` } as object);
      sent.on("response", (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerHeaders(answer));
        // Who watches wants to know that there is an answer before there is an event.
        res.flushHeaders();
        answer.pipe(res);
        answer.once("end", resolve);
        answer.once("error", reject);
      });
      sent.on("error", reject);
      res.once("close", () => {
        sent.destroy();
        resolve();
      });
      req.pipe(sent);
    };
    send().catch(reject);
  });
}

/** What the client sent, and the credentials that it did not bring itself. */
function outgoingHeaders(req: IncomingMessage, target: UpgradeTarget): Record<string, string | readonly string[]> {
  const own = Object.entries(target.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const theirs = Object.entries(req.headersDistinct).filter(([name]) => !hopByHop.has(name));
  const chunked: Record<string, string> = req.headers["transfer-encoding"] ? { "transfer-encoding": "chunked" } : {};
  return { ...Object.fromEntries(own), ...(Object.fromEntries(theirs) as Record<string, string[]>), ...chunked };
}

function answerHeaders(answer: IncomingMessage): Record<string, string[]> {
  return Object.fromEntries(Object.entries(answer.headersDistinct).filter(([name]) => !hopByHop.has(name))) as Record<
    string,
    string[]
  >;
}
