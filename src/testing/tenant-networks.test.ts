import { expect, test } from "vitest";
import { Namespace } from "../api/core/namespace.ts";
import { Network } from "../api/core/network.ts";
import { NetworkPolicy } from "../api/networking/network-policy.ts";
import { openTestCluster } from "./test-cluster.ts";

const net1 = {
  metadata: { name: "net1" },
  spec: {
    tenantID: "065f210a2ca9442aad898ab129426350",
    subnets: { subnet1: { cidr: "192.168.0.0/24", gateway: "192.168.0.1" } },
  },
};

test("pods of a namespace with a network are left to the namespaces of that network", async () => {
  await using cluster = await openTestCluster();
  const { client } = cluster;
  const policy = () => client.get(NetworkPolicy, { namespace: "ns1", name: "tenant-network" });
  await client.create(Network, net1);
  await client.create(Namespace, { metadata: { name: "ns1" }, spec: { network: "net1" } });
  await cluster.settle();
  expect((await client.get(Network, { name: "net1" })).status).toEqual({ phase: "Active" });
  const { metadata, spec } = await client.get(Namespace, { name: "ns1" });
  expect(spec?.network).toBe("net1");
  expect(metadata.labels).toMatchObject({ "net.alpha.kubernetes.io/network": "net1" });
  const from = [{ namespaceSelector: { matchLabels: { "net.alpha.kubernetes.io/network": "net1" } } }];
  expect((await policy()).spec).toEqual({ podSelector: {}, ingress: [{ from }], policyTypes: ["Ingress"] });

  await client.delete(NetworkPolicy, { namespace: "ns1", name: "tenant-network" });
  await cluster.settle();
  expect((await policy()).spec?.ingress).toEqual([{ from }]);

  await client.patch(Namespace, { name: "ns1" }, { type: "merge", body: { spec: { network: null } } });
  await cluster.settle();
  await expect(policy()).rejects.toThrow("not found");
  expect((await client.get(Namespace, { name: "ns1" })).metadata.labels).toEqual({
    "kubernetes.io/metadata.name": "ns1",
  });
  expect((await client.list(NetworkPolicy, { namespace: "default" })).items).toEqual([]);
});

test("a network's subnets are ranges, and its gateway lies in its range", async () => {
  await using cluster = await openTestCluster({ controllers: [] });
  const refused = (subnet: { cidr: string; gateway?: string }) =>
    cluster.client.create(Network, { ...net1, spec: { subnets: { s: subnet } } });
  await expect(refused({ cidr: "192.168.0.0" })).rejects.toThrow("spec.subnets[s].cidr");
  await expect(refused({ cidr: "192.168.0.0/24", gateway: "10.0.0.1" })).rejects.toThrow(
    "must be an address of 192.168.0.0/24",
  );
});
