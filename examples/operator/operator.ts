import { CustomResourceDefinition } from "../../src/api/apiextensions/custom-resource-definition.ts";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import type { Client, Informers } from "../../src/client/client.ts";
import { runController } from "../../src/client/controller.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Random } from "../../src/lib/random.ts";
import type { KindRef, KubeObject } from "../../src/machinery/object.ts";
import { isStatus } from "../../src/machinery/status-error.ts";

/** A web site: a page, shown by so many web servers. */
export interface Site extends KubeObject {
  readonly spec: { readonly page: string; readonly replicas: number; readonly image: string };
  readonly status?: { readonly readyReplicas: number; readonly observedGeneration: number };
}

export const Site: KindRef<Site> = {
  group: "example.com",
  version: "v1",
  kind: "Site",
  plural: "sites",
  namespaced: true,
};

const schema = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["page"],
      properties: {
        page: { type: "string", description: "What visitors read.", maxLength: 10_000 },
        replicas: { type: "integer", minimum: 0, maximum: 10, default: 1 },
        image: { type: "string", default: "localhost/busybox:1" },
      },
    },
    status: {
      type: "object",
      properties: { readyReplicas: { type: "integer" }, observedGeneration: { type: "integer" } },
    },
  },
};

/** The definition that adds sites to the API. */
export const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "sites.example.com" },
  spec: {
    group: Site.group,
    scope: "Namespaced" as const,
    names: { plural: Site.plural, kind: Site.kind },
    versions: [
      {
        name: Site.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: { status: {} },
        additionalPrinterColumns: [{ name: "Ready", type: "integer", jsonPath: ".status.readyReplicas" }],
      },
    ],
  },
};

/** Adds the definition, and resolves when sites are served. */
export async function install(client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const { name } = definition.metadata;
  await client.patch(CustomResourceDefinition, { name }, { type: "apply", body: definition, fieldManager: "sites" });
  for (;;) {
    const { status } = await client.get(CustomResourceDefinition, { name });
    if (status?.conditions?.some(({ type, status: is }) => type === "Established" && is === "True")) return;
    await clock.sleep(100, signal);
  }
}

export interface OperatorOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Keeps a ConfigMap with the page and a Deployment that serves it for every site, until it is disposed. */
export function runOperator(options: OperatorOptions): AsyncDisposable {
  const { client } = options;
  return runController<Site>({
    ...options,
    for: Site,
    owns: [ConfigMap, Deployment] as readonly KindRef<unknown>[] as readonly KindRef<KubeObject>[],
    async reconcile(site, key) {
      if (!site || site.metadata.deletionTimestamp) return {}; // what it owned goes with it
      for (const [kind, body] of desired(site)) {
        await client.patch(kind, key, { type: "apply", body, fieldManager: "sites", force: true });
      }
      const deployment = await found(client.get(Deployment, key));
      const status = {
        readyReplicas: deployment?.status?.readyReplicas ?? 0,
        observedGeneration: site.metadata.generation ?? 0,
      };
      const same = JSON.stringify(status) === JSON.stringify(site.status);
      if (!same) await client.patch(Site, key, { type: "merge", body: { status } }, { subresource: "status" });
      return {};
    },
  });
}

/** What must be there for a site. */
export function desired(site: Site): readonly (readonly [KindRef<unknown>, object])[] {
  const { name, namespace, uid } = site.metadata;
  const { apiVersion, kind, spec } = site;
  const owner = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
  const metadata = { name, namespace, ownerReferences: [owner] };
  const labels = { site: name };
  const server = {
    name: "web",
    image: spec.image,
    command: ["httpd", "-f", "-p", "8080", "-h", "/page"],
    volumeMounts: [{ name: "page", mountPath: "/page" }],
  };
  const template = {
    metadata: { labels },
    spec: { containers: [server], volumes: [{ name: "page", configMap: { name } }] },
  };
  return [
    [ConfigMap, { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "index.html": spec.page } }],
    [
      Deployment,
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata,
        spec: { replicas: spec.replicas, selector: { matchLabels: labels }, template },
      },
    ],
  ];
}

async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  });
}
