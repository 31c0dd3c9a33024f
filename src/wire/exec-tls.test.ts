import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { beforeAll, describe, expect, test } from "vitest";
import { faultCode } from "../lib/fault.ts";
import { type CertificatePair, selfSigned } from "./certificate-fixture.ts";
import { connectExec, connectExecWebSocket } from "./exec-client.ts";
import { acceptExec } from "./exec-server.ts";
import { drainInto, readText } from "./pump.ts";

let server: CertificatePair;
let client: CertificatePair;
beforeAll(async () => {
  server = await selfSigned("CN=server");
  client = await selfSigned("CN=jane");
});

async function serve(): Promise<AsyncDisposable & { readonly url: string }> {
  const https = createServer({ ...server, ca: client.cert, requestCert: true, rejectUnauthorized: true });
  https.on("upgrade", (req, socket, head) => {
    void acceptExec(req, socket, head, { stdin: true, stdout: true }).then(async (session) => {
      session.stdout?.write(`${(socket as TLSSocket).getPeerCertificate().subject.CN}: `);
      await drainInto(session.stdin!, session.stdout!);
      await session.exit({ kind: "exited", code: 0 });
    });
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  return {
    url: `https://127.0.0.1:${(https.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      https.closeAllConnections();
      https.close();
      await once(https, "close");
    },
  };
}

describe.each([
  { form: "SPDY", run: connectExec },
  { form: "WebSocket", run: connectExecWebSocket },
])("exec over TLS and $form", ({ run }) => {
  test("a client with a certificate reaches a server that it trusts", async () => {
    await using https = await serve();
    const stdout = new PassThrough();
    const said = readText(stdout, 100);
    const tls = { ca: [server.cert], ...client };
    await run({ url: https.url, tls }, { stdin: Readable.from([Buffer.from("hello")]), stdout });
    stdout.end();
    expect(await said).toBe("jane: hello");
  });

  test("a server that is not trusted is a fault", async () => {
    await using https = await serve();
    const running = run({ url: https.url, tls: client }, { stdout: new PassThrough() });
    expect(await running.then(String, faultCode)).toBe("unavailable");
  });
});
