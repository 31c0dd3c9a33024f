// In a project of your own these are navarch/api/... and navarch/client.
import { CustomResourceDefinition } from "../../src/api/apiextensions/custom-resource-definition.ts";
import { Deployment } from "../../src/api/apps/deployment.ts";
import { ConfigMap } from "../../src/api/core/config-map.ts";
import {
  apply,
  type Client,
  type Clock,
  connect,
  controllerReference,
  type Desired,
  defineController,
  ifFound,
  type KindRef,
  type KubeObject,
  systemClock,
} from "../../src/client/index.ts";

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

const fieldManager = "sites";

/** Adds the definition of sites to the API, and resolves when they are served. */
export async function install(client: Client, clock: Clock, signal: AbortSignal): Promise<void> {
  const metadata = { name: `${Site.plural}.${Site.group}` };
  const version = {
    name: Site.version,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: schema },
    subresources: { status: {} },
    additionalPrinterColumns: [{ name: "Ready", type: "integer", jsonPath: ".status.readyReplicas" }],
  };
  const names = { plural: Site.plural, kind: Site.kind };
  const spec = { group: Site.group, scope: "Namespaced" as const, names, versions: [version] };
  await apply(client, CustomResourceDefinition, { metadata, spec }, { fieldManager });
  for (;;) {
    const { status } = await client.get(CustomResourceDefinition, metadata);
    if (status?.conditions?.some(({ type, status: is }) => type === "Established" && is === "True")) return;
    await clock.sleep(100, signal);
  }
}

/** Keeps a ConfigMap with the page and a Deployment that serves it for every site. */
export const sites = defineController<Site>({
  name: "sites",
  for: Site,
  owns: [ConfigMap, Deployment],
  async reconcile(key, { object: site, client }) {
    if (!site || site.metadata.deletionTimestamp) return; // what it owned goes with it
    await apply(client, ConfigMap, page(site), { fieldManager });
    await apply(client, Deployment, servers(site), { fieldManager });
    const deployment = await ifFound(client.get(Deployment, key));
    const status = {
      readyReplicas: deployment?.status?.readyReplicas ?? 0,
      observedGeneration: site.metadata.generation ?? 0,
    };
    await apply(client, Site, { metadata: { ...key }, status }, { fieldManager, subresource: "status" });
  },
});

/** What belongs to a site has its name, and goes with it. */
function owned(site: Site) {
  const { name, namespace } = site.metadata;
  return { name, ...(namespace ? { namespace } : {}), ownerReferences: [controllerReference(Site, site)] };
}

const page = (site: Site): Desired<ConfigMap> => ({
  metadata: owned(site),
  data: { "index.html": site.spec.page },
});

function servers(site: Site): Desired<Deployment> {
  const { image, replicas } = site.spec;
  const { name } = site.metadata;
  const labels = { site: name };
  const server = {
    name: "web",
    image,
    command: ["httpd", "-f", "-p", "8080", "-h", "/page"],
    volumeMounts: [{ name: "page", mountPath: "/page" }],
  };
  const template = {
    metadata: { labels },
    spec: { containers: [server], volumes: [{ name: "page", configMap: { name } }] },
  };
  return { metadata: owned(site), spec: { replicas, selector: { matchLabels: labels }, template } };
}

// Run by itself: for the cluster of the kubeconfig that is named, of the pod that this runs in, or of one's own kubeconfig.
if (import.meta.main) {
  const [kubeconfigFile] = process.argv.slice(2);
  await using connection = connect(kubeconfigFile ? { kubeconfigFile } : {});
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.abort());
  await install(connection.client, systemClock, ended.signal);
  await using _running = sites.run(connection);
  await new Promise((resolve) => ended.signal.addEventListener("abort", resolve));
}
