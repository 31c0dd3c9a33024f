import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltImage, buildImage, busyboxImage, pauseImage } from "../../images/build.ts";
import { loadAll } from "../../images/catalogue.ts";
import { systemClock } from "../../lib/clock.ts";
import { connectExec } from "../../wire/exec-client.ts";
import { connectPortForward } from "../../wire/port-forward-client.ts";
import { NodeTraces } from "../testing/node-traces.ts";
import { detectCgroups } from "./cgroup-hierarchy.ts";
import { Cgroups } from "./cgroups.ts";
import { PrivateContainerd, type PrivateContainerdOptions } from "./containerd.ts";
import { type ContractRole, runtimeContract } from "./contract.ts";
import { openCriRuntime } from "./cri.ts";
import { diskLogFiles } from "./log-files.ts";
import { readLog } from "./logs.ts";
import type { ContainerConfig, ContainerRuntime, SandboxConfig } from "./runtime.ts";

const run = promisify(execFile);
const prefix = "nvrt";

/** A node's containerd with its own bridge; everything it makes has a name that begins with `nvrt`. */
async function openNode(number: number, extra: Partial<PrivateContainerdOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), `${prefix}-`));
  const cniConfDir = `${directory}/net.d`;
  await mkdir(cniConfDir);
  const bridge = `${prefix}${number}`;
  const ipam = { type: "host-local", ranges: [[{ subnet: `10.251.${number}.0/24` }]], dataDir: `${directory}/ipam` };
  const plugins = [{ type: "bridge", bridge, isGateway: true, ipam: { ...ipam, routes: [{ dst: "0.0.0.0/0" }] } }];
  await writeFile(
    `${cniConfDir}/10-${prefix}.conflist`,
    JSON.stringify({ cniVersion: "0.4.0", name: bridge, plugins }),
  );
  const options = { directory, clock: systemClock, sandboxImage: pauseImage.name, cniConfDir, ...extra };
  const containerd = new PrivateContainerd(options);
  await containerd.start();
  await loadAll(await images(), { address: containerd.endpoint });
  const cgroups = new Cgroups({
    hierarchy: await detectCgroups(),
    clock: systemClock,
    name: `${prefix}-pods-${number}`,
  });
  await cgroups.ensureRoot();
  const runtime = openCriRuntime({ endpoint: containerd.endpoint, clock: systemClock });
  const sandboxNamed = (name: string, extra: Partial<SandboxConfig> = {}): SandboxConfig => ({
    metadata: { name, uid: `uid-${name}`, namespace: "default", attempt: 0 },
    hostname: name,
    labels: { "io.kubernetes.pod.uid": `uid-${name}` },
    annotations: {},
    cgroupParent: cgroups.root,
    ...extra,
  });
  const close = async () => {
    await runtime[Symbol.asyncDispose]();
    await containerd.stop({ purge: true });
    await cgroups.removeAll();
    await run("ip", ["link", "delete", bridge]).catch(() => {});
  };
  const traces = new NodeTraces({
    folder: directory,
    containerd: directory,
    cgroup: cgroups.root.slice(1),
    network: bridge,
    bridge,
    addresses: `${directory}/ipam`,
  });
  return { directory, options, containerd, runtime, cgroups, bridge, traces, sandboxNamed, close };
}

let built: Promise<readonly BuiltImage[]> | undefined;
function images(): Promise<readonly BuiltImage[]> {
  const options = { cacheDir: join(tmpdir(), `${prefix}-images`) };
  built ??= Promise.all([buildImage(pauseImage, options), buildImage(busyboxImage, options)]);
  return built;
}

const commands: Readonly<Record<ContractRole, readonly string[]>> = {
  waits: ["sh", "-c", "trap 'exit 0' TERM; sleep 10000 & wait"],
  stubborn: ["sleep", "10000"],
  prints: ["sh", "-c", "echo out; echo err >&2"],
  fails: ["sh", "-c", "exit 3"],
  cannotStart: ["/no/such/program"],
};

runtimeContract("cri on containerd", async () => {
  const node = await openNode(0);
  return {
    runtime: node.runtime,
    image: busyboxImage.name,
    absentImage: "absent.invalid/absent:1",
    logDirectory: `${node.directory}/logs`,
    cgroupParent: node.cgroups.root,
    as: (role) => ({ command: commands[role] }),
    log: (path) => readFile(path, "utf8"),
    streams: true,
    [Symbol.asyncDispose]: node.close,
  };
});

const shell = (script: string, extra: Partial<ContainerConfig> = {}): ContainerConfig => ({
  metadata: { name: "main", attempt: 0 },
  image: busyboxImage.name,
  command: ["sh", "-c", script],
  labels: {},
  annotations: {},
  ...extra,
});

