import { createSocket } from "node:dgram";
import { lookup, Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { createServer, get, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { hostname } from "node:os";

/**
 * Runs in pods of tests. On its TCP and UDP ports it tells the pod's name, and over HTTP it asks others or a name server for
 * whoever wants to know what a pod would hear: `/dial`, `/lookup` and `/resolve`; `/read` gives a file of the pod. With `dial` and an address as arguments it
 * asks once, says the answer and ends.
 */
const { TCP_PORTS = "8080", UDP_PORTS = "8081", TLS_PORT, TLS_KEY, TLS_CERT } = process.env;

interface Call {
  /** `http` or `udp`. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
}

/** The answer, or the code of what went wrong. */
function dial({ protocol, host, port }: Call): Promise<string> {
  return protocol === "udp" ? dialUdp(host, port) : dialHttp(host, port);
}

function dialHttp(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const request = get({ host, port, path: "/hostname", agent: false, timeout: 2000 }, async (response) => {
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part);
    resolve(Buffer.concat(parts).toString());
  });
  request.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  request.on("timeout", () => request.destroy(Object.assign(new Error("late"), { code: "ETIMEDOUT" })));
  return promise;
}

async function dialUdp(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = createSocket("udp4");
  const late = setTimeout(() => resolve("ETIMEDOUT"), 2000);
  socket.on("message", (message) => resolve(message.toString()));
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  socket.on("connect", () => socket.send("hostname"));
  socket.connect(port, host);
  const answer = await promise;
  clearTimeout(late);
  socket.close();
  return answer;
}

async function ask(url: URL): Promise<unknown> {
  const given = (key: string) => url.searchParams.get(key) ?? "";
  if (url.pathname === "/dial") {
    const answers: string[] = [];
    const call = { protocol: given("protocol"), host: given("host"), port: Number(given("port")) };
    for (let count = Number(given("count")); count > 0; count--) answers.push(await dial(call));
    return answers;
  }
  if (url.pathname === "/lookup") {
    return (await lookup(given("name"), { all: true, family: 4 })).map(({ address }) => address).sort();
  }
  if (url.pathname === "/read") return readFileSync(given("name"), "utf8");
  const resolver = new Resolver();
  return given("type") === "PTR"
    ? await resolver.reverse(given("name"))
    : await resolver.resolve(given("name"), given("type"));
}

const listener: RequestListener = async (request, response) => {
  const url = new URL(request.url ?? "/", "http://pod");
  if (["/dial", "/lookup", "/resolve", "/read"].includes(url.pathname)) {
    const answer = await ask(url).catch(({ code }: NodeJS.ErrnoException) => ({ code }));
    response.end(JSON.stringify(answer));
  } else if (url.pathname === "/echo") {
    response.end(`${request.method} ${request.url}`);
  } else response.end(hostname());
};

function serve(): void {
  for (const port of TCP_PORTS.split(" ")) createServer(listener).listen(Number(port));
  for (const port of UDP_PORTS.split(" ")) {
    const socket = createSocket("udp4").bind(Number(port));
    socket.on("message", (_, { port: from, address }) => socket.send(hostname(), from, address));
  }
  if (TLS_PORT) createTlsServer({ key: TLS_KEY, cert: TLS_CERT }, listener).listen(Number(TLS_PORT));
  process.on("SIGTERM", () => process.exit(0));
}

const [, , word, protocol = "", host = "", port = ""] = process.argv;
if (word === "dial") console.log(await dial({ protocol, host, port: Number(port) }));
else serve();
