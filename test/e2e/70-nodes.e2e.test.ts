import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type KubeJson, newPlace, type Part, TestCluster } from "./tools/cluster.ts";
import { eventually, throughout } from "./tools/eventually.ts";
import { hostnames, loadBalancer } from "./tools/guestbook.ts";
import { difference, machineState } from "./tools/machine-state.ts";
import { type Machine, openMachine } from "./tools/namespace.ts";
import { start } from "./tools/processes.ts";
import { images, webDeployment, webService } from "./tools/workloads.ts";

/* A cluster of three nodes in three zones, with a machine that joins; its times are short. */

const cluster = new TestCluster(newPlace("many"));
const program = join(import.meta.dirname, "../../bin/navarch.js");
const before = machineState();
const short = [
  ["--kubelet-arg", "node-status-update-frequency=1s"],
  ["--controller-manager-arg", "node-monitor-period=1s"],
  ["--controller-manager-arg", "node-monitor-grace-period=12s"],
].flat();
const parts: readonly Part[] = ["up", "server", "agent", "agent-2", "agent-3"];

const { kubectl } = cluster;
const byName = (one: KubeJson, other: KubeJson) => (one.metadata.name < other.metadata.name ? -1 : 1);
const nodes = async () => (await cluster.get("nodes")).items.toSorted(byName);
const pods = async (app: string) => (await cluster.get("pods", "-l", `app=${app}`)).items;
const addressOf = (node: KubeJson) =>
  node.status.addresses.find(({ type }: { type: string }) => type === "InternalIP").address as string;
const isReady = ({ status }: KubeJson) =>
  status.conditions?.some(
    ({ type, status }: { type: string; status: string }) => type === "Ready" && status === "True",
  );

/** The bridge that nodes are plugged into, and a node's cable to it. */
function bridge(): string {
  const { cluster: known } = JSON.parse(readFileSync(join(cluster.dataDir, "cluster.json"), "utf8"));
  return `navarch${known.nodeRange.split(".")[2]}`;
}
const setCable = (number: number, state: "up" | "down") =>
  execFileSync("/sbin/ip", ["link", "set", "dev", `${bridge()}-${number}`, state]);

/** Runs a program of Node.js in a pod of the web image. */
const inside = (pod: KubeJson, code: string) => kubectl("exec", pod.metadata.name, "--", "node", "-e", code);
/** What a pod's log has once its container has said its name. */
const heard = async (pod: KubeJson) => {
  await inside(pod, 'require("fs").writeFileSync("/proc/1/fd/1", process.env.HOSTNAME + " speaks\\n")');
  return await kubectl("logs", pod.metadata.name);
};
const fetching = (url: string) =>
  `fetch("${url}", { headers: { connection: "close" } }).then((answer) => answer.text()).then(console.log)`;

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => console.error(await cluster.diagnosis()));
});

beforeAll(async () => {
  await cluster.up("--nodes", "3", "--zones", "a,b,c", "--example", "guestbook", ...short);
  const loaded = await cluster.navarch(["image", "load", images.busybox, "--name", "many"]);
  expect(loaded.code, loaded.stderr).toBe(0);
  const spread = {
    topologyKey: "kubernetes.io/hostname",
    maxSkew: 1,
    whenUnsatisfiable: "DoNotSchedule",
    labelSelector: { matchLabels: { app: "web" } },
  };
  const web = webDeployment("web", 3) as KubeJson;
  const template = { ...web.spec.template, spec: { ...web.spec.template.spec, topologySpreadConstraints: [spread] } };
  await cluster.apply(
    "default",
    { ...web, spec: { ...web.spec, template } },
    webService("web", { type: "NodePort" }),
    webService("headless", { clusterIP: "None", selector: { app: "web" } }),
  );
  await kubectl("rollout", "status", "deployment/web", "--timeout=90s");
});
afterAll(() => cluster.remove());

