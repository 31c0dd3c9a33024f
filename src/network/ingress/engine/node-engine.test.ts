import { expect, test } from "vitest";
import { selfSigned } from "../../../wire/certificate-fixture.ts";
import { ingressEngineContract } from "../engine.contract.ts";
import { EngineFixture } from "../testing/engine-fixture.ts";
import { planFor, to } from "../testing/objects.ts";

ingressEngineContract(
  "the engine on Node's HTTP",
  async () => {
    const fixture = await EngineFixture.open();
    return {
      engine: fixture.engine,
      backend: (name, dead) => (dead ? fixture.nobody() : fixture.serve((_request, response) => response.end(name))),
      async ask(request) {
        const { status, headers, body } = await fixture.ask(request);
        const { location } = headers;
        return {
          status,
          // Whoever serves HTTPS on its usual port does not say it.
          ...(location ? { location: String(location).replace(`:${fixture.engine.httpsPort}`, "") } : {}),
          ...(status === 200 ? { name: body } : {}),
        };
      },
      shown: (serverName) => fixture.shown(serverName),
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  },
  (commonName) => selfSigned(`CN=${commonName}`),
);

test("every address of the node is answered on, plain and over TLS", async () => {
  const hosts = ["127.0.0.1", "127.0.0.2"];
  await using fixture = await EngineFixture.open({ hosts });
  const target = await fixture.serve((_request, response) => response.end("served"));
  const { table } = planFor({ defaultBackend: to("a") }, { a: [target] });
  fixture.engine.apply({ table, certificates: new Map() });
  for (const at of hosts) {
    for (const secure of [false, true]) expect(await fixture.ask({ at, secure })).toMatchObject({ body: "served" });
  }
});
