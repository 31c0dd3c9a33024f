import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { hostnames } from "./tools/guestbook.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { images, scriptPod, webDeployment, webService } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "network");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);
const inside = (script: string) => kubectl("exec", "client", "--", "sh", "-c", script);

beforeAll(async () => {
  await cluster.apply(
    ns,
    scriptPod("client", "sleep 100000"),
    webDeployment("web", 2),
    webService("web"),
    webService("headless", { clusterIP: "None", selector: { app: "web" } }),
    webService("node", { type: "NodePort", selector: { app: "web" } }),
  );
  await kubectl("rollout", "status", "deployment/web", "--timeout=90s");
  await kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
});

describe("names, asked from a container", () => {
  const podAddresses = async () =>
    (await get("pods", "-l", "app=web")).items.map(({ status }) => status.podIP as string).sort();
  const addresses = (text: string) =>
    [
      ...text
        .split("Name:")
        .slice(1)
        .join("")
        .matchAll(/Address(?: \d+)?: (\d+\.\d+\.\d+\.\d+)/g),
    ]
      .map((found) => found[1]!)
      .sort();

  test("a Service has its name in its own namespace and, with the namespace, in every other", async () => {
    const { spec } = await get("service", "web");
    for (const name of ["web", "web.network", "web.network.svc", "web.network.svc.cluster.local"]) {
      expect(addresses(await inside(`nslookup ${name}`)), name).toEqual([spec.clusterIP]);
    }
    const redis = await cluster.get("service", "redis-master");
    expect(addresses(await inside("nslookup redis-master.default"))).toEqual([redis.spec.clusterIP]);
  });

  test("kubernetes.default is the API server's Service", async () => {
    const { spec } = await cluster.get("service", "kubernetes");
    expect(addresses(await inside("nslookup kubernetes.default"))).toEqual([spec.clusterIP]);
  });

  test("a headless Service is the addresses of its pods, and follows them", async () => {
    await eventually("the name has the pods' addresses", async () =>
      expect(addresses(await inside("nslookup headless"))).toEqual(await podAddresses()),
    );
    await kubectl("scale", "deployment/web", "--replicas=3");
    await kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    await eventually("the name has three addresses", async () => {
      const now = addresses(await inside("nslookup headless"));
      expect(now).toHaveLength(3);
      expect(now).toEqual(await podAddresses());
    });
  });

  test("a name that is not there is said not to be", async () => {
    await expect(inside("nslookup nobody.network.svc.cluster.local")).rejects.toThrow(/NXDOMAIN|can't (resolve|find)/);
  });
});

describe("reaching a Service", () => {
  const seen = async (ask: () => Promise<readonly string[]>) => {
    const names = new Set<string>();
    await eventually("several pods have answered", async () => {
      for (const name of await ask()) names.add(name);
      return names.size >= 2;
    });
    for (const name of names) expect(name).toMatch(/^web-/);
  };

  test("from a container, by its name, its pods take turns", async () => {
    await seen(async () => [/"HOSTNAME": "(.*)"/.exec(await inside("wget -qO- http://web/env"))?.[1] ?? "?"]);
  });

  test("from the machine, at its node port on loopback", async () => {
    const port = (await get("service", "node")).spec.ports[0].nodePort;
    await seen(() => hostnames(`http://127.0.0.1:${port}`, 4));
  });

  test("from the machine, at its node port on the node's address", async () => {
    const port = (await get("service", "node")).spec.ports[0].nodePort;
    const address = (await cluster.get("nodes")).items[0]!.status.addresses.find(
      ({ type }: { type: string }) => type === "InternalIP",
    ).address;
    await seen(() => hostnames(`http://${address}:${port}`, 4));
  });

  test("a pod reaches itself through its own Service", async () => {
    await cluster.apply(
      ns,
      scriptPod("mirror", "exec nc -ll -p 6000 -e echo reflected"),
      webService("mirror", { ports: [{ port: 80, targetPort: 6000 }] }),
    );
    await kubectl("wait", "--for=condition=Ready", "pod/mirror", "--timeout=60s");
    await eventually("it hears itself", async () =>
      expect(await kubectl("exec", "mirror", "--", "nc", "-w", "5", "mirror", "80")).toBe("reflected\n"),
    );
  });

  test("session affinity sends one client to one pod", async () => {
    await cluster.apply(ns, webService("sticky", { selector: { app: "web" }, sessionAffinity: "ClientIP" }));
    const address = (await get("service", "sticky")).spec.clusterIP;
    const names = await eventually("the Service answers", () => hostnames(`http://${address}`, 20));
    expect(new Set(names).size).toBe(1);
  });

  test("a Service without pods refuses at once instead of letting wait", async () => {
    await cluster.apply(ns, webService("empty", { selector: { app: "nobody" } }));
    await eventually("the connection is refused", async () =>
      expect(await inside("wget -T 5 -qO- http://empty/ 2>&1; true")).toContain("Connection refused"),
    );
  });

  test("a pod that is not ready gets no requests", async () => {
    await cluster.apply(ns, webService("only-ready", { selector: { app: "web" } }));
    const address = (await get("service", "only-ready")).spec.clusterIP;
    const count = (await get("pods", "-l", "app=web")).items.length;
    await eventually("each pod has an endpoint", async () => {
      expect((await get("endpoints", "only-ready")).subsets[0].addresses).toHaveLength(count);
    });
    const [leaving] = (await get("pods", "-l", "app=web")).items;
    const name = leaving!.metadata.name;
    await kubectl("delete", "pod", name, "--wait=false", "--grace-period=10");
    await eventually("it is no ready endpoint any more", async () => {
      const slices = await get("endpointslices", "-l", "kubernetes.io/service-name=only-ready");
      const ready = slices.items.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions.ready);
      expect(ready.map(({ targetRef }) => targetRef.name)).not.toContain(name);
    });
    await eventually("nobody is sent there", async () =>
      expect(await hostnames(`http://${address}`, 20)).not.toContain(name),
    );
  });
});