describe("three nodes on one machine", () => {
  test("have names, zones and addresses of their own, and a pod each", async () => {
    const all = await nodes();
    expect(all).toHaveLength(3);
    expect(all.every(isReady)).toBe(true);
    const zones = (label: string) => all.map(({ metadata }) => metadata.labels?.[label]).join();
    expect(zones("topology.kubernetes.io/zone")).toBe("a,b,c");
    expect(zones("failure-domain.beta.kubernetes.io/zone")).toBe("a,b,c");
    expect(new Set(all.map(addressOf)).size).toBe(3);
    expect(new Set((await pods("web")).map(({ spec }) => spec.nodeName)).size).toBe(3);
  });

  test("pods reach each other, Services and names from every node", async () => {
    const all = await pods("web");
    const addresses = all.map(({ status }) => status.podIP as string).sort();
    const { spec } = await cluster.get("service", "web");
    for (const pod of all) {
      const seen = await inside(
        pod,
        `const dns = require("dns").promises;
        const name = async (url) => (await (await fetch(url, { headers: { connection: "close" } })).json()).HOSTNAME;
        (async () => {
          const direct = [];
          for (const one of ${JSON.stringify(addresses)}) direct.push(await name("http://" + one + ":3000/env"));
          const turns = new Set();
          for (let round = 0; round < 200 && turns.size < 3; round++) turns.add(await name("http://web/env"));
          const lookUp = async (host) => (await dns.lookup(host, { all: true, family: 4 })).map((one) => one.address).sort();
          console.log(JSON.stringify({
            direct, turns: turns.size, service: await lookUp("web.default"), headless: await lookUp("headless"),
          }));
        })()`,
      );
      expect(JSON.parse(seen), `from ${pod.spec.nodeName}`).toEqual({
        direct: addresses.map((address) => all.find(({ status }) => status.podIP === address)?.metadata.name),
        turns: 3,
        service: [spec.clusterIP],
        headless: addresses,
      });
    }
  });

  test("a Service that prefers its callers' node leads to the pod there", async () => {
    const near = webService("near", { selector: { app: "web" }, trafficDistribution: "PreferSameNode" });
    await cluster.apply("default", near);
    await eventually("every endpoint has its hints", async () => {
      const slices = await cluster.get("endpointslices", "-l", "kubernetes.io/service-name=near");
      const hinted = slices.items.flatMap(({ endpoints }) => endpoints).filter(({ hints }) => hints?.forNodes);
      expect(hinted).toHaveLength(3);
    });
    const program = `const name = async () =>
      (await (await fetch("http://near/env", { headers: { connection: "close" } })).json()).HOSTNAME;
      (async () => { for (let round = 0; round < 10; round++) console.log(await name()); })()`;
    for (const pod of await pods("web")) {
      await eventually(`the pod of ${pod.spec.nodeName} hears itself`, async () => {
        const names = (await inside(pod, program)).trim().split("\n");
        expect(names).toEqual(Array(10).fill(pod.metadata.name));
      });
    }
  });

  test("a node port answers from outside at every node's address", async () => {
    const port = (await cluster.get("service", "web")).spec.ports[0].nodePort;
    for (const address of ["127.0.0.1", ...(await nodes()).map(addressOf)]) {
      const seen = new Set<string>();
      await eventually(`all three pods answer at ${address}`, async () => {
        for (const name of await hostnames(`http://${address}:${port}`, 6)) seen.add(name);
        return seen.size === 3;
      });
    }
  });

  test("a node port answers every node's address to a machine that is on another network", async () => {
    await using far = openMachine({
      name: "manyfar",
      address: "198.51.100.6/30",
      other: { address: "198.51.100.5/30" },
      gateway: "198.51.100.5",
    });
    await cluster.apply(
      "default",
      webService("own", { type: "NodePort", selector: { app: "web" }, externalTrafficPolicy: "Local" }),
    );
    const portOf = async (name: string) => (await cluster.get("service", name)).spec.ports[0].nodePort as number;
    const [anyPort, ownPort] = [await portOf("web"), await portOf("own")];
    const asking = (url: string) => `(async () => { for (let round = 0; round < 12; round++)
      console.log((await (await fetch("${url}/env", { headers: { connection: "close" }, signal: AbortSignal.timeout(3000) })).json()).HOSTNAME);
    })()`;
    const ask = (address: string, port: number) =>
      new Set(
        far
          .run(process.execPath, "-e", asking(`http://${address}:${port}`))
          .trim()
          .split("\n"),
      );
    const all = await pods("web");
    for (const node of await nodes()) {
      const here = all.filter(({ spec }) => spec.nodeName === node.metadata.name).map(({ metadata }) => metadata.name);
      await eventually(`${node.metadata.name} answers`, async () => {
        expect(ask(addressOf(node), anyPort).size).toBeGreaterThan(1);
        expect([...ask(addressOf(node), ownPort)]).toEqual(here);
      });
    }
  });

  test("the world sees the machine's address, whichever node a pod is on", async () => {
    await using world = openMachine({
      name: "manyworld",
      address: "198.51.100.2/30",
      other: { address: "198.51.100.1/30" },
    });
    const server = `require("http").createServer((request, response) => response.end(request.socket.remoteAddress))
      .listen(8080, "198.51.100.2", () => console.log("listening"))`;
    await using serving = world.start(process.execPath, ["-e", server]);
    await serving.says(/listening/);
    for (const pod of await pods("web")) {
      const seen = await inside(pod, fetching("http://198.51.100.2:8080"));
      expect(seen.trim(), pod.spec.nodeName).toBe("198.51.100.1");
    }
  });

  test("each node's agent answers the API server: logs, exec, forwarded ports, figures", async () => {
    for (const pod of await pods("web")) {
      const { name } = pod.metadata;
      expect(await heard(pod)).toContain(`${name} speaks`);
      await using forward = cluster.startKubectl("port-forward", name, ":3000");
      const [, port] = await forward.says(/127\.0\.0\.1:(\d+) ->/);
      expect(await hostnames(`http://127.0.0.1:${port}`, 1)).toEqual([name]);
      expect(await kubectl("get", "--raw", `/api/v1/nodes/${pod.spec.nodeName}/proxy/metrics/resource`)).toContain(
        name,
      );
    }
  });
});

