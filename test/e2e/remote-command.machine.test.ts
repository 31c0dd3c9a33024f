import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, busyboxImage, pauseImage } from "../../src/images/build.ts";
import { loadAll } from "../../src/images/catalogue.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { faultCode } from "../../src/lib/fault.ts";
import { PrivateContainerd } from "../../src/node/runtime/containerd.ts";
import { openCriRuntime } from "../../src/node/runtime/cri.ts";
import type { ContainerConfig, ContainerRuntime, SandboxConfig } from "../../src/node/runtime/runtime.ts";
import { connectExec, connectExecWebSocket } from "../../src/wire/exec-client.ts";
import { acceptExec, streamSelection } from "../../src/wire/exec-server.ts";
import { connectPortForward, connectPortForwardTunnel } from "../../src/wire/port-forward-client.ts";
import { acceptPortForward } from "../../src/wire/port-forward-server.ts";
import { join as joinStreams, readText } from "../../src/wire/pump.ts";
import type { TerminalSize } from "../../src/wire/remote-command.ts";
import { upgradeRefusal } from "../../src/wire/upgrade-client.ts";
import { serveUpgrades } from "../../src/wire/upgrade-fixture.ts";

/* Needs root, containerd and busybox-static. What it makes has a name that begins with `nvwire`. */

const echo = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.pipe(socket);
});
const echoPort = () => (echo.address() as AddressInfo).port;
let directory = "";
let containerd: PrivateContainerd;
let runtime: ContainerRuntime;
let sandboxId = "";
let containerId = "";

const sandbox: SandboxConfig = {
  metadata: { name: "streams", uid: "uid-streams", namespace: "default", attempt: 0 },
  labels: {},
  annotations: {},
  cgroupParent: "/nvwire-streams",
  security: { namespaces: { network: "node", pid: "container", ipc: "pod" } },
};

async function start(name: string, script: string, extra: Partial<ContainerConfig> = {}): Promise<string> {
  const id = await runtime.createContainer(
    sandboxId,
    {
      metadata: { name, attempt: 0 },
      image: busyboxImage.name,
      command: ["sh", "-c", script],
      labels: {},
      annotations: {},
      ...extra,
    },
    sandbox,
  );
  await runtime.startContainer(id);
  return id;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "nvwire-"));
  // The sandbox uses the machine's own network, so its ports are those of loopback and no plugin is needed.
  const cniConfDir = `${directory}/net.d`;
  await mkdir(cniConfDir);
  containerd = new PrivateContainerd({ directory, clock: systemClock, sandboxImage: pauseImage.name, cniConfDir });
  await containerd.start();
  const cache = { cacheDir: join(tmpdir(), "nvwire-images") };
  const images = [await buildImage(pauseImage, cache), await buildImage(busyboxImage, cache)];
  await loadAll(images, { address: containerd.endpoint });
  runtime = openCriRuntime({ endpoint: containerd.endpoint, clock: systemClock });
  sandboxId = await runtime.runSandbox(sandbox);
  containerId = await start("main", "sleep 10000");
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
}, 120_000);

afterAll(async () => {
  if (sandboxId) await runtime.removeSandbox(sandboxId);
  await runtime?.[Symbol.asyncDispose]();
  await containerd?.stop({ purge: true });
  echo.close();
  for (const hierarchy of await readdir("/sys/fs/cgroup")) {
    await rmdir(`/sys/fs/cgroup/${hierarchy}/nvwire-streams`).catch(() => {});
  }
  await rmdir("/sys/fs/cgroup/nvwire-streams").catch(() => {});
  await rm(directory, { recursive: true, force: true });
  await rm(join(tmpdir(), "nvwire-images"), { recursive: true, force: true });
}, 120_000);

function sink(): { readonly stream: Writable; readonly bytes: () => Buffer } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(chunks) };
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}

function pieces(bytes: Buffer): Readable {
  const count = Math.ceil(bytes.length / 65536);
  return Readable.from(Array.from({ length: count }, (_, at) => bytes.subarray(at * 65536, (at + 1) * 65536)));
}

