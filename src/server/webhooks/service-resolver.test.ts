import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServerFixture, type ServerFixture } from "../server-fixture.ts";
import { registryServices, type ServiceResolver } from "./service-resolver.ts";

let fixture: ServerFixture;
let resolver: ServiceResolver;
beforeAll(async () => {
  fixture = await openServerFixture();
  resolver = registryServices(fixture.server.registry);
});
afterAll(() => fixture[Symbol.asyncDispose]());

const services = "/api/v1/namespaces/default/services";
const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const service = (name: string, spec: object) => [services, { metadata: { name }, spec }] as const;
const slice = (name: string, endpoints: readonly object[]) =>
  [
    slices,
    {
      metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: [{ name: "https", port: 8443 }],
      endpoints,
    },
  ] as const;
const ports = [{ name: "https", port: 443, targetPort: 8443 }];

describe("where a service is reached", () => {
  test("its ready endpoints take turns", async () => {
    await fixture.make(
      service("many", { ports }),
      slice("many", [
        { addresses: ["10.0.0.1"] },
        { addresses: ["10.0.0.2"], conditions: { ready: true } },
        { addresses: ["10.0.0.3"], conditions: { ready: false } },
      ]),
    );
    const found = [await resolver.resolve("default", "many", 443), await resolver.resolve("default", "many", 443)];
    expect(found.map(({ host }) => host).sort()).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(found[0]?.port).toBe(8443);
  });

  test("an external name is reached by that name", async () => {
    await fixture.make(service("outside", { type: "ExternalName", externalName: "hooks.example.com" }));
    expect(await resolver.resolve("default", "outside", 8443)).toEqual({ host: "hooks.example.com", port: 8443 });
  });

  test.each(["127.0.0.1", "169.254.169.254"])("nobody aims a service at %s", async (address) => {
    const [path, body] = slice("aimed", [{ addresses: [address] }]);
    expect((await fixture.call("POST", path, { body })).status).toBe(422);
  });

  test("what leads nowhere says so", async () => {
    await fixture.make(service("empty", { ports }));
    const fault = (name: string, port: number) =>
      resolver.resolve("default", name, port).then(String, (error: Error) => error.message);
    expect(await fault("absent", 443)).toBe('service "absent" not found');
    expect(await fault("empty", 8080)).toBe('no service port 8080 found for service "empty"');
    expect(await fault("empty", 443)).toBe('no endpoints available for service "empty"');
  });
});
