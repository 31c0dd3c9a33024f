import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import { createClient } from "../../src/client/api-client.ts";
import type { Client } from "../../src/client/client.ts";
import { httpTransport } from "../../src/client/http-transport.ts";
import { planCluster, writeCluster } from "../../src/cluster/config.ts";
import { type Credentials, ensureCredentials } from "../../src/cluster/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type Random, seededRandom, systemRandom } from "../../src/lib/random.ts";
import { isStatus } from "../../src/machinery/status-error.ts";
import { checkDataDirectory } from "../../src/store/check.ts";
import { freePort } from "../api/tools/live-server.ts";

/**
 * Proves that what the API acknowledged survives kill -9: clients write over TLS to a control plane in a process of its
 * own, which is killed at a random moment and started again. No acknowledged write is lost, nothing is there that nobody
 * wrote, resourceVersions never go back, and a watch from before the kill tells everything that was acknowledged since.
 *
 *   node test/prove/api-crash.ts --kills 10 --seed 1 --writers 16
 */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    writers: { type: "string", default: "16" },
    folder: { type: "string", default: tmpdir() },
  },
});
const program = fileURLToPath(new URL("../../bin/navarch.js", import.meta.url));
const namespace = "default";
const keysPerWriter = 4;

/** What a writer tried last for one key, and what it knows to be true. Only one writer writes a key. */
interface Record {
  /** The step of every attempt since the last acknowledged one, that one first; 0 stands for absent. */
  possible: readonly number[];
  resourceVersion: string | undefined;
}

interface Acknowledged {
  readonly name: string;
  readonly step: number;
  readonly resourceVersion: bigint;
}

const random = seededRandom(Number(values.seed));
const place = mkdtempSync(join(values.folder, "navarch-api-crash-"));
const records = new Map<string, Record>();
let steps = 0;
let total = 0;
try {
  const apiPort = await freePort();
  const dataDir = join(place, "data");
  const planned = planCluster(
    { name: "crash", dataDir, apiPort, runtime: "simulated" },
    { NAVARCH_DATA: join(place, "clusters") },
  );
  const config = { ...planned, runDir: join(place, "run") };
  mkdirSync(config.runDir, { recursive: true });
  writeCluster(config);
  const credentials = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  let reached = 0n;
  for (let kill = 1; kill <= Number(values.kills) + 1; kill++) {
    const since: Acknowledged[] = [];
    const child = await startServer(dataDir);
    try {
      await using transport = transportTo(apiPort, credentials);
      const client = createClient(transport);
      reached = await verify(client, reached);
      if (kill > Number(values.kills)) break;
      const before = String(reached);
      const writing = Array.from({ length: Number(values.writers) }, (_, name) => write(client, name, since));
      await systemClock.sleep(50 + random.next() * 600);
      child.kill("SIGKILL");
      await Promise.all(writing);
      await ended(child);
      await checkFolder(join(dataDir, "store"));
      total += since.length;
      await verifyStory(dataDir, apiPort, credentials, before, since);
    } finally {
      child.kill("SIGKILL");
      await ended(child);
    }
  }
  console.log(`api-crash: ok, ${values.kills} kills, ${total} acknowledged writes, revision ${reached}`);
} finally {
  rmSync(place, { recursive: true, force: true });
}

function transportTo(port: number, { ca, admin }: Credentials) {
  return httpTransport({ server: `https://127.0.0.1:${port}`, ca, cert: admin.cert, key: admin.key });
}

