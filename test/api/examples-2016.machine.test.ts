import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
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
  const kubectl = (line: string, more: { readonly input?: string; readonly env?: Record<string, string> } = {}) =>
    run({
      words: wordsOf(line),
      cwd: folder,
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
    const { readFileSync } = await import("node:fs");
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

  test("echoheaders is exposed, and get po takes a template", async () => {
    const image = "gcr.io/google_containers/echoserver:1.3";
    await good(kubectl(`create deployment echoheaders --image=${image} --port=8080`));
    expect(await good(kubectl("expose deployment echoheaders --target-port=8080 --type=NodePort"))).toBe(
      "service/echoheaders exposed\n",
    );
    const template = "{{range $i, $e := .spec.ports}}{{$e.nodePort}}{{end}}";
    expect(await good(kubectl(`get svc echoheaders --template '${template}'`))).toMatch(/^3\d{4}$/);
    expect(await good(kubectl("get po -l run=none --template '{{range .items}}{{.spec.nodeName}}{{end}}'"))).toBe("");
  });
});