describe("a container runtime's streaming server", () => {
  test("exec gives output, errors and the exit code", async () => {
    const command = ["sh", "-c", "echo out; echo err >&2; exit 5"];
    const url = await runtime.execUrl(containerId, command, { stdout: true, stderr: true });
    const [stdout, stderr] = [sink(), sink()];
    const status = await connectExec({ url }, { stdout: stdout.stream, stderr: stderr.stream });
    expect([status, String(stdout.bytes()), String(stderr.bytes())]).toEqual([
      { kind: "exited", code: 5 },
      "out\n",
      "err\n",
    ]);
  });

  test("exec half-closes stdin and carries ten megabytes there and back", async () => {
    const url = await runtime.execUrl(containerId, ["cat"], { stdin: true, stdout: true });
    const sent = pattern(10 * 1024 * 1024);
    const stdout = sink();
    const status = await connectExec({ url }, { stdin: pieces(sent), stdout: stdout.stream });
    expect([status, hash(stdout.bytes())]).toEqual([{ kind: "exited", code: 0 }, hash(sent)]);
  });

  test("output of a command that ends at once is never cut short", async () => {
    const lengths: number[] = [];
    for (let round = 0; round < 10; round++) {
      const url = await runtime.execUrl(containerId, ["head", "-c", "1000000", "/dev/zero"], { stdout: true });
      const stdout = sink();
      await connectExec({ url }, { stdout: stdout.stream });
      lengths.push(stdout.bytes().length);
    }
    expect(new Set(lengths)).toEqual(new Set([1_000_000]));
  });

  test("a terminal learns its size", async () => {
    const script = "until [ \"$(stty size)\" = '41 132' ]; do sleep 0.05; done; stty size";
    const url = await runtime.execUrl(containerId, ["sh", "-c", script], { stdin: true, stdout: true, tty: true });
    async function* resize(): AsyncGenerator<TerminalSize> {
      yield { width: 132, height: 41 };
    }
    const stdout = sink();
    const streams = { stdin: new PassThrough(), stdout: stdout.stream, tty: true, resize: resize() };
    expect(await connectExec({ url }, streams)).toEqual({ kind: "exited", code: 0 });
    expect(String(stdout.bytes())).toContain("41 132");
  });

  test("a command that does not exist is a failure in words", async () => {
    const url = await runtime.execUrl(containerId, ["/no/such/program"], { stdout: true });
    const status = await connectExec({ url }, { stdout: sink().stream });
    expect(status.kind === "failed" || status.code !== 0).toBe(true);
  });

  test("a URL that was used up is refused", async () => {
    const url = await runtime.execUrl(containerId, ["true"], { stdout: true });
    await connectExec({ url }, { stdout: sink().stream });
    const error = await connectExec({ url }, { stdout: sink().stream }).then(String, (fault: unknown) => fault);
    expect([faultCode(error), upgradeRefusal(error)?.status]).toEqual(["unavailable", 404]);
  });

  test("attach talks to the container's own process", async () => {
    const id = await start("reader", 'read line; echo "read: $line"; sleep 1; exit 0', {
      stdin: true,
      stdinOnce: true,
    });
    const url = await runtime.attachUrl(id, { stdin: true, stdout: true });
    const stdout = sink();
    const stdin = new PassThrough();
    stdin.write("hello\n");
    await connectExec({ url }, { stdin, stdout: stdout.stream });
    expect(String(stdout.bytes())).toBe("read: hello\n");
  });

  test("port-forward carries connections side by side, and reports those that fail", async () => {
    const client = await connectPortForward({ url: await runtime.portForwardUrl(sandboxId, [echoPort(), 1]) });
    const sent = pattern(300_000);
    const echoed = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { data } = await client.open(echoPort());
        const chunks: Buffer[] = [];
        let left = sent.length;
        const all = Promise.withResolvers<void>();
        data.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          left -= chunk.length;
          if (left === 0) all.resolve();
        });
        data.write(sent);
        await all.promise;
        data.end();
        return hash(Buffer.concat(chunks));
      }),
    );
    expect(new Set(echoed)).toEqual(new Set([hash(sent)]));
    const refused = await client.open(1);
    expect(await refused.failure).toMatch(/connection refused|failed to/);
    await client.close();
  });

  test("a session of today's client can be passed on to it", async () => {
    await using node = await serveUpgrades(async (req, socket, head) => {
      const { pathname, searchParams } = new URL(req.url ?? "", "http://host");
      if (pathname === "/portforward") {
        await acceptPortForward(req, socket, head, async ({ port, data, signal }) => {
          const next = await connectPortForward({ url: await runtime.portForwardUrl(sandboxId, [port]), signal });
          const { data: further, failure } = await next.open(port);
          await joinStreams(data, further);
          await failure.catch(() => {});
          await next.close();
        });
        return;
      }
      const wanted = streamSelection(searchParams);
      const { stdin, stdout, stderr, resize, signal, exit } = await acceptExec(req, socket, head, wanted);
      const url = await runtime.execUrl(containerId, searchParams.getAll("command"), wanted);
      await exit(await connectExec({ url, signal }, { stdin, stdout, stderr, resize }));
    });
    const sent = pattern(5 * 1024 * 1024);
    const stdout = sink();
    const url = `${node.url}/exec?command=sh&command=-c&command=cat;exit 6&stdin=1&stdout=1`;
    const status = await connectExecWebSocket({ url }, { stdin: pieces(sent), stdout: stdout.stream });
    expect([status, hash(stdout.bytes())]).toEqual([{ kind: "exited", code: 6 }, hash(sent)]);

    const client = await connectPortForwardTunnel({ url: `${node.url}/portforward` });
    const { data } = await client.open(echoPort());
    data.end("through everything");
    expect(await readText(data, 100)).toBe("through everything");
    await client.close();
  });
});
