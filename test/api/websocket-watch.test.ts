import { once } from "node:events";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { startLiveServer } from "./tools/live-server.ts";
import { until } from "./tools/until.ts";

/* A browser can follow a list only by a WebSocket that carries its credentials. */

test.each([
  "",
  "base64.binary.k8s.io",
])("a watch by a WebSocket of protocol %j tells each event as a text", async (protocol) => {
  await using server = await startLiveServer();
  const config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const options: { [name: string]: unknown } = {};
  await config.applyToHTTPSOptions(options);
  const path = "/api/v1/namespaces/default/configmaps?watch=true&labelSelector=followed";
  const url = `${server.url.replace("http", "ws")}${path}`;
  const ws = new WebSocket(url, protocol ? [protocol] : [], options);
  const told: string[] = [];
  ws.on("message", (data: Buffer, binary: boolean) => {
    const { type, object } = JSON.parse(data.toString()) as { type: string; object: { metadata: { name: string } } };
    told.push(`${binary ? "bytes" : "text"}: ${type} ${object.metadata.name}`);
  });
  await once(ws, "open");
  const labels = { followed: "yes" };
  await core.createNamespacedConfigMap({ namespace: "default", body: { metadata: { name: "one", labels } } });
  await core.deleteNamespacedConfigMap({ namespace: "default", name: "one" });
  await until("both events are told", () => told.length === 2 || undefined);
  expect(told).toEqual(["text: ADDED one", "text: DELETED one"]);
  ws.close();
  await once(ws, "close");
});

test("a WebSocket of a stranger is refused before it opens", async () => {
  await using server = await startLiveServer();
  const ws = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/pods?watch=true`, [], { ca: server.ca });
  const [, response] = (await once(ws, "unexpected-response")) as [unknown, { readonly statusCode: number }];
  expect(response.statusCode).toBe(401);
  // Ended before it was open, which ws tells as an error.
  const failed = once(ws, "error");
  ws.terminate();
  await failed;
});