async function startIn(runtime: ContainerRuntime, sandbox: SandboxConfig, config: ContainerConfig) {
  const sandboxId = await runtime.runSandbox(sandbox);
  const id = await runtime.createContainer(sandboxId, config, sandbox);
  await runtime.startContainer(id);
  return { sandboxId, id };
}

describe("a private containerd", () => {
  let node: Awaited<ReturnType<typeof openNode>>;
  beforeAll(async () => {
    node = await openNode(1);
  });
  afterAll(() => node.close());

  test("refuses what this runtime would silently ignore", async () => {
    const { features } = await node.runtime.status();
    const mapping = [{ hostId: 100_000, containerId: 0, length: 65_536 }];
    const namespaces = {
      network: "pod",
      pid: "container",
      ipc: "pod",
      userNamespace: { uids: mapping, gids: mapping },
    } as const;
    const refused = node.runtime.runSandbox(node.sandboxNamed("userns", { security: { namespaces } }));
    if (!features.userNamespaces) await expect(refused).rejects.toMatchObject({ code: "unsupported" });
    else await node.runtime.removeSandbox(await refused);
  });

  test("puts a pod's processes into the pod's control group and counts them there", async () => {
    const path = await node.cgroups.ensurePod("Burstable", "uid-grouped", {
      cpuShares: 256,
      memory: 128 * 1024 * 1024,
    });
    const sandbox = node.sandboxNamed("grouped", { cgroupParent: path });
    const { sandboxId } = await startIn(node.runtime, sandbox, shell("sleep 1000"));
    expect((await node.cgroups.processes(path)).length).toBeGreaterThanOrEqual(2);
    const usage = (await node.cgroups.usage(path))!;
    expect(usage.memoryBytes).toBeGreaterThan(0);
    expect(usage.memoryLimitBytes).toBe(128 * 1024 * 1024);
    expect((await node.cgroups.listPods()).map(({ uid }) => uid)).toContain("uid-grouped");
    const [stats] = await node.runtime.listSandboxStats({ id: sandboxId });
    expect(stats?.memory?.workingSetBytes).toBeGreaterThan(0);
    expect(stats?.network?.interfaces.map(({ name }) => name)).toContain("eth0");
    await node.runtime.removeSandbox(sandboxId);
    await node.cgroups.remove(path);
    expect(await node.cgroups.usage(path)).toBeUndefined();
  });

  test("shares network, hostname and memory segments among a pod's containers", async () => {
    const sandbox = node.sandboxNamed("shared");
    const { sandboxId, id } = await startIn(node.runtime, sandbox, shell("nc -l -p 7777 -e echo hello; sleep 1000"));
    const second = await node.runtime.createContainer(
      sandboxId,
      shell("sleep 1000", { metadata: { name: "second", attempt: 0 } }),
      sandbox,
    );
    await node.runtime.startContainer(second);
    const { stdout } = await node.runtime.execSync(second, ["sh", "-c", "hostname; nc 127.0.0.1 7777 < /dev/null"]);
    expect(Buffer.from(stdout).toString()).toBe("shared\nhello\n");
    await node.runtime.stopContainer(id, 0);
    await node.runtime.removeSandbox(sandboxId);
  });

  test("streams a command's input and output, and forwards a port", async () => {
    const sandbox = node.sandboxNamed("streamed");
    const serve = "while true; do nc -l -p 7000 -e cat; done";
    const { sandboxId, id } = await startIn(node.runtime, sandbox, shell(serve));
    const stdout = new PassThrough();
    const url = await node.runtime.execUrl(id, ["sh", "-c", "cat; exit 7"], { stdin: true, stdout: true });
    const status = await connectExec({ url }, { stdin: Readable.from([Buffer.from("through the pipe")]), stdout });
    expect(status).toEqual({ kind: "exited", code: 7 });
    expect(stdout.read()?.toString()).toBe("through the pipe");

    const forwarding = await connectPortForward({ url: await node.runtime.portForwardUrl(sandboxId, [7000]) });
    const { data } = await forwarding.open(7000);
    data.write("there and back");
    const [answer] = await once(data, "data");
    expect(String(answer)).toBe("there and back");
    await forwarding.close();
    await node.runtime.removeSandbox(sandboxId);
  });

  test("writes to a new log file after the old one was moved away", async () => {
    const logDirectory = `${node.directory}/logs/rotated`;
    const sandbox = node.sandboxNamed("rotated", { logDirectory });
    const config = shell("i=0; while true; do echo line $i; i=$((i+1)); sleep 0.1; done", { logPath: "main/0.log" });
    const { sandboxId, id } = await startIn(node.runtime, sandbox, config);
    const path = `${logDirectory}/main/0.log`;
    const stop = new AbortController();
    const context = {
      files: diskLogFiles(systemClock),
      clock: systemClock,
      signal: stop.signal,
      running: async () => true,
    };
    let read = "";
    const enough = (async () => {
      for await (const piece of readLog(path, { follow: true }, context)) {
        read += Buffer.from(piece).toString();
        if (read.split("\n").length > 12) break;
      }
    })();
    await expect.poll(() => read).toContain("line 2");
    await rename(path, `${path}.1`);
    await node.runtime.reopenContainerLog(id);
    await enough;
    const lines = read.trimEnd().split("\n");
    expect(lines).toEqual(lines.map((_, index) => `line ${index}`));
    expect((await readFile(path, "utf8")).length).toBeGreaterThan(0);
    await node.runtime.removeSandbox(sandboxId);
  });

  test("survives its agent and is taken over with its containers", async () => {
    const { id, sandboxId } = await startIn(node.runtime, node.sandboxNamed("survivor"), shell("sleep 1000"));
    const before = node.containerd.pid;
    await node.containerd[Symbol.asyncDispose]();
    // Another process starts, and dies without a word.
    const script = `
      import { PrivateContainerd } from ${JSON.stringify(join(import.meta.dirname, "containerd.ts"))};
      import { systemClock } from ${JSON.stringify(join(import.meta.dirname, "../../lib/clock.ts"))};
      const containerd = new PrivateContainerd({ ...${JSON.stringify({ ...node.options, clock: undefined })}, clock: systemClock });
      await containerd.start();
      console.log(containerd.pid);
      setInterval(() => {}, 1000);`;
    const agent = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = await new Promise<string>((resolve) => agent.stdout.once("data", (data) => resolve(String(data))));
    expect(Number(said)).toBe(before);
    agent.kill("SIGKILL");
    // Without the file, it is found by looking.
    await rm(`${node.directory}/containerd.pid`);
    await node.containerd.start();
    expect(node.containerd.pid).toBe(before);
    expect((await node.runtime.containerStatus(id))?.state).toBe("running");
    await node.runtime.removeSandbox(sandboxId);
  });

  test("is started again when it dies; containers go on and events catch up", async () => {
    const stop = new AbortController();
    const events = node.runtime.events(stop.signal)[Symbol.asyncIterator]();
    const { id, sandboxId } = await startIn(node.runtime, node.sandboxNamed("phoenix"), shell("sleep 1000"));
    const before = node.containerd.pid!;
    process.kill(before, "SIGKILL");
    await expect
      .poll(() => node.containerd.pid !== before && node.containerd.pid !== undefined, { timeout: 15_000 })
      .toBe(true);
    await expect
      .poll(
        () =>
          node.runtime.containerStatus(id).then(
            (status) => status?.state,
            () => "unavailable",
          ),
        { timeout: 15_000 },
      )
      .toBe("running");
    await node.runtime.stopContainer(id, 0);
    for (;;) {
      const { value } = await events.next();
      if (value.id === id && value.type === "exited") break;
    }
    stop.abort();
    await node.runtime.removeSandbox(sandboxId);
  });

  test("is started anew by who finds it dying", async () => {
    await node.containerd[Symbol.asyncDispose]();
    const before = node.containerd.pid!;
    process.kill(before, "SIGSTOP");
    const started = node.containerd.start();
    // Stopped, it is found and cannot answer; then it ends under the eyes of who waits for its answer.
    await new Promise((resolve) => setTimeout(resolve, 200));
    process.kill(before, "SIGKILL");
    await started;
    expect(node.containerd.pid).not.toBe(before);
  });

  test("restarts with a changed configuration, keeping containers", async () => {
    const { id, sandboxId } = await startIn(node.runtime, node.sandboxNamed("kept"), shell("sleep 1000"));
    const before = node.containerd.pid;
    await node.containerd[Symbol.asyncDispose]();
    await using changed = new PrivateContainerd({ ...node.options, logLevel: "info" });
    await changed.start();
    expect(changed.pid).not.toBe(before);
    await expect
      .poll(
        () =>
          node.runtime.containerStatus(id).then(
            (status) => status?.state,
            () => "unavailable",
          ),
        { timeout: 15_000 },
      )
      .toBe("running");
    await node.runtime.removeSandbox(sandboxId);
  });
});

