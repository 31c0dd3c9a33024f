import { dump } from "js-yaml";
import { ConfigMap } from "../api/core/config-map.ts";
import type { Client } from "../client/client.ts";
import { isStatus } from "../machinery/status-error.ts";
import type { Kubeconfig } from "./kubeconfig.ts";

/** Where a cluster says who it is, to those who do not know it yet; the bootstrap signer vouches for it by each token. */
export const clusterInfo = { namespace: "kube-public", name: "cluster-info" };

/** The one path of the API that strangers may read. */
export const clusterInfoPath = `/api/v1/namespaces/${clusterInfo.namespace}/configmaps/${clusterInfo.name}`;

/** Publishes the server's address and its authority (PEM), as kubeadm does; the signatures of the same text stay. */
export async function publishClusterInfo(
  client: Client,
  { server, ca }: { readonly server: string; readonly ca: string },
): Promise<void> {
  const cluster = { "certificate-authority-data": Buffer.from(ca, "utf8").toString("base64"), server };
  const content: Kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "", cluster }],
    contexts: [],
    "current-context": "",
    preferences: {},
    users: [],
  };
  const kubeconfig = dump(content);
  try {
    const known = await client.get(ConfigMap, clusterInfo);
    if (known.data?.kubeconfig === kubeconfig) return;
    await client.update(ConfigMap, { ...known, data: { ...known.data, kubeconfig } });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    await client.create(ConfigMap, { metadata: clusterInfo, data: { kubeconfig } });
  }
}