describe("a policy over several nodes", () => {
  test("lets in whom it names, from every node, and nobody else", async () => {
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "among-web" },
      spec: {
        podSelector: { matchLabels: { app: "web" } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
      },
    };
    const [friends, strangers] = [await pods("web"), await pods("guestbook")];
    const targets = JSON.stringify(friends.map(({ status }) => `http://${status.podIP}:3000/healthz`));
    const asking = (pod: KubeJson) =>
      inside(
        pod,
        `Promise.all(${targets}.map((url) => fetch(url, { signal: AbortSignal.timeout(2000) }).then(() => "in", () => "out")))
          .then((answers) => console.log(answers.join()))`,
      );
    const all = async (from: readonly KubeJson[]) => new Set(await Promise.all(from.map(asking)));
    const everywhere = (answer: string) => new Set([`${friends.map(() => answer).join()}\n`]);
    expect(new Set(strangers.map(({ spec }) => spec.nodeName)).size).toBe(3);
    await cluster.apply("default", policy);
    await eventually("strangers stay out", async () => expect(await all(strangers)).toEqual(everywhere("out")));
    expect(await all(friends)).toEqual(everywhere("in"));
    await kubectl("delete", "networkpolicy", "among-web");
    await eventually("strangers are let in", async () => expect(await all(strangers)).toEqual(everywhere("in")));
  });
});