describe("what a containerd had begun when it was killed", () => {
  let node: Awaited<ReturnType<typeof openNode>>;
  beforeAll(async () => {
    node = await openNode(4);
  });
  afterAll(() => node.close());

  test("a network that no sandbox has is given back by the next one, others stay", async () => {
    const { id, sandboxId } = await startIn(node.runtime, node.sandboxNamed("stays"), shell("sleep 1000"));
    const before = await node.traces.look();
    await node.containerd[Symbol.asyncDispose]();
    process.kill(node.containerd.pid!, "SIGKILL");
    const nobody = "0123456789abcdef".repeat(4);
    const namespace = `${node.directory}/state/io.containerd.grpc.v1.cri/netns/cni-nobody`;
    await writeFile(`${node.directory}/ipam/${node.bridge}/10.251.4.200`, `${nobody}\r\neth0`);
    await writeFile(namespace, "");
    await run("unshare", [`--net=${namespace}`, "true"]);
    await node.containerd.start();
    expect([...(await node.traces.look())].sort()).toEqual([...before].sort());
    const { stdout } = await node.runtime.execSync(id, ["ip", "-o", "-4", "address", "show", "eth0"]);
    expect(Buffer.from(stdout).toString()).toContain("10.251.4.");
    await node.runtime.removeSandbox(sandboxId);
  });

  test("sandboxes that are removed leave nothing, wherever it was in making them", async () => {
    const before = await node.traces.look();
    const cgroupParent = await node.cgroups.ensurePod("BestEffort", "uid-cut");
    for (const wait of [20, 60, 100, 140, 200, 300]) {
      const making = [0, 1, 2].map((number) =>
        node.runtime.runSandbox(node.sandboxNamed(`cut-${wait}-${number}`, { cgroupParent })).catch(() => undefined),
      );
      await new Promise((resolve) => setTimeout(resolve, wait));
      const killed = node.containerd.pid!;
      process.kill(killed, "SIGKILL");
      await Promise.all(making);
      await expect.poll(() => node.containerd.pid !== killed, { timeout: 30_000 }).toBe(true);
      await expect
        .poll(
          async () => {
            for (const { id } of await node.runtime.listSandboxes()) await node.runtime.removeSandbox(id);
            return "removed";
          },
          { timeout: 30_000 },
        )
        .toBe("removed");
    }
    const left = async () => [...(await node.traces.look())].filter((line) => !before.has(line));
    const ofPod = (line: string) => line.startsWith("control group: ");
    await expect
      .poll(async () => (await left()).filter((line) => !ofPod(line)), { timeout: 60_000, interval: 500 })
      .toEqual([]);
    // An agent takes the pod's group away when it gives the pod back.
    await node.cgroups.remove(cgroupParent);
    expect(await left()).toEqual([]);
  });
});

