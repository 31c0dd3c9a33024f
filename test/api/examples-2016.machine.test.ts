import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kubectlPath } from "../e2e/tools/kubectl.ts";
import { start } from "../e2e/tools/processes.ts";
import { type Ended, runOurs, runReference } from "../kubectl/tools/programs.ts";
import { wordsOf } from "../kubectl/tools/story.ts";
import { type LiveServer, startLiveServer } from "./tools/live-server.ts";

/** Every command that examples/2016/README.md prints, against a whole control plane, with both kubectls. */
const folder = join(import.meta.dirname, "../../examples/2016");
const policies = "/apis/net.alpha.kubernetes.io/v1alpha1/namespaces/tenant-a/networkpolicys";

describe.each([
  { program: "an unmodified kubectl", run: runReference },
  { program: "navarch kubectl", run: runOurs },
])("what the documents of 2016 print, with $program", ({ program, run }) => {
  const ours = program === "navarch kubectl";
  let server: LiveServer;
  let cwd: string;
  const kubectl = (line: string, more: { readonly input?: string; readonly env?: Record<string, string> } = {}) =>
    run({
      words: wordsOf(line),
      cwd,
      env: {
        HOME: server.folder,
        KUBECONFIG: server.kubeconfig,
        KUBECACHEDIR: join(server.folder, "cache"),
        ...more.env,
      },
      ...(more.input === undefined ? {} : { input: more.input }),
    });
  const good = async (ended: Promise<Ended>): Promise<string> => {
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };

  beforeAll(async () => {
    server = await startLiveServer();
    cwd = join(server.folder, "2016");
    cpSync(folder, cwd, { recursive: true });
    cpSync(join(folder, "../guestbook"), join(cwd, "guestbook-go"), { recursive: true });
    await good(kubectl("create namespace tenant-a"));
    // Pods are refused until their account is there.
    await vi.waitFor(async () => await good(kubectl("get serviceaccount default")), { timeout: 30_000 });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test("the Deployment of six", async () => {
    expect(await good(kubectl("create -f ./nginx.yaml"))).toBe("deployment.extensions/my-nginx created\n");
    await vi.waitFor(
      async () => {
        expect((await good(kubectl("get pods -l run=my-nginx -o name"))).trim().split("\n")).toHaveLength(6);
      },
      { timeout: 30_000 },
    );
  });

  test("a ConfigMap whose name is written with a capital", async () => {
    const made = await kubectl("create -f example-configmap.yaml");
    expect(made).toMatchObject({ code: 0, stdout: "configmap/example-configmap created\n" });
    expect(made.stderr).toContain("metadata.Name is read as metadata.name");
  });

  test("the Deployment with the ConfigMap: out of line it is refused, in line it is made", async () => {
    const refused = await kubectl("create -f configmap-example-deployment.yaml");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("error parsing configmap-example-deployment.yaml");
    expect(await good(kubectl("create -f configmap-example-deployment.mended.yaml"))).toBe(
      "deployment.extensions/configmap-example-deployment created\n",
    );
  });

  test("a ThirdPartyResource and a policy of it", async () => {
    expect(await good(kubectl("create -f third-party-res-def.yaml"))).toBe(
      "thirdpartyresource.extensions/network-policy.net.alpha.kubernetes.io created\n",
    );
    await vi.waitFor(async () => await good(kubectl(`get --raw ${policies}`)), { timeout: 30_000 });
    const made = JSON.parse(await good(kubectl(`create --raw ${policies}/ -f pol1.json`))) as object;
    expect(made).toMatchObject({ metadata: { name: "pol1", namespace: "tenant-a" }, kind: "NetworkPolicy" });
    const list = JSON.parse(await good(kubectl(`get --raw ${policies}`))) as { readonly items: readonly object[] };
    expect(list.items).toHaveLength(1);
  });

  test("the path without /apis, and with namespace for namespaces, is told where it leads", async () => {
    const asked = await kubectl("get --raw /net.alpha.kubernetes.io/v1alpha1/namespace/default/networkpolicys/");
    expect(asked).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "Error from server (NotFound): the server has nothing at /net.alpha.kubernetes.io/v1alpha1/namespace/default/networkpolicys/: what is meant is at /apis/net.alpha.kubernetes.io/v1alpha1/namespaces/default/networkpolicys\n",
    });
  });

  test("the Ingress on standard input, and without the dash", async () => {
    const input = readFileSync(join(folder, "ingress.yaml"), "utf8");
    expect(await good(kubectl("create -f -", { input }))).toBe("ingress.extensions/test created\n");
    const slip = await kubectl("create -f", { input });
    expect(slip).toMatchObject({ code: 1, stdout: "" });
    expect(slip.stderr).toContain("flag needs an argument: 'f' in -f");
    if (ours) expect(slip.stderr).toContain("what comes on stdin is read with -f -");
  });

  test("a Network and a namespace in it", async () => {
    expect(await good(kubectl("create -f network.yaml"))).toBe("network/net1 created\n");
    expect(await good(kubectl("create -f namespace.yaml"))).toBe("namespace/ns1 created\n");
    expect(await good(kubectl("get namespace ns1 -o jsonpath={.spec.network}"))).toBe("net1");
  });

  test("a pod with a Cinder volume", async () => {
    expect(await good(kubectl("create -f cinder-pod.yaml"))).toMatch(/^pod\/\S+ created\n$/);
  });

  test.runIf(ours)("run makes a Deployment of three behind a load balancer", async () => {
    expect(await good(kubectl("run nginx --image=nginx --replicas=3 --expose --port=80 --type=LoadBalancer"))).toBe(
      'service "nginx" created\ndeployment "nginx" created\n',
    );
    expect(await good(kubectl("get deployments nginx -o jsonpath={.spec.replicas}"))).toBe("3");
    expect(await good(kubectl("get svc nginx -o jsonpath={.spec.type}"))).toBe("LoadBalancer");
  });

  test.runIf(ours)("run --generator makes what it names", async () => {
    expect(await good(kubectl("run rc --image=nginx --generator=run/v1"))).toBe('replicationcontroller "rc" created\n');
    expect(await good(kubectl("run one --image=nginx --generator=run-pod/v1 --restart=Never"))).toBe(
      'pod "one" created\n',
    );
    expect(await good(kubectl("run job --image=nginx --generator=job/v1 --restart=OnFailure"))).toBe(
      'job "job" created\n',
    );
    expect(await kubectl("run x --image=nginx --generator=foo")).toMatchObject({
      code: 1,
      stderr: 'error: generator "foo" not found.\n',
    });
  });

  test.runIf(ours)("update-demo says what was printed, when the messages of 2016 are asked for", async () => {
    const env = { NAVARCH_KUBECTL_2016: "1" };
    const image = "gcr.io/google_containers/update-demo";
    expect(
      await good(kubectl(`run update-demo --image=${image}:nautilus --port=80 -l name=update-demo`, { env })),
    ).toBe('deployment "update-demo" created\n');
    expect(await good(kubectl("scale deployment/update-demo --replicas=4", { env }))).toBe(
      'deployment "update-demo" scaled\n',
    );
    const EDITOR = "sed -i s/update-demo:nautilus/update-demo:kitty/";
    expect(await good(kubectl("edit deployment/update-demo", { env: { ...env, EDITOR } }))).toBe(
      'deployment "update-demo" edited\n',
    );
    await vi.waitFor(
      async () => {
        const sets = await good(kubectl("get rs -l name=update-demo -o name"));
        expect(sets.trim().split("\n")).toHaveLength(2);
      },
      { timeout: 30_000 },
    );
    expect(await good(kubectl("rollout undo deployment/update-demo", { env }))).toBe(
      'deployment "update-demo" rolled back\n',
    );
    expect(
      await good(kubectl("get deployment update-demo -o jsonpath={.spec.template.spec.containers[0].image}")),
    ).toBe(`${image}:nautilus`);
    expect(await good(kubectl("delete deployment update-demo", { env }))).toBe('deployment "update-demo" deleted\n');
  });

  test("nodes of three zones show their labels, and the guestbook is spread over them", async () => {
    const names = ["kubernetes-minion-9vlv", "kubernetes-minion-281d", "kubernetes-minion-olsh"];
    const capacity = { cpu: "4", memory: "8Gi", pods: "110" };
    const items = names.map((name, at) => ({
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name,
        labels: {
          "simulated.navarch/node": "true",
          "kubernetes.io/hostname": name,
          "topology.kubernetes.io/zone": `us-central1-${"abf"[at]}`,
        },
      },
      status: { capacity, allocatable: capacity },
    }));
    await good(kubectl("create -f -", { input: JSON.stringify({ apiVersion: "v1", kind: "List", items }) }));
    for (const line of ["get nodes --show-labels", `get node ${names.join(" ")} --show-labels`]) {
      expect(await good(kubectl(line))).toMatch(
        /^NAME +STATUS +ROLES +AGE +VERSION +LABELS\n(.*us-central1-[abf].*\n){3}$/,
      );
    }
    const created = await good(kubectl("create -f guestbook-go/"));
    expect(created.match(/^replicationcontroller\/\S+ created$/gm)).toHaveLength(3);
    await vi.waitFor(
      async () => {
        const described = await good(kubectl("describe pod -l app=guestbook"));
        expect(new Set(described.match(/^Node: +\S+/gm))).toHaveLength(3);
      },
      { timeout: 30_000 },
    );
  });

  test("Spark's folder makes its controllers, whose workers are scaled by their load", async () => {
    const created = await good(kubectl("create -f kubernetes/examples/spark"));
    expect(created.trim().split("\n")).toHaveLength(5);
    await vi.waitFor(
      async () => {
        const pods = await good(kubectl("get pods"));
        expect(pods.match(/^spark-master-controller-\S+ +1\/1 +Running/gm)).toHaveLength(1);
        expect(pods.match(/^spark-worker-controller-\S+ +1\/1 +Running/gm)).toHaveLength(3);
        expect(pods.match(/^zeppelin-controller-\S+ +1\/1 +Running/gm)).toHaveLength(1);
      },
      { timeout: 30_000 },
    );
    // That --cpu-percent has a successor is told by 1.34 and later.
    const scaled = await kubectl("autoscale --min=1 --cpu-percent=80 --max=10 rc/spark-worker-controller");
    expect(scaled).toMatchObject({
      code: 0,
      stdout: "horizontalpodautoscaler.autoscaling/spark-worker-controller autoscaled\n",
    });
    expect(await good(kubectl("get rc"))).toMatch(/^spark-worker-controller +3 +3 +3 /m);
  });

  test("the page of the update demo is served by the proxy, beside the API", async () => {
    const [command, ...words] = ours
      ? [process.execPath, join(folder, "../../bin/navarch.js"), "kubectl"]
      : [kubectlPath()];
    const env = { PATH: process.env.PATH, HOME: server.folder, KUBECONFIG: server.kubeconfig };
    const line = wordsOf("proxy --www=docs/user-guide/update-demo/local/ --port=0");
    await using proxy = start(command, [...words, ...line], { cwd, env });
    const [, address] = await proxy.says(/^Starting to serve on (\S+)$/m);
    const read = async (path: string) => await (await fetch(`http://${address}/${path}`)).text();
    expect(await read("static/")).toContain("<title>update-demo</title>");
    const pods = await read("api/v1/namespaces/default/pods?labelSelector=name%3Dupdate-demo");
    expect(JSON.parse(pods)).toMatchObject({ kind: "PodList" });
  });

  test("a ConfigMap of a literal, a file and a folder, with the slip in the last flag", async () => {
    const line = "create configmap my-config --from-literal=literal-key=literal-value --from-file=ui.properties";
    writeFileSync(join(cwd, "ui.properties"), "color.good=purple\n");
    mkdirSync(join(cwd, "path/to/config/dir"), { recursive: true });
    writeFileSync(join(cwd, "path/to/config/dir/level"), "7\n");
    const printed = await kubectl(`${line} --from=file=path/to/config/dir`);
    const slip = "error: unknown flag: --from\nSee 'kubectl create configmap --help' for usage.\n";
    if (ours) expect(printed).toMatchObject({ code: 0, stderr: "Warning: --from=file= is read as --from-file=\n" });
    else {
      expect(printed).toMatchObject({ code: 1, stderr: slip });
      await good(kubectl(`${line} --from-file=path/to/config/dir`));
    }
    expect(await kubectl("create configmap other --from=dir")).toMatchObject({ code: 1, stderr: slip });
    expect(JSON.parse(await good(kubectl("get configmap my-config -o json")))).toMatchObject({
      data: { "literal-key": "literal-value", "ui.properties": "color.good=purple\n", level: "7\n" },
    });
  });

  test("the cluster tells its address", async () => {
    expect(await good(kubectl("cluster-info"))).toContain(server.url);
  });

  test("echoheaders is exposed, and get po takes a template", async () => {
    const image = "gcr.io/google_containers/echoserver:1.3";
    const run2016 = kubectl(`run echoheaders --image=${image} --port=8080`, { env: { NAVARCH_KUBECTL_2016: "1" } });
    if (ours) expect(await good(run2016)).toBe('deployment "echoheaders" created\n');
    else {
      // Today that line makes a pod, as decision 11 says.
      expect(await good(run2016)).toBe("pod/echoheaders created\n");
      await good(kubectl(`create deployment echoheaders --image=${image} --port=8080`));
    }
    expect(await good(kubectl("expose deployment echoheaders --target-port=8080 --type=NodePort"))).toBe(
      "service/echoheaders exposed\n",
    );
    const template = "{{range $i, $e := .spec.ports}}{{$e.nodePort}}{{end}}";
    expect(await good(kubectl(`get svc echoheaders --template '${template}'`))).toMatch(/^3\d{4}$/);
    const nodeName = "{{range .items}}{{.spec.nodeName}}{{end}}";
    const node = await vi.waitFor(
      async () => {
        const name = await good(kubectl(`get po -l run=echoheaders --template '${nodeName}'`));
        expect(name).toMatch(/^kubernetes-minion-\w{4}$/);
        return name;
      },
      { timeout: 30_000 },
    );
    const address = '{{range $i, $n := .status.addresses}}{{if eq $n.type "ExternalIP"}}{{$n.address}}{{end}}{{end}}';
    expect(await good(kubectl(`get node ${node} --template '${address}'`))).toBe("");
    expect(await good(kubectl("get ing"))).toMatch(
      /^NAME +CLASS +HOSTS +ADDRESS +PORTS +AGE\ntest +<none> +\* +\S* +80, 443 +/,
    );
  });
});
