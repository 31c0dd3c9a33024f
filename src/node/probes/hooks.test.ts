import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { LifecycleHandler } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { dawn, observedOf, sampleContainer, samplePod } from "../testing/samples.ts";
import { createHooks } from "./hooks.ts";

function openHooks(answer: { readonly exitCode: number; readonly said?: string } = { exitCode: 0 }) {
  const clock = new VirtualClock(dawn);
  const commands: (readonly string[])[] = [];
  const runtime = {
    execSync: async (_id: string, command: readonly string[]) => {
      commands.push(command);
      return { exitCode: answer.exitCode, stdout: Buffer.from(answer.said ?? ""), stderr: new Uint8Array() };
    },
  } as unknown as ContainerRuntime;
  const told: string[] = [];
  const events: EventRecorder = {
    record: (_, type, reason, message) => void told.push(`${type} ${reason} ${message}`),
    flush: async () => {},
  };
  const hooks = createHooks({ runtime, clock, events });
  const stop = new AbortController();
  const pod = samplePod({ containers: [sampleContainer({ ports: [{ name: "web", containerPort: 1 }] })] });
  const run = (hook: LifecycleHandler, podIP?: string) =>
    hooks.run(pod, observedOf("main", "running"), hook, podIP, stop.signal);
  return { clock, commands, told, run, stop };
}

/** A server that always answers so, and what it was asked. */
async function serve(status: number) {
  const asked: object[] = [];
  const server = createServer(({ url, headers }, response) => {
    const { "user-agent": agent, authorization, "x-why": why } = headers;
    asked.push({ url, agent, ...(authorization ? { authorization } : {}), ...(why ? { "x-why": why } : {}) });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { asked, port: (server.address() as AddressInfo).port };
}

const place = 'for Container "main" in Pod "web_default(uid-web)" failed';

test("a command of a hook is run, and its failure told with what it said", async () => {
  const { commands, run } = openHooks();
  await run({ exec: { command: ["touch", "/x"] } });
  expect(commands).toEqual([["touch", "/x"]]);
  const failing = openHooks({ exitCode: 3, said: "no room" }).run({ exec: { command: ["touch", "/x"] } });
  const error = "error: command 'touch /x' exited with 3";
  await expect(failing).rejects.toThrow(`Exec lifecycle hook ([touch /x]) ${place} - ${error}, message: "no room"`);
});

test("a hook's call needs an answer, whichever, and somebody who gives it", async () => {
  const { asked, port } = await serve(500);
  await openHooks().run({ httpGet: { path: "/stop?now", port } }, "127.0.0.1");
  expect(asked).toEqual([{ url: "/stop?now", agent: "kube-lifecycle/1.35" }]);
  const refused = openHooks().run({ httpGet: { path: "/stop", port: 1 } }, "127.0.0.1");
  await expect(refused).rejects.toThrow(`HTTP lifecycle hook (/stop) ${place} - error: `);
  const nowhere = openHooks().run({ httpGet: { path: "/stop", port } });
  await expect(nowhere).rejects.toThrow("failed to find networking container");
});

test("a hook that is to be called by HTTPS of a server that has none is called in plain, without what is secret", async () => {
  const { asked, port } = await serve(200);
  const { run, told } = openHooks();
  const httpHeaders = [
    { name: "authorization", value: "Bearer secret" },
    { name: "x-why", value: "end" },
  ];
  await run({ httpGet: { path: "/stop", port, scheme: "HTTPS", httpHeaders } }, "127.0.0.1");
  expect(asked).toEqual([{ url: "/stop", agent: "kube-lifecycle/1.35", "x-why": "end" }]);
  const text = `request to HTTPS lifecycle hook 127.0.0.1:${port} got HTTP response, retry with HTTP succeeded`;
  expect(told).toEqual([`Warning LifecycleHTTPFallback ${text}`]);
});

test("a pause lasts as long as it says, or until there is no more time", async () => {
  const { clock, run, stop } = openHooks();
  onTestFinished(() => stop.abort());
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  let over = 0;
  const begin = () => void run({ sleep: { seconds: 5 } }).then(() => over++);
  begin();
  await clock.pass(4999, settled);
  expect(over).toBe(0);
  await clock.pass(1, settled);
  expect(over).toBe(1);
  begin();
  stop.abort();
  await settled();
  expect(over).toBe(2);
});