describe("the API from a container", () => {
  const token = "$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)";
  const ca = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
  const ask = (path: string) => `const fs = require("fs");
    require("https").get("https://kubernetes.default${path}", {
      ca: fs.readFileSync("${ca}"),
      headers: { authorization: "Bearer " + fs.readFileSync("${ca.replace("ca.crt", "token")}") },
    }, (answer) => { answer.pipe(process.stdout); answer.on("end", () => console.log("\\nstatus", answer.statusCode)); })`;

  test("answers at kubernetes.default, under its own authority, to the pod's own service account", async () => {
    await kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods");
    await kubectl("create", "rolebinding", "reader", "--role=reader", `--serviceaccount=${ns}:default`);
    await cluster.apply(
      ns,
      scriptPod("asker", "", {
        containers: [{ name: "main", image: images.web, command: ["node", "-e", "setInterval(() => {}, 1e6)"] }],
      }),
    );
    await kubectl("wait", "--for=condition=Ready", "pod/asker", "--timeout=60s");
    const said = (path: string) => kubectl("exec", "asker", "--", "node", "-e", ask(path));
    const allowed = await said(`/api/v1/namespaces/${ns}/pods`);
    expect(allowed).toMatch(/"kind": ?"PodList"/);
    expect(allowed).toMatch(/\nstatus 200\n$/);
    const refused = await said(`/api/v1/namespaces/${ns}/secrets`);
    expect(refused).toMatch(/\nstatus 403\n$/);
    expect(refused).toContain(
      `User \\"system:serviceaccount:${ns}:default\\" cannot list resource \\"secrets\\" in API group \\"\\"`,
    );
  });

  test("the pod finds it by its environment too", async () => {
    expect(await inside("echo $KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT")).toBe(
      `${(await cluster.get("service", "kubernetes")).spec.clusterIP}:443\n`,
    );
    expect(await inside(`test -n "${token}" && echo there`)).toBe("there\n");
  });
});
