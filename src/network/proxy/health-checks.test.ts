import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { HealthCheckServers, healthAnswer } from "./health-checks.ts";

const check = (port: number, localEndpoints: number) => ({ port, namespace: "ns", name: "svc", localEndpoints });

test.each([
  [2, 200],
  [0, 503],
])("a balancer is told of %i endpoints by status %i", (localEndpoints, status) => {
  const answer = healthAnswer(check(1, localEndpoints));
  expect(answer).toMatchObject({ status, headers: { "X-Load-Balancing-Endpoint-Weight": String(localEndpoints) } });
  expect(JSON.parse(answer.body)).toEqual({
    ...{ service: { namespace: "ns", name: "svc" }, localEndpoints, serviceProxyHealthy: true },
  });
});

test("a port is open while a family asks for it, and answers what the family with endpoints says", async () => {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await using servers = new HealthCheckServers(silentLog);
  const status = () =>
    fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } }).then(
      (answer) => answer.status,
      () => "closed",
    );
  const becomes = async (wanted: number | string) => {
    while ((await status()) !== wanted) await new Promise((resolve) => setImmediate(resolve));
  };
  servers.update("IPv4", [check(port, 0)]);
  await becomes(503);
  servers.update("IPv6", [check(port, 1)]);
  await becomes(200);
  servers.update("IPv6", []);
  await becomes(503);
  servers.update("IPv4", []);
  await becomes("closed");
});
