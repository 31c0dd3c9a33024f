import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { images, scriptPod } from "./tools/workloads.ts";

/* An unmodified kubectl, and the accounts of pods, by the names of upstream's conformance list. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-kubectl");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);
const folder = mkdtempSync(join(tmpdir(), "navarch-kubectl-conformance-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const waits = "trap 'exit 0' TERM; sleep 100000 & wait";
const controller = (name: string, replicas: number) => ({
  apiVersion: "v1",
  kind: "ReplicationController",
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { app: name },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "main",
            image: images.busybox,
            command: ["sh", "-c", waits],
            ports: [{ name: "server", containerPort: 6379 }],
          },
        ],
      },
    },
  },
});
const runs = (app: string, count: number) =>
  eventually(`${count} pods of ${app} run`, async () => {
    const { items } = await get("pods", "-l", `app=${app}`);
    expect(items.map(({ status }) => status.containerStatuses?.[0]?.ready)).toEqual(Array(count).fill(true));
  });
const tokens = "/var/run/secrets/kubernetes.io/serviceaccount";
const projected = {
  containers: [
    {
      name: "main",
      image: images.busybox,
      command: ["sh", "-c", `stat -Lc %a /projected/token; cat /projected/token; echo; ${waits}`],
      volumeMounts: [{ name: "token", mountPath: "/projected" }],
    },
  ],
  volumes: [
    {
      name: "token",
      projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600, audience: "test" } }] },
    },
  ],
};

beforeAll(async () => {
  await cluster.apply(
    ns,
    controller("primary", 1),
    controller("demo", 2),
    scriptPod("quiet", waits),
    scriptPod("logging", `echo an old line; sleep 2; echo a middle line; echo the last line; ${waits}`),
    scriptPod(
      "mounted",
      `for file in token ca.crt namespace; do test -s ${tokens}/$file && echo $file; done; ${waits}`,
    ),
    scriptPod("projected", "", projected),
  );
  await Promise.all([runs("primary", 1), runs("demo", 2)]);
  await kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=90s");
});

describe("Kubectl client", () => {
  test("Kubectl api-versions should check if v1 is in available api versions", async () => {
    expect((await kubectl("api-versions")).split("\n")).toContain("v1");
  });

  test("Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info", async () => {
    expect(await kubectl("cluster-info")).toMatch(/Kubernetes control plane.* is running at .*https:\/\//);
  });

  test("Kubectl version should check is all data is printed", async () => {
    const { clientVersion, serverVersion } = JSON.parse(await kubectl("version", "-o", "json"));
    for (const version of [clientVersion, serverVersion]) {
      const part = expect.stringMatching(/./);
      const all = [
        "major",
        "minor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
      ];
      expect(version).toMatchObject(Object.fromEntries(all.map((field) => [field, part])));
    }
  });

  test("Kubectl describe should check if kubectl describe prints relevant information for rc and pods", async () => {
    await cluster.apply(ns, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "primary" },
      spec: { selector: { app: "primary" }, ports: [{ port: 6379, targetPort: "server" }] },
    });
    await eventually("the Service has its endpoint", async () =>
      expect((await get("endpoints", "primary")).subsets?.[0]?.addresses).toHaveLength(1),
    );
    const pod = (await get("pods", "-l", "app=primary")).items[0]!;
    const described: readonly (readonly [readonly string[], readonly RegExp[]])[] = [
      [
        ["pod", pod.metadata.name],
        [
          /^Name: +primary-/m,
          /^Namespace: +conformance-kubectl$/m,
          /^Node: /m,
          /^Labels: +app=primary$/m,
          /^Status: +Running$/m,
        ],
      ],
      [
        ["pod", pod.metadata.name],
        [/^IP: +\d/m, /^Controlled By: +ReplicationController\/primary$/m, /^ +Image: /m, /^ +State: +Running$/m],
      ],
      [["pod", pod.metadata.name], [/^QoS Class: +BestEffort$/m]],
      [
        ["rc", "primary"],
        [
          /^Selector: +app=primary$/m,
          /^Replicas: +1 current \/ 1 desired$/m,
          /^Pods Status: +1 Running/m,
          /^Pod Template:$/m,
          /SuccessfulCreate/,
        ],
      ],
      [
        ["service", "primary"],
        [
          /^Selector: +app=primary$/m,
          /^Type: +ClusterIP$/m,
          /^IP: +\d/m,
          /6379\/TCP$/m,
          /^Endpoints: +\S+:6379$/m,
          /^Session Affinity: +None$/m,
        ],
      ],
      [
        ["node", pod.spec.nodeName],
        [
          /^Labels: /m,
          /^Annotations: /m,
          /^Conditions:$/m,
          /^ +OutOfDisk|^ +MemoryPressure/m,
          /^ +Ready +True /m,
          /^Addresses:$/m,
          /^Capacity:$/m,
          /^ +Container Runtime Version: /m,
          /^ +Kubelet Version: /m,
        ],
      ],
      [
        ["namespace", ns],
        [
          /^Name: +conformance-kubectl$/m,
          /^Labels: /m,
          /^Status: +Active$/m,
          /^No resource quota\.$/m,
          /^No LimitRange resource\.$/m,
        ],
      ],
    ];
    for (const [words, lines] of described) {
      const text = await kubectl("describe", ...words);
      for (const line of lines) expect(text).toMatch(line);
    }
  });

  test("Kubectl diff should check if kubectl diff finds a difference for Deployments", async () => {
    const deployment = (image: string) => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "httpd" },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "httpd" } },
        template: { metadata: { labels: { app: "httpd" } }, spec: { containers: [{ name: "httpd", image }] } },
      },
    });
    await cluster.apply(ns, deployment("httpd:1"));
    const input = JSON.stringify(deployment("busybox:2"));
    const { code, stdout } = await cluster.tryKubectl(["diff", "-n", ns, "-f", "-"], { input });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^-\s+- image: httpd:1$/m);
    expect(stdout).toMatch(/^\+\s+- image: busybox:2$/m);
  });

  test("Kubectl expose should create services for rc", async () => {
    await kubectl("expose", "rc", "primary", "--name=rm2", "--port=1234", "--target-port=6379");
    await kubectl("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379");
    const { status } = (await get("pods", "-l", "app=primary")).items[0]!;
    for (const [name, port] of [
      ["rm2", 1234],
      ["rm3", 2345],
    ] as const) {
      expect((await get("service", name)).spec).toMatchObject({
        selector: { app: "primary" },
        ports: [{ port, targetPort: 6379 }],
      });
      await eventually(`${name} leads to the pod`, async () => {
        const { subsets } = await get("endpoints", name);
        expect(subsets).toMatchObject([{ addresses: [{ ip: status.podIP }], ports: [{ port: 6379 }] }]);
      });
    }
  });

  test("Kubectl label should update the label on a resource", async () => {
    const labelled = async () => (await kubectl("get", "pod", "quiet", "-L", "testing-label", "--no-headers")).trim();
    await kubectl("label", "pods", "quiet", "testing-label=testing-label-value");
    expect(await labelled()).toMatch(/testing-label-value$/);
    expect(await kubectl("get", "pods", "-l", "testing-label=testing-label-value", "-o", "name")).toBe("pod/quiet\n");
    await kubectl("label", "pods", "quiet", "testing-label-");
    expect(await labelled()).not.toContain("testing-label-value");
    expect(await kubectl("get", "pods", "-l", "testing-label", "-o", "name")).toBe("");
  });

  test("Kubectl patch should add annotations for pods in rc", async () => {
    for (const { metadata } of (await get("pods", "-l", "app=demo")).items)
      await kubectl("patch", "pod", metadata.name, "-p", '{"metadata":{"annotations":{"x":"y"}}}');
    const { items } = await get("pods", "-l", "app=demo");
    expect(items.map(({ metadata }) => metadata.annotations?.x)).toEqual(["y", "y"]);
  });

  test("Kubectl run pod should create a pod from an image when restart is Never", async () => {
    await kubectl("run", "run-pod", "--restart=Never", `--image=${images.busybox}`);
    const { spec } = await get("pod", "run-pod");
    expect(spec).toMatchObject({ restartPolicy: "Never", containers: [{ image: images.busybox }] });
  });

  test("Kubectl replace should update a single-container pod's image", async () => {
    await kubectl(
      "run",
      "replaced",
      `--image=${images.busybox}`,
      "--labels=run=replaced",
      "--command",
      "--",
      "sh",
      "-c",
      waits,
    );
    await kubectl("wait", "--for=condition=Ready", "pod/replaced", "--timeout=60s");
    const text = await kubectl("get", "pod", "replaced", "-o", "json");
    const { code, stderr } = await cluster.tryKubectl(["replace", "-n", ns, "-f", "-"], {
      input: text.replaceAll(`"image": "${images.busybox}"`, `"image": "${images.web}"`),
    });
    expect(code, stderr).toBe(0);
    expect((await get("pod", "replaced")).spec.containers[0].image).toBe(images.web);
  });

  test("Kubectl server-side dry-run should check if kubectl can dry-run update Pods", async () => {
    const patch = JSON.stringify({ spec: { containers: [{ name: "main", image: images.web }] } });
    const said = await kubectl("patch", "pod", "quiet", "-p", patch, "--dry-run=server", "-o", "json");
    expect(JSON.parse(said).spec.containers[0].image).toBe(images.web);
    expect((await get("pod", "quiet")).spec.containers[0].image).toBe(images.busybox);
  });

  test("Proxy server should support proxy with --port 0", async () => {
    await using proxy = cluster.startKubectl("proxy", "--port=0", "--disable-filter");
    const base = `http://${(await proxy.says(/Starting to serve on (\S+)/))[1]}`;
    expect(await (await fetch(`${base}/api/`)).json()).toMatchObject({ versions: ["v1"] });
  });

  test("Proxy server should support --unix-socket=/path", async () => {
    const socketPath = join(folder, "socket");
    await using proxy = cluster.startKubectl("proxy", `--unix-socket=${socketPath}`);
    await proxy.says(/Starting to serve on /);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    request({ socketPath, path: "/api/", headers: { host: "localhost" } }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      resolve(Buffer.concat(parts).toString());
    })
      .on("error", reject)
      .end();
    expect(JSON.parse(await promise)).toMatchObject({ versions: ["v1"] });
  });

  test("Update Demo should create and stop a replication controller", async () => {
    await runs("demo", 2);
    await cluster.apply(ns, controller("stopped", 2));
    await runs("stopped", 2);
    await kubectl("delete", "rc", "stopped");
    await eventually("its pods are gone", async () =>
      expect((await get("pods", "-l", "app=stopped")).items).toEqual([]),
    );
  });

  test("Update Demo should scale a replication controller", async () => {
    for (const count of [1, 2]) {
      await kubectl("scale", "rc", "demo", `--replicas=${count}`, "--timeout=60s");
      await runs("demo", count);
    }
  });
});

describe("Kubectl logs", () => {
  test("logs should be able to retrieve and filter logs", async () => {
    const logs = (...args: readonly string[]) => kubectl("logs", "logging", ...args);
    const all = "an old line\na middle line\nthe last line\n";
    await eventually("everything was said", async () => expect(await logs()).toBe(all));
    expect(await logs("main")).toBe(all);
    expect(await logs("--tail=1")).toBe("the last line\n");
    expect(await logs("--limit-bytes=1")).toBe("a");
    const [time, ...words] = (await logs("--tail=1", "--timestamps")).split(" ");
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)$/);
    expect(words.join(" ")).toBe("the last line\n");
    expect(await logs("--since=24h")).toBe(all);
    await eventually("nothing is of the last second", async () => expect(await logs("--since=1s")).toBe(""));
  });
});

describe("ServiceAccounts", () => {
  test("should mount an API token into pods", async () => {
    expect(await kubectl("logs", "mounted")).toBe("token\nca.crt\nnamespace\n");
    const read = (file: string) => kubectl("exec", "mounted", "--", "cat", `${tokens}/${file}`);
    expect(await read("namespace")).toBe(ns);
    expect(await read("ca.crt")).toBe((await get("configmap", "kube-root-ca.crt")).data["ca.crt"]);
    const who = await cluster.kubectl("auth", "whoami", "-o", "json", `--token=${await read("token")}`);
    expect(JSON.parse(who).status.userInfo.groups).toContain("system:authenticated");
  });

  test("should mount projected service account token", async () => {
    const [mode, token = ""] = (await kubectl("logs", "projected")).split("\n");
    expect(mode).toBe("644");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims).toMatchObject({ aud: ["test"], sub: `system:serviceaccount:${ns}:default` });
    const spec = { token, audiences: ["test"] };
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: {}, spec };
    const { stdout } = await cluster.tryKubectl(["create", "-f", "-", "-o", "json"], { input: JSON.stringify(review) });
    expect(JSON.parse(stdout).status).toMatchObject({ authenticated: true, audiences: ["test"] });
  });

  test("should allow opting out of API token automount", async () => {
    const accounts = [undefined, true, false].map((automountServiceAccountToken) => ({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: `automount-${automountServiceAccountToken}` },
      automountServiceAccountToken,
    }));
    await cluster.apply(ns, ...accounts);
    for (const { metadata, automountServiceAccountToken: ofAccount } of accounts) {
      for (const ofPod of [undefined, true, false]) {
        const spec = {
          serviceAccountName: metadata.name,
          automountServiceAccountToken: ofPod,
          containers: [{ name: "main", image: images.busybox }],
        };
        const input = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "automount" }, spec });
        const words = ["create", "-n", ns, "-f", "-", "--dry-run=server", "-o", "json"];
        const { containers } = JSON.parse((await cluster.tryKubectl(words, { input })).stdout).spec;
        const paths = (containers[0].volumeMounts ?? []).map(({ mountPath }: { mountPath: string }) => mountPath);
        expect(paths, `${metadata.name}, pod ${ofPod}`).toEqual((ofPod ?? ofAccount ?? true) ? [tokens] : []);
      }
    }
  });

  test("should guarantee kube-root-ca.crt exist in any namespace", async () => {
    const authority = async () => (await get("configmap", "kube-root-ca.crt")).data;
    const before = await authority();
    await kubectl("delete", "configmap", "kube-root-ca.crt");
    await eventually("it is back", async () => expect(await authority()).toEqual(before));
    await kubectl("patch", "configmap", "kube-root-ca.crt", "-p", '{"data":{"ca.crt":""}}');
    await eventually("it is mended", async () => expect(await authority()).toEqual(before));
  });

  test("ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer", async () => {
    const token = (await kubectl("create", "token", "default")).trim();
    const part = (at: number) => JSON.parse(Buffer.from(token.split(".")[at] ?? "", "base64url").toString());
    const discovery = JSON.parse(await cluster.kubectl("get", "--raw", "/.well-known/openid-configuration"));
    expect(discovery.issuer).toBe(part(1).iss);
    const { keys } = JSON.parse(await cluster.kubectl("get", "--raw", new URL(discovery.jwks_uri).pathname));
    expect(keys.map(({ kid }: { kid: string }) => kid)).toContain(part(0).kid);
  });
});
