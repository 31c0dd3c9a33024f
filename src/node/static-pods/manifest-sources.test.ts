import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { ManifestSources } from "./manifest-sources.ts";

const manifest = (name: string) =>
  JSON.stringify({ kind: "Pod", metadata: { name }, spec: { containers: [{ name: "main", image: "app:1" }] } });

test("a URL is asked with its headers; a page that fails keeps the pods, an empty one ends them", async () => {
  const page = { status: 503, text: "not yet" };
  const headers: unknown[] = [];
  const server = createServer((request, answer) => {
    headers.push(request.headers["x-node"]);
    answer.statusCode = page.status;
    answer.end(page.text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const told: { readonly names: readonly string[]; readonly complete: boolean }[] = [];
  await using sources = new ManifestSources({
    settings: {
      fileCheckEvery: 1000,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/pods`,
      urlHeaders: { "x-node": "one" },
      urlCheckEvery: 10,
    },
    nodeName: "node-1",
    clock: systemClock,
    log: silentLog,
    onPods: (pods, complete) => told.push({ names: pods.map(({ metadata }) => metadata.name), complete }),
  });
  await sources.start();
  const asked = async (times: number) => {
    const wanted = headers.length + times;
    await expect.poll(() => headers.length >= wanted, { timeout: 20_000 }).toBe(true);
  };
  await asked(2);
  // Nobody may be taken for a stranger while it is not known who is wanted.
  expect(told).toEqual([{ names: [], complete: false }]);
  Object.assign(page, { status: 200, text: manifest("web") });
  await expect.poll(() => told.at(-1), { timeout: 20_000 }).toEqual({ names: ["web-node-1"], complete: true });
  Object.assign(page, { status: 500, text: "broken" });
  await asked(3);
  expect(told.at(-1)?.names).toEqual(["web-node-1"]);
  Object.assign(page, { status: 200, text: "" });
  await expect.poll(() => told.at(-1)?.names, { timeout: 20_000 }).toEqual([]);
  expect(new Set(headers)).toEqual(new Set(["one"]));
});
