import { describe, expect, test } from "vitest";
import { formatResolvConf, parseResolvConf, type ResolverPodInput, resolvConfFor } from "./resolv-conf.ts";

const options = {
  clusterDomain: "cluster.local",
  clusterDNS: ["10.96.0.10"],
  host: { nameservers: ["192.0.2.53"], searches: ["example.test"], options: ["timeout:1"] },
};
const pod = (spec: ResolverPodInput["spec"]): ResolverPodInput => ({ metadata: { namespace: "shop" }, spec });
const clusterSearches = ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.test"];

describe("a pod's resolver configuration", () => {
  test.each([
    {
      sentence: "the cluster's, by default",
      spec: {},
      nameservers: ["10.96.0.10"],
      searches: clusterSearches,
      options: ["ndots:5"],
    },
    {
      sentence: "the host's for ClusterFirst on the host's network",
      spec: { dnsPolicy: "ClusterFirst", hostNetwork: true },
      nameservers: ["192.0.2.53"],
      searches: ["example.test"],
      options: ["timeout:1"],
    },
    {
      sentence: "the cluster's for ClusterFirstWithHostNet",
      spec: { dnsPolicy: "ClusterFirstWithHostNet", hostNetwork: true },
      nameservers: ["10.96.0.10"],
      searches: clusterSearches,
      options: ["ndots:5"],
    },
    {
      sentence: "only the pod's own for None",
      spec: {
        dnsPolicy: "None",
        dnsConfig: {
          nameservers: ["192.0.2.1"],
          searches: ["a.test"],
          options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
        },
      },
      nameservers: ["192.0.2.1"],
      searches: ["a.test"],
      options: ["ndots:2", "edns0"],
    },
    {
      sentence: "the cluster's with the pod's own added, its options winning",
      spec: {
        dnsConfig: {
          nameservers: ["192.0.2.1", "10.96.0.10"],
          searches: ["a.test"],
          options: [{ name: "ndots", value: "2" }],
        },
      },
      nameservers: ["10.96.0.10", "192.0.2.1"],
      searches: [...clusterSearches, "a.test"],
      options: ["ndots:2"],
    },
  ])("is $sentence", ({ spec, nameservers, searches, options: expected }) => {
    const { config, warnings } = resolvConfFor(pod(spec), options);
    expect(config).toEqual({ nameservers, searches, options: expected });
    expect(warnings).toEqual([]);
  });

  test("keeps to the resolver's limits and says what it left out", () => {
    const spec = {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"],
        searches: Array.from({ length: 40 }, (_, i) => `d${i}.test`),
      },
    };
    const { config, warnings } = resolvConfFor(pod(spec), options);
    expect(config.nameservers).toHaveLength(3);
    expect(config.searches).toHaveLength(32);
    expect(warnings).toEqual([
      "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3",
      expect.stringContaining(
        "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: d0.test d1.test",
      ),
    ]);
  });

  test("reads what it writes, without comments and with the last search line", () => {
    const read = parseResolvConf(
      "# c\nsearch old.test\nnameserver 192.0.2.53 ; x\nsearch example.test. b.test\noptions ndots:1 edns0\n",
    );
    expect(read).toEqual({
      nameservers: ["192.0.2.53"],
      searches: ["example.test", "b.test"],
      options: ["ndots:1", "edns0"],
    });
    expect(parseResolvConf(formatResolvConf(read))).toEqual(read);
  });
});
