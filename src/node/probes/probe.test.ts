import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Probe } from "../../api/generated/core-v1.ts";
import { Fault } from "../../lib/fault.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { sampleContainer } from "../testing/samples.ts";
import { probeOnce } from "./probe.ts";

const ask = (probe: Probe, runtime: Partial<ContainerRuntime> = {}, container = sampleContainer()) =>
  probeOnce(probe, { container, containerId: "c1", podIP: "127.0.0.1", runtime: runtime as ContainerRuntime });

describe("a command", () => {
  const exec = { command: ["cat", "/healthy"] };
  const saying = (exitCode: number) => ({
    execSync: async () => ({ exitCode, stdout: Buffer.from("out "), stderr: Buffer.from("err") }),
  });

  test("says by how it ends, and all that it writes is told", async () => {
    expect(await ask({ exec }, saying(0))).toEqual({ healthy: true, output: "out err" });
    expect(await ask({ exec }, saying(1))).toEqual({ healthy: false, output: "out err" });
  });

  test("that takes too long has failed, and so has one that cannot be run", async () => {
    const asked: unknown[] = [];
    const failing = (fault: Fault): Partial<ContainerRuntime> => ({
      execSync: async (...args) => {
        asked.push(args);
        throw fault;
      },
    });
    expect(await ask({ exec, timeoutSeconds: 3 }, failing(new Fault("timeout", "late")))).toEqual({
      healthy: false,
      output: 'command timed out: "cat /healthy" timed out after 3s',
    });
    expect(asked).toEqual([["c1", exec.command, { timeoutSeconds: 3 }]]);
    expect(await ask({ exec }, failing(new Fault("internal", "no such file")))).toMatchObject({ healthy: false });
  });
});

test.each([
  { status: 200, healthy: true, output: "said" },
  { status: 302, healthy: true, warning: "Probe terminated redirects, Response body: said" },
  { status: 399, healthy: true },
  { status: 400, healthy: false, output: "HTTP probe failed with statuscode: 400" },
  { status: 500, healthy: false, output: "HTTP probe failed with statuscode: 500" },
])("an answer $status by HTTP is one of its health: $healthy", async ({ status: code, ...expected }) => {
  const server = createHttpServer((_, response) => response.writeHead(code).end("said"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await ask({ httpGet: { port }, timeoutSeconds: 10 })).toMatchObject(expected);
});

test("a port that takes connections is healthy, one that nobody listens at or that has no number is not", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const container = sampleContainer({ ports: [{ name: "web", containerPort: port }] });
  const probe = (name: number | string) => ask({ tcpSocket: { port: name }, timeoutSeconds: 10 }, {}, container);
  expect([await probe(port), await probe("web")]).toEqual([
    { healthy: true, output: "" },
    { healthy: true, output: "" },
  ]);
  expect(await probe(1)).toEqual({ healthy: false, output: "dial tcp 127.0.0.1:1: connect: connection refused" });
  expect(await probe("none")).toMatchObject({ healthy: false });
});

describe("a service by gRPC", () => {
  const long = "s".repeat(200);
  /** A server that knows the health of some services; the names it was asked for. */
  const serve = async () => {
    const asked: string[] = [];
    const same = (bytes: Buffer) => bytes;
    const check = ({ request }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      const name = request.subarray(request.length > 129 ? 3 : 2).toString();
      asked.push(name);
      const states: Readonly<Record<string, number>> = { "": 1, ill: 2, [long]: 1 };
      if (name in states) answer(null, Buffer.from([0x08, states[name]!]));
      else answer({ code: status.NOT_FOUND, details: "unknown service" });
    };
    const server = new Server();
    const common = { requestStream: false, responseStream: false, requestSerialize: same, requestDeserialize: same };
    const shape = { ...common, responseSerialize: same, responseDeserialize: same };
    server.addService({ check: { path: "/grpc.health.v1.Health/Check", ...shape } }, { check });
    onTestFinished(() => server.forceShutdown());
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    return {
      asked,
      probe: (service?: string) => ask({ grpc: { port, ...(service ? { service } : {}) }, timeoutSeconds: 10 }),
    };
  };

  test("is asked by its name, and says how it is", async () => {
    const { asked, probe } = await serve();
    expect([await probe(), await probe(long)]).toEqual([
      { healthy: true, output: "" },
      { healthy: true, output: "" },
    ]);
    expect(await probe("ill")).toEqual({
      healthy: false,
      output: 'service unhealthy (responded with "NOT_SERVING")',
    });
    expect(await probe("none")).toMatchObject({ healthy: false, output: expect.stringContaining("unknown service") });
    expect(asked).toEqual(["", long, "ill", "none"]);
  });
});
