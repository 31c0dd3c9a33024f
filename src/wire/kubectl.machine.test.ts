import { Buffer } from "node:buffer";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { acceptExec, streamSelection } from "./exec-server.ts";
import { acceptPortForward } from "./port-forward-server.ts";
import { proxyUpgrade } from "./proxy-upgrade.ts";
import { drainInto, finish, join } from "./pump.ts";
import { serveUpgrades, type UpgradeServer } from "./upgrade-fixture.ts";

const program = process.env.KUBECTL ?? "kubectl";
const present = spawnSync(program, ["version", "--client"]).status === 0;

const pod = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name: "web", namespace: "default", uid: "u" },
  spec: { containers: [{ name: "main", image: "none", stdin: true }] },
  status: { phase: "Running", containerStatuses: [{ name: "main", ready: true, state: { running: {} } }] },
};

const documents: Readonly<Record<string, unknown>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [{ name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get", "list"] }],
  },
  "/api/v1/namespaces/default/pods/web": pod,
};

/** A node whose one container runs real processes, and whose ports are those of loopback. */
async function serveNode(): Promise<UpgradeServer> {
  return await serveUpgrades(async (req, socket, head) => {
    const { pathname, searchParams } = new URL(req.url ?? "", "http://host");
    if (pathname.endsWith("/portforward")) {
      await acceptPortForward(req, socket, head, async ({ port, data }) => {
        const local = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        await once(local, "connect");
        await join(data, local);
      });
      return;
    }
    const session = await acceptExec(req, socket, head, streamSelection(searchParams));
    const [command = "cat", ...args] = searchParams.getAll("command");
    const child = spawn(command, args);
    child.stdin.on("error", () => {});
    if (session.stdin) session.stdin.pipe(child.stdin);
    else child.stdin.end();
    session.signal.addEventListener("abort", () => child.kill());
    const closed = once(child, "close");
    await Promise.all([
      session.stdout && drainInto(child.stdout, session.stdout),
      session.stderr && drainInto(child.stderr, session.stderr),
    ]);
    const [code] = (await closed) as [number | null];
    await session.exit({ kind: "exited", code: code ?? 137 });
  });
}

/** What an API server does for kubectl here: a few documents, and upgrades passed on to the node. */
async function serveApi(node: UpgradeServer): Promise<UpgradeServer> {
  return await serveUpgrades(
    (req, socket, head) =>
      proxyUpgrade(req, socket, head, {
        path: req.url ?? "/",
        connect: async () => connect({ port: node.port, host: "127.0.0.1", allowHalfOpen: true }),
      }),
    (req) => {
      const document = documents[new URL(req.url ?? "", "http://host").pathname];
      return document ? { status: 200, body: JSON.stringify(document) } : { status: 404, body: "{}" };
    },
  );
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function start(server: UpgradeServer, args: readonly string[], env: Record<string, string>): ChildProcess {
  return spawn(program, [`--server=${server.url}`, ...args], {
    env: { PATH: process.env.PATH, HOME: tmpdir(), KUBECONFIG: "/dev/null", ...env },
  });
}

async function kubectl(
  server: UpgradeServer,
  args: readonly string[],
  env: Record<string, string>,
  input?: Buffer,
): Promise<Outcome> {
  const child = start(server, args, env);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return bytes;
}

const forms = [
  { form: "WebSocket", env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "true", KUBECTL_PORT_FORWARD_WEBSOCKETS: "true" } },
  { form: "SPDY", env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" } },
];

describe.skipIf(!present).each(forms)("unmodified kubectl over $form", ({ env }) => {
  test("exec gives output, errors and the exit code", async () => {
    await using node = await serveNode();
    await using api = await serveApi(node);
    const done = await kubectl(api, ["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 5"], env);
    expect(done.stdout.toString()).toBe("out\n");
    expect(done.stderr).toBe("err\ncommand terminated with exit code 5\n");
    expect(done.code).toBe(5);
  });

  test("exec -i sends ten megabytes there and back and sees the end of input", async () => {
    await using node = await serveNode();
    await using api = await serveApi(node);
    const sent = pattern(10 * 1024 * 1024);
    const done = await kubectl(api, ["exec", "-i", "web", "--", "cat"], env, sent);
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(hash(done.stdout)).toBe(hash(sent));
  });

  test("output of a command that ends at once is never cut short", async () => {
    await using node = await serveNode();
    await using api = await serveApi(node);
    const lengths: number[] = [];
    for (let round = 0; round < 5; round++) {
      const done = await kubectl(api, ["exec", "web", "--", "head", "-c", "3000000", "/dev/zero"], env);
      lengths.push(done.stdout.length);
    }
    expect(lengths).toEqual([3000000, 3000000, 3000000, 3000000, 3000000]);
  });

  test("attach works like exec", async () => {
    await using node = await serveNode();
    await using api = await serveApi(node);
    const done = await kubectl(api, ["attach", "-i", "web"], env, Buffer.from("attached\n"));
    expect(done.stdout.toString()).toContain("attached\n");
    expect(done.code).toBe(0);
  });

  test("port-forward carries connections side by side and reports the ones that fail", async () => {
    const target = createServer({ allowHalfOpen: true }, (socket) => {
      void drainInto(socket, socket).then(() => finish(socket));
    });
    target.listen(0, "127.0.0.1");
    await once(target, "listening");
    const address = target.address();
    const port = typeof address === "object" && address ? address.port : 0;
    await using node = await serveNode();
    await using api = await serveApi(node);
    const child = start(api, ["port-forward", "pod/web", `:${port}`, ":1"], env);
    const locals: number[] = [];
    const complaint = new Promise<string>((resolve) => {
      child.stderr?.on("data", (chunk: Buffer) => resolve(chunk.toString()));
    });
    await new Promise<void>((resolve) => {
      child.stdout?.on("data", (chunk: Buffer) => {
        for (const [, local] of chunk.toString().matchAll(/127\.0\.0\.1:(\d+) ->/g)) locals.push(Number(local));
        if (locals.length === 2) resolve();
      });
    });
    const sent = pattern(1024 * 1024);
    const echoed = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = connect({ port: locals[0]!, host: "127.0.0.1", allowHalfOpen: true });
        socket.end(sent);
        const chunks: Buffer[] = [];
        for await (const chunk of socket) chunks.push(chunk as Buffer);
        return hash(Buffer.concat(chunks));
      }),
    );
    expect(new Set(echoed)).toEqual(new Set([hash(sent)]));
    const refused = connect(locals[1]!, "127.0.0.1");
    refused.on("error", () => {});
    refused.resume();
    expect(await complaint).toContain("ECONNREFUSED");
    child.kill();
    await once(child, "close");
    target.close();
  });
});
