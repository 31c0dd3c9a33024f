import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { hostnames } from "./tools/guestbook.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { images, scriptPod, webDeployment, webService } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "network");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);

/** Runs a program of Node.js in a container; its name resolution is the C library's, as that of most programs. */
const inside = (program: string) => kubectl("exec", "client", "--", "node", "-e", program);
const lookUp = async (name: string) => {
  const program = `require("dns").lookup("${name}", { all: true, family: 4 }, (error, found) =>
    console.log(error ? error.code : JSON.stringify(found.map((one) => one.address).sort())))`;
  return (await inside(program)).trim();
};
const ask = async (url: string) =>
  await inside(
    `fetch("${url}").then((answer) => answer.text()).then(console.log, (error) => console.log(error.cause?.code))`,
  );

beforeAll(async () => {
  await cluster.apply(
    ns,
    scriptPod("client", "", {
      containers: [{ name: "main", image: images.web, command: ["node", "-e", "setInterval(() => {}, 1e6)"] }],
    }),
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
    JSON.stringify((await get("pods", "-l", "app=web")).items.map(({ status }) => status.podIP as string).sort());

  test("a Service has its name in its own namespace and, with the namespace, in every other", async () => {
    const { spec } = await get("service", "web");
    for (const name of ["web", "web.network", "web.network.svc", "web.network.svc.cluster.local"]) {
      expect(await lookUp(name), name).toBe(JSON.stringify([spec.clusterIP]));
    }
    const redis = await cluster.get("service", "redis-master");
    expect(await lookUp("redis-master.default")).toBe(JSON.stringify([redis.spec.clusterIP]));
  });

  test("kubernetes.default is the API server's Service, for nslookup too", async () => {
    const { spec } = await cluster.get("service", "kubernetes");
    expect(await lookUp("kubernetes.default")).toBe(JSON.stringify([spec.clusterIP]));
    await cluster.apply(ns, scriptPod("asking", "sleep 100000"));
    await kubectl("wait", "--for=condition=Ready", "pod/asking", "--timeout=60s");
    const said = await kubectl("exec", "asking", "--", "nslookup", "kubernetes.default.svc.cluster.local");
    expect(said).toMatch(
      new RegExp(`^Name:\\s+kubernetes.default.svc.cluster.local\nAddress: ${spec.clusterIP}$`, "m"),
    );
  });

  test("a headless Service is the addresses of its pods, and follows them", async () => {
    await eventually("the name has the pods' addresses", async () =>
      expect(await lookUp("headless")).toBe(await podAddresses()),
    );
    await kubectl("scale", "deployment/web", "--replicas=3");
    await kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    await eventually("the name has three addresses", async () => {
      const now = await lookUp("headless");
      expect(JSON.parse(now)).toHaveLength(3);
      expect(now).toBe(await podAddresses());
    });
  });

  test("a name that is not there is said not to be", async () => {
    expect(await lookUp("nobody")).toBe("ENOTFOUND");
    expect(await lookUp("nobody.network.svc.cluster.local")).toBe("ENOTFOUND");
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
    await seen(async () => [/"HOSTNAME": "(.*)"/.exec(await ask("http://web/env"))?.[1] ?? "?"]);
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
      webService("reflection", { selector: { app: "mirror" }, ports: [{ port: 80, targetPort: 6000 }] }),
    );
    await kubectl("wait", "--for=condition=Ready", "pod/mirror", "--timeout=60s");
    await eventually("it hears itself", async () =>
      expect(await kubectl("exec", "mirror", "--", "nc", "-w", "5", "reflection", "80")).toBe("reflected\n"),
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
      expect((await ask("http://empty/")).trim()).toBe("ECONNREFUSED"),
    );
  });

  test("a balancer learns at the health check's port whether the node has pods of a Service", async () => {
    const local = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
    await cluster.apply(
      ns,
      webService("balanced", { ...local, selector: { app: "web" } }),
      webService("elsewhere", { ...local, selector: { app: "nobody" }, ports: [{ port: 81 }] }),
    );
    const { length } = (await get("pods", "-l", "app=web")).items;
    const asked = async (name: string) => {
      const port = (await get("service", name)).spec.healthCheckNodePort;
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
      return [answer.status, answer.headers.get("x-load-balancing-endpoint-weight"), await answer.json()];
    };
    const said = (name: string, localEndpoints: number) => {
      return { service: { namespace: ns, name }, localEndpoints, serviceProxyHealthy: true };
    };
    await eventually("both are known", async () => {
      expect(await asked("balanced")).toEqual([200, String(length), said("balanced", length)]);
      expect(await asked("elsewhere")).toEqual([503, "0", said("elsewhere", 0)]);
    });
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
  const account = "/var/run/secrets/kubernetes.io/serviceaccount";
  const call = (host: string, path: string) =>
    inside(`const { readFileSync } = require("fs");
      const options = {
        ca: readFileSync("${account}/ca.crt"),
        headers: { authorization: "Bearer " + readFileSync("${account}/token", "utf8") },
      };
      require("https").get("https://" + ${host} + "${path}", options, (answer) => {
        console.log(answer.statusCode);
        answer.pipe(process.stdout);
      })`);

  test("answers at kubernetes.default, under its own authority, to the pod's own service account", async () => {
    await kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods");
    await kubectl("create", "rolebinding", "reader", "--role=reader", `--serviceaccount=${ns}:default`);
    const allowed = await eventually("the role is known", async () => {
      const said = await call('"kubernetes.default"', `/api/v1/namespaces/${ns}/pods`);
      expect(said).toMatch(/^200\n/);
      return said;
    });
    expect(allowed).toMatch(/"kind": ?"PodList"/);
    const refused = await call('"kubernetes.default"', `/api/v1/namespaces/${ns}/secrets`);
    expect(refused).toMatch(/^403\n/);
    expect(refused).toContain(
      `User \\"system:serviceaccount:${ns}:default\\" cannot list resource \\"secrets\\" in API group \\"\\"`,
    );
  });

  test("the pod finds it by its environment too", async () => {
    const host = 'process.env.KUBERNETES_SERVICE_HOST + ":" + process.env.KUBERNETES_SERVICE_PORT';
    expect(await call(host, "/version")).toMatch(/^200\n[\s\S]*"gitVersion": ?"v1\./);
  });
});
