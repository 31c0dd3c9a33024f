import { PassThrough } from "node:stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Pod, PodSpec } from "../../api/generated/core-v1.ts";
import { errorMessage, faultCode } from "../../lib/fault.ts";
import { connectExec } from "../../wire/exec-client.ts";
import { acceptExec, streamSelection } from "../../wire/exec-server.ts";
import { connectPortForward } from "../../wire/port-forward-client.ts";
import { acceptPortForward } from "../../wire/port-forward-server.ts";
import { readText } from "../../wire/pump.ts";
import { serveUpgrades } from "../../wire/upgrade-fixture.ts";
import type { ObservedContainer } from "../pods/observed.ts";
import { runtimeLabels } from "../runtime/labels.ts";
import type { ContainerRuntime, SandboxStatus, StreamOptions } from "../runtime/runtime.ts";
import { observedOf, sampleContainer, samplePod, sandboxOf } from "../testing/samples.ts";
import { serveStream } from "./streams.ts";

interface Given {
  readonly pod?: Pod;
  readonly containers?: readonly ObservedContainer[];
  readonly sandboxes?: readonly SandboxStatus[];
}

/**
 * A node whose runtime answers every command with what it heard and code 7, and every forwarded port with its number and
 * what it was told.
 */
async function openNode({ pod = samplePod(), containers = [running], sandboxes = [sandboxOf()] }: Given = {}) {
  const asked: unknown[] = [];
  const streaming = await serveUpgrades(async (request, socket, head) => {
    const url = new URL(request.url ?? "/", "http://runtime");
    if (url.pathname === "/port") {
      await acceptPortForward(request, socket, head, async ({ port, data }) => {
        if (port === 81) throw new Error("nothing listens");
        data.write(`${port}: ${await readText(data, 1000)}`);
      });
      return;
    }
    const session = await acceptExec(request, socket, head, streamSelection(url.searchParams));
    session.stderr?.write("aside");
    session.stdout?.write(`heard ${session.stdin ? await readText(session.stdin, 1000) : "nothing"}`);
    await session.exit({ kind: "exited", code: 7 });
  });
  const urlFor = (what: string, id: string, streams: StreamOptions) => {
    asked.push([what, id, streams]);
    const query = Object.entries(streams).flatMap(([name, wanted]) => (wanted ? [`${name}=true`] : []));
    return `${streaming.url}/command?${query.join("&")}`;
  };
  const runtime = {
    listSandboxes: async () => sandboxes,
    sandboxStatus: async (id: string) => sandboxes.find((each) => each.id === id),
    listContainers: async () => containers,
    containerStatus: async (id: string) => containers.find((each) => each.id === id),
    execUrl: async (id: string, command: readonly string[], streams: StreamOptions) =>
      urlFor(command.join(" "), id, streams),
    attachUrl: async (id: string, streams: StreamOptions) => urlFor("attach", id, streams),
    portForwardUrl: async () => `${streaming.url}/port`,
  } as unknown as ContainerRuntime;
  const refused: string[] = [];
  const node = await serveUpgrades(async (request, socket, head) => {
    const url = new URL(request.url ?? "/", "http://node");
    try {
      await serveStream(request, socket, head, url, { runtime, pods: () => [pod] });
    } catch (error) {
      refused.push(`${faultCode(error)}: ${errorMessage(error)}`);
      throw error;
    }
  });
  onTestFinished(async () => {
    await node[Symbol.asyncDispose]();
    await streaming[Symbol.asyncDispose]();
  });
  return { url: node.url, asked, refused };
}

const labelled = (container: ObservedContainer): ObservedContainer => ({
  ...container,
  labels: { [runtimeLabels.podUid]: "uid-web", [runtimeLabels.containerName]: container.name },
});
const running = labelled(observedOf("main", "running", { restartCount: 1 }));
const before = labelled(observedOf("main", "exited"));
const ttyPod = (spec: Partial<PodSpec> = {}) => samplePod({ containers: [sampleContainer({ tty: true })], ...spec });