async function startServer(dataDir: string): Promise<ChildProcess> {
  const child = fork(program, ["server", "--data-dir", dataDir, "--log-level", "error"], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  await new Promise<void>((resolve, reject) => {
    child.on("message", (message) => {
      if ((message as { readonly type?: string }).type === "ready") resolve();
    });
    child.once("exit", (code) => reject(new Error(`api-crash: the server ended by itself with ${code}: ${said}`)));
  });
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** Writes one change after the other to keys of its own until the server is gone. */
async function write(client: Client, writer: number, since: Acknowledged[]): Promise<void> {
  for (;;) {
    const name = `w${writer}-k${Math.floor(random.next() * keysPerWriter)}`;
    const record = records.get(name) ?? { possible: [0], resourceVersion: undefined };
    records.set(name, record);
    // After a kill nobody knows which attempt won; verify has settled it before writers go on.
    if (record.possible.length !== 1) throw new Error(`api-crash: ${name} is not settled`);
    const deletes = record.resourceVersion !== undefined && random.next() < 0.15;
    const step = deletes ? 0 : ++steps;
    record.possible = [...record.possible, step];
    try {
      if (deletes) await client.delete(ConfigMap, { namespace, name });
      else {
        const { metadata } = await put(client, name, step, record, random);
        since.push({ name, step, resourceVersion: BigInt(metadata.resourceVersion) });
        record.resourceVersion = metadata.resourceVersion;
      }
    } catch (error) {
      if (isStatus(error, "Conflict") || isStatus(error, "NotFound") || isStatus(error, "AlreadyExists")) {
        throw new Error(`api-crash: ${name} lost although nobody else writes it: ${error}`);
      }
      return; // the server is gone
    }
    if (deletes) record.resourceVersion = undefined;
    record.possible = [step];
  }
}

function put(client: Client, name: string, step: number, { resourceVersion }: Record, dice: Random) {
  const data = { step: String(step), padding: "x".repeat(dice.next() * 2000) };
  if (resourceVersion === undefined) return client.create(ConfigMap, { metadata: { namespace, name }, data });
  if (dice.next() < 0.3) return client.patch(ConfigMap, { namespace, name }, { type: "merge", body: { data } });
  return client.update(ConfigMap, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace, name, resourceVersion } as ConfigMap["metadata"],
    data,
  });
}

/** Holds the collection against what writers know; gives the revision that it was read at. */
async function verify(client: Client, reached: bigint): Promise<bigint> {
  const list = await client.list(ConfigMap, { namespace });
  const revision = BigInt(list.metadata.resourceVersion ?? 0);
  if (revision < reached) throw new Error(`api-crash: the revision went back from ${reached} to ${revision}`);
  const present = new Map(list.items.map((item) => [item.metadata.name, item]));
  for (const [name, record] of records) {
    const item = present.get(name);
    const step = Number(item?.data?.step ?? 0);
    if (!record.possible.includes(step)) {
      throw new Error(`api-crash: ${name} is at step ${step}, expected one of ${record.possible.join(", ")}`);
    }
    const acknowledged = record.possible[0] === step && record.resourceVersion !== undefined;
    if (acknowledged && item?.metadata.resourceVersion !== record.resourceVersion) {
      throw new Error(`api-crash: ${name} changed its resourceVersion over the restart`);
    }
    record.possible = [step];
    record.resourceVersion = item?.metadata.resourceVersion;
    present.delete(name);
  }
  const invented = [...present.keys()].filter((name) => /^w\d+-k\d+$/.test(name ?? ""));
  if (invented.length > 0) throw new Error(`api-crash: ${invented.join(", ")} was invented`);
  return revision;
}

/** A watch from before the kill tells every acknowledged write at its resourceVersion, in order. */
async function verifyStory(
  dataDir: string,
  port: number,
  credentials: Credentials,
  from: string,
  since: readonly Acknowledged[],
): Promise<void> {
  const child = await startServer(dataDir);
  try {
    await using transport = transportTo(port, credentials);
    const client = createClient(transport);
    const { metadata } = await client.list(ConfigMap, { namespace });
    const last = BigInt(metadata.resourceVersion ?? 0);
    const told = new Map<bigint, string>();
    let before = BigInt(from);
    for await (const { type, object } of client.watch(ConfigMap, {
      namespace,
      resourceVersion: from,
      timeoutSeconds: 2,
    })) {
      const revision = BigInt(object.metadata.resourceVersion);
      if (revision <= before) throw new Error(`api-crash: a watch told ${revision} after ${before}`);
      before = revision;
      told.set(revision, `${type === "DELETED" ? "gone" : object.data?.step} ${object.metadata.name}`);
      if (revision >= last) break;
    }
    for (const { name, step, resourceVersion } of since) {
      if (told.get(resourceVersion) !== `${step} ${name}`) {
        throw new Error(
          `api-crash: ${name} was acknowledged at ${resourceVersion}, a watch tells ${told.get(resourceVersion)}`,
        );
      }
    }
  } finally {
    child.kill("SIGKILL");
    await ended(child);
  }
}

async function checkFolder(folder: string): Promise<void> {
  const { problems } = await checkDataDirectory(folder);
  if (problems.length > 0) throw new Error(`api-crash: the check found: ${problems.join("; ")}`);
}
