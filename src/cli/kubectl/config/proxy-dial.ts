import { request } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Http1Tls } from "../../../client/http1-transport.ts";
import { Fault } from "../../../lib/fault.ts";

/** Connects to a server through a proxy (CONNECT, to the proxy with TLS on these terms, or SOCKS5); TLS to the server itself comes on top. Throws Fault. */
export async function dialProxy(proxy: URL, server: string, tls: () => Http1Tls = () => ({})): Promise<Duplex> {
  const { protocol, hostname, port } = new URL(server);
  const host = hostname.replace(/^\[|\]$/g, "");
  const to = { host, port: Number(port || (protocol === "https:" ? 443 : 80)) };
  return proxy.protocol.startsWith("socks5") ? await dialSocks(proxy, to) : await dialConnect(proxy, to, tls);
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function dialConnect(proxy: URL, { host, port }: Address, tls: () => Http1Tls): Promise<Duplex> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return new Promise((resolve, reject) => {
    const asked = request({
      method: "CONNECT",
      path: address,
      headers: {
        host: address,
        ...(proxy.username ? { "proxy-authorization": `Basic ${Buffer.from(login).toString("base64")}` } : {}),
      },
      createConnection: () => proxySocket(proxy, tls),
    });
    asked.on("connect", (answer, socket) => {
      if (answer.statusCode === 200) resolve(socket);
      else {
        socket.destroy();
        // In the proxy's own words, as upstream.
        reject(new Fault("unavailable", answer.statusMessage || `status code ${answer.statusCode}`));
      }
    });
    asked.on("error", (error) =>
      reject(new Fault("unavailable", `proxyconnect tcp: ${error.message}`, { cause: error })),
    );
    asked.end();
  });
}

function proxySocket(proxy: URL, tls: () => Http1Tls = () => ({})): Socket {
  const host = proxy.hostname.replace(/^\[|\]$/g, "");
  if (proxy.protocol === "https:") {
    // A proxy is believed on the same terms as the server, as upstream.
    return connectTls({
      ...(isIP(host) ? {} : { servername: host }),
      ...tls(),
      host,
      port: Number(proxy.port || 443),
    });
  }
  return connectTcp({ host, port: Number(proxy.port || (proxy.protocol === "http:" ? 80 : 1080)) });
}

/** RFC 1928, with the user name and password of RFC 1929. */
async function dialSocks(proxy: URL, { host, port }: Address): Promise<Duplex> {
  const socket = proxySocket(proxy);
  const failed = new Promise<never>((_, reject) => {
    socket.once("error", (error) =>
      reject(new Fault("unavailable", `socks connect: ${error.message}`, { cause: error })),
    );
    socket.once("close", () => reject(new Fault("unavailable", "socks connect: the proxy hung up")));
  });
  failed.catch(() => {});
  const refused = (why: string): Fault => {
    socket.destroy();
    return new Fault("unavailable", `socks connect tcp ${proxy.host}->${host}:${port}: ${why}`);
  };
  const exchange = async (bytes: readonly number[], length: number): Promise<Buffer> => {
    socket.write(Uint8Array.from(bytes));
    return await Promise.race([take(socket, length), failed]);
  };
  const text = (value: string) => [...Buffer.from(value)];
  const [user, password] = [decodeURIComponent(proxy.username), decodeURIComponent(proxy.password)];
  const chosen = (await exchange(user ? [5, 2, 0, 2] : [5, 1, 0], 2))[1];
  if (chosen === 2) {
    const answer = await exchange([1, text(user).length, ...text(user), text(password).length, ...text(password)], 2);
    if (answer[1] !== 0) throw refused("username/password authentication failed");
  } else if (chosen !== 0) throw refused("no acceptable authentication methods");
  const name = text(host);
  const address = isIP(host) === 4 ? [1, ...host.split(".").map(Number)] : [3, name.length, ...name];
  const answer = await exchange([5, 1, 0, ...address, port >> 8, port & 255], 4);
  const code = answer[1] ?? 0;
  if (code !== 0) throw refused(`unknown error ${failures[code] ?? `unknown code: ${code}`}`);
  const rest =
    answer[3] === 1 ? 6 : answer[3] === 4 ? 18 : ((await Promise.race([take(socket, 1), failed]))[0] ?? 0) + 2;
  await Promise.race([take(socket, rest), failed]);
  socket.removeAllListeners("error");
  socket.removeAllListeners("close");
  return socket;
}

/** What the codes of RFC 1928 mean. */
const failures: Readonly<Record<number, string>> = {
  1: "general SOCKS server failure",
  2: "connection not allowed by ruleset",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "TTL expired",
  7: "command not supported",
  8: "address type not supported",
};

async function take(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes) return bytes;
    await new Promise<void>((resolve) => {
      socket.once("readable", resolve);
    });
  }
}
