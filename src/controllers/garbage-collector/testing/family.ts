import { CustomResourceDefinition } from "../../../api/apiextensions/custom-resource-definition.ts";
import { ReplicaSet } from "../../../api/apps/replica-set.ts";
import { ConfigMap } from "../../../api/core/config-map.ts";
import { Node } from "../../../api/core/node.ts";
import { Pod } from "../../../api/core/pod.ts";
import { Secret } from "../../../api/core/secret.ts";
import { apiVersionOf, type KindRef, type KubeObject, keyOf, type OwnerReference } from "../../../machinery/object.ts";
import type { FakeCluster } from "../../framework/testing/fake-cluster.ts";
import { type Harness, type HarnessOptions, run } from "../../framework/testing/harness.ts";
import { garbageCollector } from "../garbage-collector.ts";

const followed = [ReplicaSet, Pod, ConfigMap, Secret, Node, CustomResourceDefinition] as readonly unknown[];

/** A garbage collector of a few kinds and of all custom ones, on a make-believe cluster. */
export const startCollector = (options: HarnessOptions = {}): Promise<Harness> =>
  run([garbageCollector(followed as readonly KindRef<KubeObject>[])], options);

/** An object that may own others. */
export interface Owned {
  readonly kind: KindRef<unknown>;
  readonly object: KubeObject;
  /** Whether those it owns hold it when it is deleted in the foreground; default is that they do. */
  readonly blocks?: boolean;
}

export const ownerOf = ({ kind, object, blocks = true }: Owned): OwnerReference => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  name: object.metadata.name,
  uid: object.metadata.uid,
  ...(blocks ? { blockOwnerDeletion: true } : {}),
});

/** Puts an object into the namespace `default`, with these owners. */
export function put(
  cluster: FakeCluster,
  kind: KindRef<unknown>,
  name: string,
  owners: readonly Owned[] = [],
  more: object = {},
): Owned {
  const namespace = kind.namespaced ? { namespace: "default" } : {};
  const metadata = { name, ...namespace, ownerReferences: owners.map(ownerOf), ...more };
  return { kind, object: cluster.put(kind, { metadata } as never) as KubeObject };
}

export const namesIn = ({ cluster }: Harness, kind: KindRef<unknown>): readonly string[] =>
  cluster.all(kind as KindRef<KubeObject>).map(({ metadata }) => metadata.name);

export const remove = (
  { cluster }: Harness,
  { kind, object }: Owned,
  propagationPolicy: "Background" | "Foreground" | "Orphan",
): Promise<unknown> => cluster.client.delete(kind, keyOf(object), { propagationPolicy });

/** The definition of `Thing`, a custom kind served in one version. */
export function thingDefinition(version: string) {
  return {
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind: "Thing", plural: "things" },
      versions: [{ name: version, served: true, storage: true }],
    },
    status: { conditions: [{ type: "Established", status: "True" }] },
  } as const;
}

export const thing = (version = "v1"): KindRef<KubeObject> => ({
  group: "example.com",
  version,
  kind: "Thing",
  plural: "things",
  namespaced: true,
});
