import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { scriptPod, webService } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "policy");
const friends = ownNamespace(cluster, "policy-friends");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);

const labelled = (name: string, labels: Record<string, string>, script: string) => ({
  ...scriptPod(name, script, {
    containers: [
      {
        name: "main",
        image: "navarch.local/busybox:1.35",
        command: ["sh", "-c", script],
        ports: [
          { name: "talk", containerPort: 6000 },
          { name: "other", containerPort: 6001 },
        ],
        // The node asks from outside of the pod's isolation.
        readinessProbe: { tcpSocket: { port: 6000 }, periodSeconds: 1 },
      },
    ],
  }),
  metadata: { name, labels },
});
const serving = "nc -ll -p 6001 -e echo other & exec nc -ll -p 6000 -e echo hello";

/** What `from` hears on the server's port; nothing when it is not answered. */
const hear = async (from: string, options: { readonly port?: number; readonly namespace?: string } = {}) => {
  const { port = 6000, namespace = ns } = options;
  const address = (await cluster.get("-n", ns, "pod", "server")).status.podIP;
  const call = `nc -w 2 ${address} ${port} < /dev/null || true`;
  return (await cluster.kubectl("-n", namespace, "exec", from, "--", "sh", "-c", call)).trim();
};
const policy = (name: string, spec: object, apiVersion = "networking.k8s.io/v1") =>
  cluster.apply(ns, { apiVersion, kind: "NetworkPolicy", metadata: { name }, spec });
const server = { matchLabels: { role: "server" } };

beforeAll(async () => {
  await kubectl("label", "namespace", friends, "team=friends");
  await cluster.apply(
    ns,
    labelled("server", { role: "server" }, serving),
    labelled("client", { role: "client" }, serving),
    labelled("stranger", { role: "stranger" }, serving),
    webService("talk", { selector: { role: "server" }, ports: [{ port: 80, targetPort: "talk" }] }),
  );
  await cluster.apply(friends, labelled("friend", { role: "friend" }, serving));
  await kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
  await cluster.kubectl("-n", friends, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s");
});

describe("network policies, between real pods", () => {
  test("before there is one, everybody is heard", async () => {
    expect(await Promise.all([hear("client"), hear("stranger"), hear("friend", { namespace: friends })])).toEqual([
      "hello",
      "hello",
      "hello",
    ]);
  });

  test("one that selects a pod closes it, but for whom it names; the node's probes go on", async () => {
    await policy("inward", {
      podSelector: server,
      ingress: [
        { from: [{ podSelector: { matchLabels: { role: "client" } } }], ports: [{ port: "talk" }] },
        { from: [{ namespaceSelector: { matchLabels: { team: "friends" } } }], ports: [{ port: 6001, endPort: 6010 }] },
      ],
    });
    await eventually("strangers are not heard any more", async () => expect(await hear("stranger")).toBe(""));
    expect(
      await Promise.all([
        hear("client"),
        hear("client", { port: 6001 }),
        hear("friend", { namespace: friends, port: 6001 }),
        hear("friend", { namespace: friends }),
      ]),
    ).toEqual(["hello", "", "other", ""]);
    const { status } = await cluster.get("-n", ns, "pod", "server");
    expect(status.conditions.find(({ type }: { type: string }) => type === "Ready").status).toBe("True");
  });

  test("a Service leads to the pod for those who may, and a new label opens the way", async () => {
    const call = "nc -w 2 talk 80 < /dev/null || true";
    expect(await kubectl("exec", "client", "--", "sh", "-c", call)).toBe("hello\n");
    expect(await kubectl("exec", "stranger", "--", "sh", "-c", call)).toBe("");
    await kubectl("label", "pod", "stranger", "--overwrite", "role=client");
    await eventually("it is let in", async () => expect(await hear("stranger")).toBe("hello"));
  });

  test("egress is closed the same way, and a pod is closed from its first moment", async () => {
    await policy("outward", { podSelector: { matchLabels: { role: "prisoner" } }, policyTypes: ["Egress"] });
    const address = (await cluster.get("-n", ns, "pod", "server")).status.podIP;
    await policy("open", { podSelector: server, ingress: [{}] });
    await eventually("the server is open", async () => expect(await hear("stranger", { port: 6001 })).toBe("other"));
    const script = `nc -w 1 ${address} 6000 < /dev/null; echo done; sleep 100000`;
    await cluster.apply(ns, {
      ...scriptPod("prisoner", script),
      metadata: { name: "prisoner", labels: { role: "prisoner" } },
    });
    await eventually("it has tried", async () => expect(await kubectl("logs", "prisoner")).toContain("done"));
    expect(await kubectl("logs", "prisoner")).not.toContain("hello");
    await kubectl("delete", "networkpolicy", "outward", "inward", "open");
    await eventually("without policies it is free", async () => expect(await hear("prisoner")).toBe("hello"));
  });

  test("the words of 2016: an annotated namespace is closed, a policy of extensions/v1beta1 opens it", async () => {
    const isolation = '{"ingress":{"isolation":"DefaultDeny"}}';
    await kubectl("annotate", "namespace", ns, `net.beta.kubernetes.io/network-policy=${isolation}`);
    await eventually("all is closed", async () => expect(await hear("client")).toBe(""));
    await policy(
      "pol1",
      { podSelector: server, ingress: [{ from: [{ podSelector: { matchLabels: { role: "client" } } }] }] },
      "extensions/v1beta1",
    );
    await eventually("clients are let in", async () => expect(await hear("client")).toBe("hello"));
    expect(await hear("friend", { namespace: friends })).toBe("");
  });
});
