import { Service } from "../api/core/service.ts";
import type { Client } from "../client/client.ts";
import { isStatus } from "../machinery/status-error.ts";

/** Makes the Service that people know cluster DNS by, unless it is there. Each node itself answers on its addresses; no endpoint stands behind it. */
export async function ensureDnsService(client: Client, addresses: readonly string[]): Promise<void> {
  const key = { namespace: "kube-system", name: "kube-dns" };
  const labels = { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" };
  try {
    await client.get(Service, key);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    await client.create(Service, {
      metadata: { ...key, labels },
      spec: {
        clusterIP: addresses[0]!,
        clusterIPs: addresses,
        ...(addresses.length > 1 ? { ipFamilyPolicy: "RequireDualStack" } : {}),
        ports: [
          { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
          { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
        ],
      },
    });
  }
}
