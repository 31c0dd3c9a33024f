import { type ClientHttp2Session, connect } from "node:http2";
import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import { beforeAll, expect, test } from "vitest";
import { type CertificatePair, selfSigned } from "./certificate-fixture.ts";
import { type HttpHandler, openHttpServer } from "./http-server.ts";

let server: CertificatePair;
let known: CertificatePair;
let stranger: CertificatePair;
beforeAll(async () => {
  [server, known, stranger] = await Promise.all([
    selfSigned("CN=server"),
    selfSigned("CN=alice, O=devs"),
    selfSigned("CN=root"),
  ]);
});

const whoami: HttpHandler = async ({ peer }) => ({
  status: 200,
  body: peer.certificate ? String(peer.certificate.subject.CN) : "nobody",
});

const open = (handle: HttpHandler) =>
  openHttpServer({ host: "127.0.0.1", port: 0, tls: { ...server, clientCa: known.cert }, handle });

async function askH2(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ":path": path });
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}

const askH1 = (port: number, client: Partial<CertificatePair>): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, ca: server.cert, ...client }, async (response) => {
      let text = "";
      for await (const part of response) text += String(part);
      resolve(`${response.httpVersion} ${text}`);
    });
    asked.on("error", reject);
    asked.end();
  });

test.each([
  ["nobody without a certificate", () => ({}), "nobody"],
  ["its owner with one of the authority", () => known, "alice"],
  ["nobody with a stranger's", () => stranger, "nobody"],
])("a client is %s, in both versions of HTTP", async (_, client, name) => {
  await using listener = await open(whoami);
  expect(await askH1(listener.port, client())).toBe(`1.1 ${name}`);
  const session = connect(`https://127.0.0.1:${listener.port}`, { ca: server.cert, ...client() });
  expect(await askH2(session, "/")).toBe(name);
  session.close();
});

test("four hundred streams with something to say share one connection", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let opened = 0;
  await using listener = await open(async () => ({
    status: 200,
    body: (async function* () {
      opened += 1;
      if (opened === 400) release();
      yield Buffer.alloc(60_000);
      await released;
      yield Buffer.from("end");
    })(),
  }));
  const session = connect(`https://127.0.0.1:${listener.port}`, { ca: server.cert });
  const answers = await Promise.all(Array.from({ length: 400 }, () => askH2(session, "/")));
  expect(answers.every((text) => text.endsWith("end"))).toBe(true);
  session.close();
});

test.each([
  { what: "TLS 1.1", options: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } },
  { what: "a cipher without forward secrecy", options: { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" } },
  {
    what: "a cipher that is not authenticated",
    options: { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA" },
  },
] as const)("no connection comes about with $what", async ({ options }) => {
  await using listener = await open(whoami);
  const socket = connectTls({ host: "127.0.0.1", port: listener.port, ca: server.cert, ...options });
  const outcome = await new Promise<string>((resolve) => {
    socket.once("secureConnect", () => resolve("connected"));
    socket.once("error", () => resolve("refused"));
  });
  socket.destroy();
  expect(outcome).toBe("refused");
});
