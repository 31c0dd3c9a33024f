import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { LifecycleHandler } from "../../api/generated/core-v1.ts";
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
  const hooks = createHooks({ runtime, clock });
  const stop = new AbortController();
  const pod = samplePod({ containers: [sampleContainer({ ports: [{ name: "web", containerPort: 1 }] })] });
  const run = (hook: LifecycleHandler, podIP?: string) =>
    hooks.run(pod, observedOf("main", "running"), hook, podIP, stop.signal);
  return { clock, commands, run, stop };
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
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  await openHooks().run({ httpGet: { path: "/stop?now", port } }, "127.0.0.1");
  expect(asked).toEqual(["/stop?now"]);
  const refused = openHooks().run({ httpGet: { path: "/stop", port: 1 } }, "127.0.0.1");
  await expect(refused).rejects.toThrow(`HTTP lifecycle hook (/stop) ${place} - error: `);
  const nowhere = openHooks().run({ httpGet: { path: "/stop", port } });
  await expect(nowhere).rejects.toThrow("failed to find networking container");
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