describe("a machine that joins", () => {
  let machine: Machine;
  const far = new TestCluster(newPlace("manyfar"));
  /** Its own Navarch, which the test ends by Ctrl-C. */
  const join = (...args: readonly string[]) =>
    machine.start(process.execPath, [program, "join", ...args, "--name", "manyfar", "--yes"], { env: far.env });

  beforeAll(async () => {
    const [first] = await nodes();
    const range = addressOf(first!).replace(/\d+$/, "");
    machine = openMachine({
      name: "manyfar",
      address: `${range}200/24`,
      other: { bridge: bridge() },
      gateway: `${range}1`,
    });
  });
  afterAll(async () => {
    await using _machine = machine;
    const { command } = downOnIt();
    await start(command[0]!, command.slice(1), { env: far.env }).ended;
    await far.remove();
  });
  const downOnIt = () => ({
    command: ["nsenter", "--net=/run/netns/nvnet-manyfar", process.execPath, program, "down", "--name", "manyfar"],
  });

  test("is refused with a token that nobody knows, and by a hash of another authority", async () => {
    const { stdout } = await cluster.navarch(["token", "create", "--name", "many", "--print-join-command"]);
    const [, , server, ...flags] = stdout.trim().split(" ");
    const unknown = flags.map((word) => (/^[a-z0-9]{6}\./.test(word) ? "aaaaaa.0123456789abcdef" : word));
    const another = flags.map((word) => word.replace(/sha256:.*/, `sha256:${"0".repeat(64)}`));
    for (const [wrong, says] of [
      [another, /which is not the one that was given/],
      [unknown, /could not find a JWS signature in the cluster-info ConfigMap for token ID "aaaaaa"/],
    ] as const) {
      await using refused = join(server!, ...wrong);
      expect(await refused.ended).toBe(1);
      expect(refused.stderr).toMatch(says);
    }
    expect(await nodes()).toHaveLength(3);
  });

  test("becomes a node by the printed command, and its pods are as near as others", async () => {
    const { stdout } = await cluster.navarch(["token", "create", "--name", "many", "--print-join-command"]);
    const [, , ...args] = stdout.trim().split(" ");
    await using joining = join(...args, "--node-name", "far", "--zone", "d", "--kubelet-arg", "max-pods=9");
    await joining.says(/This machine is node far/);
    const node = await cluster.get("node", "far");
    expect(isReady(node)).toBe(true);
    expect(node.metadata.labels?.["topology.kubernetes.io/zone"]).toBe("d");
    expect(node.status.capacity.pods).toBe("9");
    const requests = (await cluster.get("certificatesigningrequests")).items;
    expect(requests.map(({ spec }) => spec.signerName)).toEqual(
      expect.arrayContaining(["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"]),
    );

    const loaded = await far.navarch(["image", "load", images.web, "--name", "manyfar"]);
    expect(loaded.code, loaded.stderr).toBe(0);
    const web = webDeployment("remote", 1) as KubeJson;
    const spec = { ...web.spec.template.spec, nodeName: "far" };
    const template = { ...web.spec.template, spec };
    await cluster.apply("default", { ...web, spec: { ...web.spec, template } }, webService("remote"));
    await kubectl("rollout", "status", "deployment/remote", "--timeout=90s");
    const [remote] = await pods("remote");
    for (const pod of await pods("web")) {
      await eventually(`the Service is known on ${pod.spec.nodeName}`, async () =>
        expect(await inside(pod, fetching("http://remote/env"))).toContain(remote!.metadata.name),
      );
    }
    expect(await inside(remote!, fetching("http://web/env"))).toMatch(/"HOSTNAME": "web-/);
    await cluster.apply("default", {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "remote" },
      spec: { defaultBackend: { service: { name: "remote", port: { number: 80 } } } },
    });
    for (const each of await nodes()) {
      await eventually(`the Ingress is served at ${each.metadata.name}`, async () =>
        expect(await hostnames(`http://${addressOf(each)}`, 1)).toEqual([remote!.metadata.name]),
      );
    }
    await kubectl("delete", "ingress", "remote");
    expect(await heard(remote!)).toContain(`${remote!.metadata.name} speaks`);

    joining.kill("SIGINT");
    expect(await joining.ended).toBe(0);
    expect(machine.run("ip", "-o", "link").trim().split("\n")).toHaveLength(2);
    expect(machine.run("nft", "list", "tables")).toBe("");
  });

  test("tokens are listed, and of no use once deleted", async () => {
    const token = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await cluster.navarch(["token", ...args, "--name", "many"]);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    await token("create", "navarc.0123456789abcdef", "--ttl", "1h", "--description", "for the attic");
    expect(await token("list")).toMatch(/^navarc\.0123456789abcdef +\S+ +\S+ +authentication,signing +for the attic/m);
    expect(await token("delete", "navarc")).toBe('bootstrap token "navarc" deleted\n');
    expect(await token("list")).not.toContain("navarc");
    await eventually("it vouches for nothing any more", async () => {
      const { data } = await cluster.get("configmap", "cluster-info", "-n", "kube-public");
      expect(Object.keys(data)).not.toContain("jws-kubeconfig-navarc");
    });
  });

  test("comes back without a token, as what it was", async () => {
    await using again = join();
    await again.says(/This machine is node far/);
    await kubectl("rollout", "status", "deployment/remote", "--timeout=90s");
    again.kill("SIGINT");
    expect(await again.ended).toBe(0);
    await kubectl("delete", "deployment/remote", "service/remote", "node/far");
  });
});