async function command(
  url: string,
  streams: { readonly stdin?: string; readonly tty?: boolean; readonly err?: boolean },
) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = streams.stdin === undefined ? undefined : new PassThrough();
  stdin?.end(streams.stdin);
  const { tty = false, err = false } = streams;
  const exit = await connectExec({ url }, { stdout, tty, ...(stdin ? { stdin } : {}), ...(err ? { stderr } : {}) });
  return { exit, out: String(stdout.read() ?? ""), err: String(stderr.read() ?? "") };
}

describe("a command", () => {
  test("runs in the newest container of the name, with the streams that were asked for", async () => {
    const { url, asked } = await openNode({ containers: [before, running] });
    const query = "command=echo&command=hi&input=1&output=1&error=1";
    const ran = await command(`${url}/exec/default/web/main?${query}`, { stdin: "you", err: true });
    expect(ran).toEqual({ exit: { kind: "exited", code: 7 }, out: "heard you", err: "aside" });
    expect(asked).toEqual([["echo hi", running.id, { tty: false, stdin: true, stdout: true, stderr: true }]]);
  });

  test("on a terminal has one output", async () => {
    const { url, asked } = await openNode();
    const ran = await command(`${url}/exec/default/web/main?command=sh&output=1&error=1&tty=1`, { tty: true });
    expect(ran.out).toBe("heard nothing");
    expect(asked).toEqual([["sh", running.id, { tty: true, stdin: false, stdout: true, stderr: false }]]);
  });

  test("may be asked for with the pod's uid in front of the container", async () => {
    const { url } = await openNode();
    const ran = await command(`${url}/exec/default/web/uid-web/main?command=sh&output=1`, {});
    expect(ran.exit).toEqual({ kind: "exited", code: 7 });
  });

  test.each([
    { path: "exec/default/other/main", says: 'missing: pod "other" not found' },
    { path: "exec/default/web/side", says: 'missing: container not found ("side")' },
    { path: "nothing/default/web/main", says: "missing: 404 page not found" },
  ])("at $path is refused", async ({ path, says }) => {
    const { url, refused } = await openNode();
    await expect(command(`${url}/${path}?command=sh&output=1`, {})).rejects.toThrow();
    expect(refused).toEqual([says]);
  });
});

describe("attaching", () => {
  test.each([
    { name: "without a terminal", pod: samplePod(), tty: false },
    { name: "with a terminal", pod: ttyPod(), tty: true },
    {
      name: "of an init container",
      pod: ttyPod({ containers: [], initContainers: ttyPod().spec.containers }),
      tty: true,
    },
  ])("follows the container, not the caller: one $name", async ({ pod, tty }) => {
    const { url, asked } = await openNode({ pod });
    await command(`${url}/attach/default/web/main?output=1&error=1${tty ? "" : "&tty=1"}`, { tty: !tty, err: tty });
    expect(asked).toEqual([["attach", running.id, { tty, stdin: false, stdout: true, stderr: false }]]);
  });
});

describe("a forwarded port", () => {
  test("carries both ways, and says what is wrong with another", async () => {
    const { url } = await openNode();
    const client = await connectPortForward({ url: `${url}/portForward/default/web` });
    const [good, bad] = [await client.open(80), await client.open(81)];
    good.data.end("hello");
    expect(await readText(good.data, 1000)).toBe("80: hello");
    expect(await good.failure).toBeUndefined();
    expect(await bad.failure).toContain("nothing listens");
    await client.close();
  });

  test("of a pod without a sandbox is refused", async () => {
    const { url, refused } = await openNode({ sandboxes: [sandboxOf({ state: "notReady" })] });
    await expect(connectPortForward({ url: `${url}/portForward/default/web` })).rejects.toThrow();
    expect(refused).toEqual(['missing: pod "web" has no sandbox']);
  });
});
