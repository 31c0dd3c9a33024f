import { expect, test } from "vitest";
import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { APIService } from "../../api/apiregistration/api-service.ts";
import { ConfigMap } from "../../api/core/config-map.ts";
import { Namespace } from "../../api/core/namespace.ts";
import { Pod } from "../../api/core/pod.ts";
import { Secret } from "../../api/core/secret.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { StatusError } from "../../machinery/status-error.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { namespaceController } from "./namespace.ts";

const things = { group: "example.com", version: "v1", kind: "Thing", plural: "things", namespaced: true };
const start = () =>
  run([namespaceController([ConfigMap, Pod, Secret] as readonly unknown[] as readonly KindRef<KubeObject>[])], {
    given: (cluster) => {
      for (const name of ["doomed", "other"]) {
        cluster.put(Namespace, {
          metadata: { name },
          spec: { finalizers: ["kubernetes"] },
          status: { phase: "Active" },
        });
        cluster.put(ConfigMap, { metadata: { name: "settings", namespace: name } });
        cluster.put(Secret, { metadata: { name: "password", namespace: name } });
      }
    },
  });
const doom = ({ cluster }: Harness) => cluster.client.delete(Namespace, { name: "doomed" });
const doomed = ({ cluster }: Harness) => cluster.get(Namespace, "doomed");
const conditions = (harness: Harness) =>
  Object.fromEntries((doomed(harness)?.status?.conditions ?? []).map(({ type, ...rest }) => [type, rest]));
const unhold = async ({ cluster }: Harness, kind: KindRef<ConfigMap | Pod>, name: string) => {
  const held = cluster.get(kind, name, "doomed")!;
  await cluster.client.update(kind, { ...held, metadata: { ...held.metadata, finalizers: [] } });
};

test("a deleted namespace goes with all it holds, and nothing else goes", async () => {
  await using harness = await start();
  await harness.settle();
  expect(harness.cluster.calls).toEqual([]);
  await doom(harness);
  await harness.settle();
  expect(doomed(harness)).toBeUndefined();
  const left = [...harness.cluster.all(ConfigMap), ...harness.cluster.all(Secret)];
  expect(left.map(({ metadata }) => metadata.namespace)).toEqual(["other", "other"]);
});

test("pods go first: what they use stays until the last one is gone", async () => {
  await using harness = await start();
  const metadata = { name: "slow", namespace: "doomed" };
  const pod = harness.cluster.put(Pod, { metadata, spec: { nodeName: "n1", containers: [] } });
  await doom(harness);
  await harness.settle();
  expect(harness.cluster.get(Pod, "slow", "doomed")?.metadata.deletionTimestamp).toBeDefined();
  expect(harness.cluster.get(Secret, "password", "doomed")).toBeDefined();
  expect(conditions(harness).NamespaceContentRemaining).toMatchObject({
    status: "True",
    reason: "SomeResourcesRemain",
    message: "Some resources are remaining: pods. has 1 resource instances",
  });
  harness.cluster.remove(Pod, pod);
  await harness.settle();
  expect(doomed(harness)).toBeUndefined();
  expect(harness.cluster.get(Secret, "password", "doomed")).toBeUndefined();
});

test("a finalizer holds the namespace, and the conditions say so", async () => {
  await using harness = await start();
  const metadata = { name: "held", namespace: "doomed", finalizers: ["example.com/hold"] };
  harness.cluster.put(ConfigMap, { metadata });
  await doom(harness);
  await harness.settle();
  expect(doomed(harness)?.status?.phase).toBe("Terminating");
  const lastTransitionTime = expect.any(String);
  expect(conditions(harness)).toEqual({
    NamespaceDeletionDiscoveryFailure: {
      status: "False",
      reason: "ResourcesDiscovered",
      message: "All resources successfully discovered",
      lastTransitionTime,
    },
    NamespaceDeletionGroupVersionParsingFailure: {
      status: "False",
      reason: "ParsedGroupVersions",
      message: "All legacy kube types successfully parsed",
      lastTransitionTime,
    },
    NamespaceDeletionContentFailure: {
      status: "False",
      reason: "ContentDeleted",
      message: "All content successfully deleted, may be waiting on finalization",
      lastTransitionTime,
    },
    NamespaceContentRemaining: {
      status: "True",
      reason: "SomeResourcesRemain",
      message: "Some resources are remaining: configmaps. has 1 resource instances",
      lastTransitionTime,
    },
    NamespaceFinalizersRemaining: {
      status: "True",
      reason: "SomeFinalizersRemain",
      message: "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      lastTransitionTime,
    },
  });
  await unhold(harness, ConfigMap, "held");
  await harness.pass(10_000);
  expect(doomed(harness)).toBeUndefined();
});

test("what cannot be deleted is told in a condition and tried again", async () => {
  await using harness = await start();
  let refused = true;
  harness.cluster.refuse = ({ verb, kind }) => {
    if (refused && verb === "deleteCollection" && kind === "Secret") throw new StatusError("InternalError", "no luck");
  };
  await doom(harness);
  await harness.settle();
  expect(conditions(harness).NamespaceDeletionContentFailure).toMatchObject({
    status: "True",
    reason: "ContentDeletionFailed",
    message: "Failed to delete all resource types, 1 remaining: unable to delete secrets in namespace doomed: no luck",
  });
  expect(harness.cluster.get(ConfigMap, "settings", "doomed")).toBeUndefined();
  refused = false;
  await harness.pass(5000);
  expect(doomed(harness)).toBeUndefined();
});

test("custom resources go too", async () => {
  await using harness = await start();
  harness.cluster.put(CustomResourceDefinition, {
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Thing", plural: "things" },
      versions: [{ name: "v1", served: true, storage: true }],
    },
    status: { conditions: [{ type: "Established", status: "True" }] },
  });
  harness.cluster.put(things, { metadata: { name: "thing", namespace: "doomed" } });
  await harness.settle();
  await doom(harness);
  await harness.settle();
  expect(harness.cluster.all(things)).toEqual([]);
  expect(doomed(harness)).toBeUndefined();
});

test("a group whose server does not answer holds the namespace, since it may hold something there", async () => {
  await using harness = await start();
  const service = harness.cluster.put(APIService, {
    metadata: { name: "v1.metrics.example.com" },
    spec: {
      group: "metrics.example.com",
      version: "v1",
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { name: "metrics", namespace: "other" },
    },
    status: { conditions: [{ type: "Available", status: "False", message: "no answer" }] },
  });
  await harness.settle();
  await doom(harness);
  await harness.settle();
  expect(conditions(harness).NamespaceDeletionDiscoveryFailure).toMatchObject({
    status: "True",
    reason: "DiscoveryFailed",
    message:
      "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.example.com/v1: no answer",
  });
  harness.cluster.remove(APIService, service);
  await harness.pass(10_000);
  expect(doomed(harness)).toBeUndefined();
});