describe("stopping a private containerd", () => {
  test.each([
    { name: "that runs", kill: false },
    { name: "that has died, with its pods still running", kill: true },
  ])("$name leaves nothing", async ({ kill }) => {
    const node = await openNode(2);
    const parent = await node.cgroups.ensurePod("BestEffort", "uid-left");
    await startIn(node.runtime, node.sandboxNamed("left", { cgroupParent: parent }), shell("sleep 1000"));
    const during = await node.traces.look();
    for (const kind of ["mount", "interface", "control group", "address", "socket", "process", "file"])
      expect([...during].filter((line) => line.startsWith(`${kind}: `)).length, kind).toBeGreaterThan(0);
    if (kill) {
      await node.containerd[Symbol.asyncDispose]();
      process.kill(node.containerd.pid!, "SIGKILL");
    }
    await node.close();
    expect([...(await node.traces.look())]).toEqual([]);
    await expect(readdir(node.directory)).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a containerd in a network namespace", () => {
  test("has its bridge and its pods' interfaces in there", async () => {
    const namespace = `${prefix}-node`;
    await run("ip", ["netns", "add", namespace]);
    try {
      await run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
      const node = await openNode(3, { networkNamespace: `/run/netns/${namespace}` });
      try {
        const { sandboxId } = await startIn(node.runtime, node.sandboxNamed("inside"), shell("sleep 1000"));
        const [ip] = (await node.runtime.sandboxStatus(sandboxId))!.ips;
        const outside = await run("ip", ["-o", "link"]);
        const inside = await run("ip", ["-n", namespace, "-o", "link"]);
        expect(outside.stdout).not.toContain(`${node.bridge}:`);
        expect(inside.stdout).toContain(`${node.bridge}:`);
        await run("nsenter", [`--net=/run/netns/${namespace}`, "busybox", "ping", "-c", "1", "-W", "5", ip!]);
      } finally {
        await node.close();
      }
    } finally {
      await run("ip", ["netns", "delete", namespace]);
    }
  });
});