describe("a node that is cut off", () => {
  const three = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "three" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "three" } },
      template: {
        metadata: { labels: { app: "three" } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "main", image: images.busybox, command: ["sleep", "100000"] }],
          tolerations: ["unreachable", "not-ready"].map((key) => ({
            key: `node.kubernetes.io/${key}`,
            operator: "Exists",
            effect: "NoExecute",
            tolerationSeconds: 2,
          })),
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: { app: "three" } },
            },
          ],
        },
      },
    },
  };
  const active = async () => (await pods("three")).filter(({ metadata }) => !("deletionTimestamp" in metadata));
  const conditionOf = async (name: string) => {
    const { status } = await cluster.get("node", name);
    return status.conditions.find(({ type }: { type: string }) => type === "Ready");
  };

  test("is NotReady, its pod is replaced, and removed when it comes back: exactly three stay three", async () => {
    await cluster.apply("default", three);
    await eventually("three run on three nodes", async () => {
      const all = await pods("three");
      expect(all.filter(isReady)).toHaveLength(3);
      expect(new Set(all.map(({ spec }) => spec.nodeName)).size).toBe(3);
    });
    const second = (await nodes())[1]!.metadata.name;
    const lost = (await pods("three")).find(({ spec }) => spec.nodeName === second)!.metadata.name;
    setCable(2, "down");
    try {
      await eventually("the node is not heard of", async () =>
        expect(await conditionOf(second)).toMatchObject({ status: "Unknown", reason: "NodeStatusUnknown" }),
      );
      await eventually("another pod is ready in the place of the lost one", async () => {
        const alive = await active();
        expect(alive.filter(isReady)).toHaveLength(3);
        expect(alive.map(({ spec }) => spec.nodeName)).not.toContain(second);
      });
      // Nobody can say that it has ended, so it is not forgotten.
      expect((await cluster.get("pod", lost)).metadata).toHaveProperty("deletionTimestamp");
    } finally {
      setCable(2, "up");
    }
    await eventually("the node is ready again", async () =>
      expect(await conditionOf(second)).toMatchObject({ status: "True" }),
    );
    await eventually("the lost pod is gone", async () =>
      expect((await pods("three")).map(({ metadata }) => metadata.name)).not.toContain(lost),
    );
    await throughout("exactly three", async () => expect((await active()).filter(isReady)).toHaveLength(3));
  });

  test("a zone less, the guestbook still serves", async () => {
    const third = (await nodes())[2]!.metadata.name;
    const url = await loadBalancer(cluster);
    setCable(3, "down");
    try {
      await eventually("the node is not heard of", async () =>
        expect(await conditionOf(third)).toMatchObject({ status: "Unknown" }),
      );
      await eventually("thirty visitors in a row are served", async () => {
        for (let visitor = 0; visitor < 30; visitor++) {
          const answer = await fetch(`${url}/lrange/zone`, {
            headers: { connection: "close" },
            signal: AbortSignal.timeout(5_000),
          });
          expect(answer.status).toBe(200);
        }
      });
    } finally {
      setCable(3, "up");
    }
    await eventually("the node is ready again", async () =>
      expect(await conditionOf(third)).toMatchObject({ status: "True" }),
    );
    await kubectl("delete", "replicaset", "three");
  });
});

describe("the life of several nodes", () => {
  const identities = async () =>
    (await pods("web")).map(({ metadata, status }) => `${metadata.name} ${status.containerStatuses[0].containerID}`);
  /** Bridges of other clusters may come and go beside this one. */
  const left = () => {
    const links = execFileSync("/sbin/ip", ["-o", "link"], { encoding: "utf8" }).split("\n");
    const foreign = (line: string) => /\bnavarch\d+\b/.test(line) && !line.includes(link);
    return [
      ...difference(before, machineState(), cluster.place).filter((line) => !foreign(line)),
      ...links.filter((line) => line.includes(`${link}-`)),
    ];
  };
  let link = "";

  test("kill -9 of all processes: the next start adopts every container", async () => {
    link = bridge();
    const same = await identities();
    await cluster.killNow(...parts);
    await cluster.up();
    await eventually("all nodes are ready", async () => expect((await nodes()).filter(isReady)).toHaveLength(3));
    expect(await identities()).toEqual(same);
  });

  test("kill -9 and then navarch down: nothing is left behind", async () => {
    await cluster.killNow(...parts);
    const { code, stderr } = await cluster.navarch(["down", "--name", "many"]);
    expect(code, stderr).toBe(0);
    expect(left()).toEqual([]);
  });

  test("Ctrl-C while the nodes start ends it at once, and leaves nothing behind", async () => {
    cluster.begin();
    await eventually("the first node runs", () => expect(cluster.said()).toMatch(/^ok node/m), { every: 10 });
    await cluster.interrupt();
    expect(cluster.said()).toContain("interrupted before the cluster was ready");
    expect(left()).toEqual([]);
  });

  test("fewer nodes are wished: the others are forgotten, and Ctrl-C leaves nothing behind", async () => {
    await cluster.up("--nodes", "2");
    expect(await nodes()).toHaveLength(2);
    // A program that has only just begun does not hear that it is to end.
    const names = (await nodes()).map(({ metadata }) => metadata.name);
    await eventually("every pod of these nodes is ready", async () => {
      const here = (await cluster.get("pods")).items.filter(({ spec }) => names.includes(spec.nodeName));
      expect(here.filter((pod) => !isReady(pod))).toEqual([]);
    });
    const { stdout, code } = await cluster.navarch(["status", "many", "-o", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: "running", nodes: [{ zone: "a" }, { zone: "b" }] });
    await cluster.interrupt();
    expect(left()).toEqual([]);
    expect((await cluster.navarch(["status", "many"])).code).toBe(3);
  });
});
