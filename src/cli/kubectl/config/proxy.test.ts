import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Server } from "node:net";
import { TLSSocket } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { selfSigned } from "../../../wire/certificate-fixture.ts";
import { hostIn } from "../host-fixture.ts";
import { connect } from "./connect.ts";
import { proxyFor } from "./proxy.ts";
import { dialProxy } from "./proxy-dial.ts";

describe("which proxy leads to a server", () => {
  const href = (server: string, configured: string | undefined, env: Record<string, string>) =>
    proxyFor(server, configured, env)?.href;
  const env = { HTTPS_PROXY: "http://secure:1", HTTP_PROXY: "plain:2" };

  test.each([
    {
      name: "the kubeconfig's comes first",
      server: "https://a",
      configured: "socks5://own:3",
      env,
      is: "socks5://own:3",
    },
    { name: "the environment's for TLS", server: "https://a", env, is: "http://secure:1/" },
    { name: "the environment's for plain HTTP, which needs no scheme", server: "http://a", env, is: "http://plain:2/" },
    {
      name: "small letters count too",
      server: "https://a",
      env: { https_proxy: "http://small:1" },
      is: "http://small:1/",
    },
    { name: "none to this machine", server: "https://127.0.0.1:6443", env, is: undefined },
    {
      name: "none to a host that is excepted",
      server: "https://a.b",
      env: { ...env, NO_PROXY: "x, a.b" },
      is: undefined,
    },
    { name: "none to what lies under it", server: "https://a.b", env: { ...env, NO_PROXY: ".b" }, is: undefined },
    {
      name: "none into an excepted network",
      server: "https://10.1.2.3",
      env: { ...env, NO_PROXY: "10.0.0.0/8" },
      is: undefined,
    },
    {
      name: "an exception for another port does not count",
      server: "https://a:6443",
      env: { ...env, NO_PROXY: "a:443" },
      is: "http://secure:1/",
    },
    { name: "a star excepts all", server: "https://a", env: { ...env, NO_PROXY: "*" }, is: undefined },
  ])("$name", ({ server, configured, env: surroundings, is }) => {
    expect(href(server, configured, surroundings as Record<string, string>)).toBe(is);
  });

  test("a scheme that no proxy has is refused", () => {
    expect(() => proxyFor("https://a", undefined, { HTTPS_PROXY: "ftp://b" })).toThrow('unsupported scheme "ftp"');
  });
});

describe("through a proxy", () => {
  const opened = new Set<{ close(): unknown }>();
  afterEach(() => {
    for (const one of opened) one.close();
    opened.clear();
  });
  const listen = async (server: Server) => {
    opened.add(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return (server.address() as AddressInfo).port;
  };
  /** The proxy's connection to what is behind it, which may end while it begins. */
  const behind = (port: number) => connectTcp(port, "127.0.0.1").on("error", () => {});
  /** Answers everybody who connects. */
  const greeter = () => listen(createTcpServer((socket) => void socket.end("hello")));

  async function heard(stream: AsyncIterable<Buffer>): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return Buffer.concat(parts).toString();
  }

  test("CONNECT asks for the server's address with the user's name, and hands the connection over", async () => {
    const port = await greeter();
    const asked: object[] = [];
    const proxy = createServer();
    proxy.on("connect", ({ url, headers }, socket) => {
      asked.push({ url, login: headers["proxy-authorization"] });
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      behind(port).pipe(socket);
    });
    const url = new URL(`http://me:p%40ss@127.0.0.1:${await listen(proxy)}`);
    expect(await heard(await dialProxy(url, "https://server.example:6443"))).toBe("hello");
    const login = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    expect(asked).toEqual([{ url: "server.example:6443", login }]);
  });

  test("a proxy that speaks TLS is believed on the terms of the server", async () => {
    const [port, pair] = await Promise.all([greeter(), selfSigned("CN=proxy")]);
    const proxy = createTlsServer(pair);
    proxy.on("connect", (_request, socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      behind(port).pipe(socket);
    });
    const url = new URL(`https://127.0.0.1:${await listen(proxy)}`);
    const terms = { ca: pair.cert };
    expect(await heard(await dialProxy(url, "https://server", () => terms))).toBe("hello");
    await expect(dialProxy(url, "https://server")).rejects.toThrow("proxyconnect tcp: self-signed certificate");
  });

  test("calls and streams reach a server by its address, with TLS to itself", async () => {
    const secured = createTlsServer(await selfSigned("CN=server"), (_, answer) => answer.end("hello"));
    const port = await listen(secured);
    const proxy = createServer();
    proxy.on("connect", (_request, socket) => {
      const there = behind(port);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket
        .on("error", () => {})
        .pipe(there)
        .pipe(socket);
    });
    const cluster = {
      server: `https://127.0.0.1:${port}`,
      "proxy-url": `http://127.0.0.1:${await listen(proxy)}`,
      "insecure-skip-tls-verify": true,
    };
    const access = { cluster, user: { token: "a" }, namespace: "", namespaceGiven: false, timeout: 0 };
    await using connection = connect(access, hostIn("/", 0));
    const answer = await connection.transport.send({ method: "GET", path: "/x", headers: {} });
    expect(await answer.value()).toBe("hello");
    const stream = await (await connection.upgrade("/x")).connect?.();
    expect(stream).toBeInstanceOf(TLSSocket);
    stream?.destroy();
  });

  test("what the proxy refuses is told", async () => {
    const proxy = createServer();
    proxy.on("connect", (_request, socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    const url = new URL(`http://127.0.0.1:${await listen(proxy)}`);
    await expect(dialProxy(url, "https://server")).rejects.toThrow("Proxy Authentication Required");
  });

  test("SOCKS5 is given the server's name and port", async () => {
    const said: Buffer[] = [];
    const port = await listen(
      createTcpServer((socket) => {
        socket.on("data", (bytes) => {
          said.push(Buffer.from(bytes.toString("latin1"), "latin1"));
          if (said.length === 1) socket.write(Uint8Array.of(5, 0));
          else socket.end(Buffer.concat([Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Buffer.from("hello")]));
        });
      }),
    );
    expect(await heard(await dialProxy(new URL(`socks5://127.0.0.1:${port}`), "https://server:6443"))).toBe("hello");
    expect([...said[1]!]).toEqual([5, 1, 0, 3, 6, ...Buffer.from("server"), 6443 >> 8, 6443 & 255]);
  });

  test("a SOCKS5 proxy that wants another way to log in is told of", async () => {
    const port = await listen(
      createTcpServer((socket) => socket.on("data", () => socket.write(Uint8Array.of(5, 255)))),
    );
    await expect(dialProxy(new URL(`socks5://127.0.0.1:${port}`), "https://server")).rejects.toThrow(
      "->server:443: no acceptable authentication methods",
    );
  });
});
