import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import { createAuthority, type KeyPair, openAuthority } from "../../../src/cluster/certificates.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { systemRandom } from "../../../src/lib/random.ts";

/** Servers that answer badly or not at all, and the authority that those with TLS descend from. */
export interface BadServers extends AsyncDisposable {
  readonly authority: string;
  /** A certificate for whoever needs a good one, and its key. */
  readonly pair: KeyPair;
  readonly urls: Readonly<Record<BadServer, string>>;
}

export type BadServer =
  | "refused"
  | "slow"
  | "html"
  | "half"
  | "hangsUp"
  | "noHttp"
  | "unauthorized"
  | "expired"
  | "otherName"
  | "trusted";

const longAgo = { ...systemClock, now: () => systemClock.now() - 800 * 86_400_000 };

/** Starts them all on ports of loopback. */
export async function startBadServers(): Promise<BadServers> {
  await using opened = new AsyncDisposableStack();
  const listen = async (server: Server, scheme = "http"): Promise<string> => {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    opened.defer(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const tools = { clock: longAgo, random: systemRandom };
  const pair: KeyPair = await createAuthority("bad-input", tools);
  const issue = (names: readonly string[], clock = systemClock) =>
    openAuthority(pair, { ...tools, clock }).issue({ commonName: "server", usage: "server", names });
  const tls = async (names: readonly string[], clock = systemClock) =>
    await listen(createHttps(await issue(names, clock), unauthorized), "https");

  const urls = {
    slow: await listen(createTcp(() => {})),
    html: await listen(createHttp(html)),
    half: await listen(createHttp(half)),
    hangsUp: await listen(createTcp((socket) => socket.once("data", () => socket.destroy()))),
    noHttp: await listen(createTcp((socket) => socket.end("220 mail.example ESMTP\r\n"))),
    unauthorized: await listen(createHttp(unauthorized)),
    expired: await tls(["127.0.0.1"], longAgo),
    trusted: await tls(["127.0.0.1"]),
    otherName: await tls(["other.example"]),
    refused: await gone(),
  };
  const running = opened.move();
  return { authority: pair.cert, pair, urls, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

const html: RequestListener = (_, answer) => {
  answer.writeHead(200, { "content-type": "text/html" }).end("<html><body>Please log in</body></html>");
};

/** Breaks off in the middle of what it announced. */
const half: RequestListener = (_, answer) => {
  answer.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
  answer.write('{"kind":"APIVersions","vers', () => answer.destroy());
};

const unauthorized: RequestListener = (_, answer) => {
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Unauthorized", code: 401 };
  answer
    .writeHead(401, { "content-type": "application/json" })
    .end(JSON.stringify({ ...status, message: "Unauthorized" }));
};

/** The address of a port that nobody listens at. */
async function gone(): Promise<string> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
