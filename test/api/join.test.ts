import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Node } from "../../src/api/core/node.ts";
import { Secret } from "../../src/api/core/secret.ts";
import type { Client } from "../../src/client/client.ts";
import { type BootstrapToken, joiningGroup, tokenSecret, tokenUsages } from "../../src/cluster/bootstrap-tokens.ts";
import { caHash } from "../../src/cluster/discovery.ts";
import { joinCluster } from "../../src/cluster/join.ts";
import { ensureJoinedCredentials, readJoinedNode } from "../../src/cluster/joined-node.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/* The way into a cluster, over TLS and with its own approval and signing; nothing runs on the machine that joins. */

const token: BootstrapToken = { id: "abcdef", secret: "0123456789abcdef" };
const day = 86_400_000;
let server: LiveServer;
let admin: Client;
beforeAll(async () => {
  server = await startLiveServer({ wishes: { advertiseAddress: "192.0.2.1" } });
  admin = await trusted(server);
});
afterAll(() => server[Symbol.asyncDispose]());

/** The administrator's client, once the cluster knows the token. */
async function trusted({ plane }: LiveServer): Promise<Client> {
  const client = plane.clientFor({ name: "admin", groups: ["system:masters"] });
  await client.create(Secret, tokenSecret(token, { usages: tokenUsages, groups: [joiningGroup] }));
  return client;
}

const joining = (name: string, changes: Partial<Parameters<typeof joinCluster>[0]> = {}) =>
  joinCluster({
    name,
    dataDir: join(server.folder, name),
    runDir: join(server.folder, "run"),
    server: server.url,
    token,
    caHashes: [caHash(server.ca)],
    nodeName: name,
    address: "192.0.2.50",
    kubeletPort: 10250,
    clock: systemClock,
    random: systemRandom,
    note: () => {},
    ...changes,
  });
const subject = (pem: string) => new X509Certificate(pem).subject;

test("a machine gets what a node needs, and keeps its keys to itself", async () => {
  const joined = await joining("far", { zone: "z" });
  expect(joined.settings).toMatchObject({
    name: "far",
    zone: "z",
    server: server.url,
    podRange: server.config.podRange,
    serviceRange: server.config.serviceRange,
    dnsAddress: server.config.dnsAddress,
    backend: "vxlan",
  });
  expect(readJoinedNode(joined.dataDir)).toEqual(joined);
  const { ca, node, kubeletServing } = await ensureJoinedCredentials(joined, tools());
  expect(ca).toBe(server.ca);
  expect(subject(node.cert)).toBe("O=system:nodes\nCN=system:node:far");
  expect(subject(kubeletServing.cert)).toBe("O=system:nodes\nCN=system:node:far");
  expect(new X509Certificate(kubeletServing.cert).subjectAltName).toBe("DNS:far, IP Address:192.0.2.50");
  for (const key of ["node.key", "kubelet.key"])
    expect(statSync(join(joined.dataDir, "pki", key)).mode & 0o777).toBe(0o600);
});

test("certificates that are about to end are renewed by the node itself, without a token", async () => {
  const joined = await joining("lasting");
  const first = await ensureJoinedCredentials(joined, tools());
  expect(await ensureJoinedCredentials(joined, tools())).toEqual(first);
  const later = await ensureJoinedCredentials(joined, tools(340 * day));
  expect(later.node.cert).not.toBe(first.node.cert);
  expect(later.kubeletServing.cert).not.toBe(first.kubeletServing.cert);
  expect(subject(later.node.cert)).toBe(subject(first.node.cert));
});

test("the name of a node that is ready is not given twice", async () => {
  await admin.create(Node, { metadata: { name: "taken" }, spec: {} });
  const body = { status: { conditions: [{ type: "Ready", status: "True" }] } };
  await admin.patch(Node, { name: "taken" }, { type: "merge", body }, { subresource: "status" });
  await expect(joining("taken")).rejects.toThrow(
    'a Node with name "taken" and status "Ready" already exists in the cluster',
  );
  expect(readJoinedNode(join(server.folder, "taken"))).toBeUndefined();
});

test("a cluster whose nodes have no way to each other says how to make one", async () => {
  await using alone = await startLiveServer();
  await trusted(alone);
  await expect(joining("lost", { server: alone.url, caHashes: [] })).rejects.toThrow(
    /start it with: navarch up --advertise-address ADDRESS/,
  );
});

/** The tools of a machine whose date is so much later. */
function tools(after = 0) {
  const clock: Clock = Object.assign(Object.create(systemClock), { now: () => systemClock.now() + after });
  return { clock, random: systemRandom };
}
