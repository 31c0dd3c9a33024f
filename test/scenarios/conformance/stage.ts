import { expect } from "vitest";
import type { PodTemplateSpec } from "../../../src/api/generated/core-v1.ts";
import type { Client, DeleteOptions } from "../../../src/client/client.ts";
import { createInformers } from "../../../src/client/informer.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Draft, KindRef, KubeObject } from "../../../src/machinery/object.ts";
import { isStatus } from "../../../src/machinery/status-error.ts";
import { FakeKubelets, type NodeGiven } from "../../../src/testing/fake-kubelets.ts";
import { openTestCluster, type TestCluster } from "../../../src/testing/test-cluster.ts";

/** A whole control plane with kubelets that act by themselves, in virtual time. Everything is in the namespace `default`. */
export interface Stage extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly client: Client;
  readonly kubelets: FakeKubelets;
  make<T>(kind: KindRef<T>, object: Loose): Promise<T>;
  get<T>(kind: KindRef<T>, name: string): Promise<T>;
  list<T>(kind: KindRef<T>, labelSelector?: string): Promise<readonly T[]>;
  /** A merge patch, of the object or one of its subresources. */
  change<T>(kind: KindRef<T>, name: string, body: object, subresource?: string): Promise<T>;
  remove(kind: KindRef<unknown>, name: string, options?: DeleteOptions): Promise<void>;
  exists(kind: KindRef<unknown>, name: string): Promise<boolean>;
  /** Lets everybody act for so long; without a number, long enough for all to come to rest. */
  rest(seconds?: number): Promise<void>;
}

/** An object as a user writes it; what it lacks is the server's to fill in, or to refuse. */
export interface Loose {
  readonly metadata: { readonly name?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export const labels = { app: "web" };
export const selector = { matchLabels: labels };

export function template(more: object = {}, image = "img:1"): PodTemplateSpec {
  return { metadata: { labels }, spec: { containers: [{ name: "c", image }], ...more } } as PodTemplateSpec;
}

const twoNodes: readonly NodeGiven[] = ["n1", "n2"].map((name) => ({ name, cpu: 4, memory: "8Gi", pods: 50 }));

export async function openStage(nodes: readonly NodeGiven[] = twoNodes): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const cluster = opened.use(await openTestCluster({ scheduler: true }));
  const { client, clock } = cluster;
  const informers = opened.use(createInformers({ client, clock, random: seededRandom(1), log: silentLog }));
  const kubelets = opened.use(new FakeKubelets({ client, clock, informers }));
  for (const node of nodes) await kubelets.addNode(node);
  await cluster.pass(2000);
  const keyFor = (kind: KindRef<unknown>, name: string) =>
    kind.namespaced ? { namespace: "default", name } : { name };
  const running = opened.move();
  return {
    cluster,
    client,
    kubelets,
    make: (kind, { metadata, ...rest }) => {
      const placed = kind.namespaced ? { namespace: "default", ...metadata } : metadata;
      return client.create(kind, { ...rest, metadata: placed } as unknown as Draft<
        typeof kind extends KindRef<infer T> ? T : never
      >);
    },
    get: (kind, name) => client.get(kind, keyFor(kind, name)),
    list: async (kind, labelSelector) => {
      const where = kind.namespaced ? { namespace: "default" } : {};
      return (await client.list(kind, { ...where, ...(labelSelector ? { labelSelector } : {}) })).items;
    },
    change: (kind, name, body, subresource) =>
      client.patch(kind, keyFor(kind, name), { type: "merge", body }, subresource ? { subresource } : {}),
    remove: (kind, name, options) => client.delete(kind, keyFor(kind, name), options),
    exists: async (kind, name) => {
      try {
        await client.get(kind, keyFor(kind, name));
        return true;
      } catch (error) {
        if (isStatus(error, "NotFound")) return false;
        throw error;
      }
    },
    rest: (seconds = 3) => cluster.pass(seconds * 1000),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface Scaled {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number };
}

/** Reads, replaces and patches the `scale` subresource of an object with one replica. */
export async function expectScale(stage: Stage, kind: KindRef<unknown>, name: string): Promise<void> {
  const key = { namespace: "default", name };
  const scale = await stage.client.getSubresource<Scaled>(kind, key, "scale");
  expect([scale.spec.replicas, scale.status.replicas]).toEqual([1, 1]);
  await stage.client.updateSubresource(kind, key, "scale", { ...scale, spec: { replicas: 2 } });
  await stage.rest();
  const grown = await stage.client.getSubresource<Scaled>(kind, key, "scale");
  expect([grown.spec.replicas, grown.status.replicas]).toEqual([2, 2]);
  await stage.change(kind, name, { spec: { replicas: 4 } }, "scale");
  await stage.rest();
  expect((await stage.client.getSubresource<Scaled>(kind, key, "scale")).status.replicas).toBe(4);
}

/** Patches and replaces the status: a condition written there stays beside those of the controller. */
export async function expectStatusEndpoint(stage: Stage, kind: KindRef<unknown>, name: string): Promise<void> {
  const typed = kind as KindRef<KubeObject & { readonly status?: { readonly conditions?: readonly object[] } }>;
  const condition = (type: string) => ({ type, status: "True", reason: "E2E", message: "Set from a test" });
  const known = (await stage.get(typed, name)).status?.conditions ?? [];
  await stage.change(typed, name, { status: { conditions: [...known, condition("StatusPatched")] } }, "status");
  const patched = await stage.get(typed, name);
  expect(patched.status?.conditions).toContainEqual(expect.objectContaining(condition("StatusPatched")));
  const conditions = [...(patched.status?.conditions ?? []), condition("StatusUpdate")];
  await stage.client.updateStatus(typed, { ...patched, status: { ...patched.status, conditions } });
  const updated = (await stage.get(typed, name)).status?.conditions;
  expect(updated).toContainEqual(expect.objectContaining(condition("StatusPatched")));
  expect(updated).toContainEqual(expect.objectContaining(condition("StatusUpdate")));
}

/** Lists what has a label and deletes it in one call; the rest stays. */
export async function expectCollection(stage: Stage, kind: KindRef<unknown>, label: string, names: readonly string[]) {
  const typed = kind as KindRef<KubeObject>;
  const found = async () => (await stage.list(typed, label)).map(({ metadata }) => metadata.name).sort();
  expect(await found()).toEqual([...names].sort());
  await stage.client.deleteCollection(typed, { namespace: "default", labelSelector: label });
  await stage.rest();
  expect(await found()).toEqual([]);
}
