import { PatchStrategy, setHeaderOptions, type V1Pod } from "@kubernetes/client-node";
import { beforeAll, describe, expect, test } from "vitest";
import { busybox, containerOf, nameOf, Pods, shell, waits } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* What a container is told by its environment, as upstream's conformance list names it. All pods run at once. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-environment");
const pods = new Pods(cluster, ns);
const data = { "data-1": "value-1", "data-2": "value-2", "data-3": "value-3" };

beforeAll(async () => {
  const { core, namespace } = pods;
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: "told" }, data } });
  await core.createNamespacedSecret({ namespace, body: { metadata: { name: "hidden" }, stringData: data } });
});

const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
const resource = (name: string) => ({ valueFrom: { resourceFieldRef: { resource: name } } });
/** The variables that a pod's container sees. */
async function environmentOf(
  begin: string,
  more: object,
  spec: object = {},
): Promise<Readonly<Record<string, string>>> {
  // A shell would leave out variables whose names it does not like.
  const said = await pods.output(begin, { containers: [busybox({ command: ["env"], ...more })], ...spec });
  return Object.fromEntries(said.split("\n").map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]));
}

describe.concurrent("Variable Expansion", () => {
  const env = [
    { name: "FOO", value: "foo-value" },
    { name: "BAR", value: "bar-value" },
    { name: "FOOBAR", value: "$(FOO);;$(BAR)" },
    { name: "ESCAPED", value: "$$(FOO)" },
    { name: "UNKNOWN", value: "$(NOBODY) $(LATER)" },
    { name: "LATER", value: "later" },
  ];

  test("should allow composing env vars into new env vars", async () => {
    expect(await environmentOf("compose", { env })).toMatchObject({
      FOOBAR: "foo-value;;bar-value",
      ESCAPED: "$(FOO)",
      // What comes later in the list is not known yet.
      UNKNOWN: "$(NOBODY) $(LATER)",
    });
  });

  test("should allow substituting values in a container's command", async () => {
    const command = ["sh", "-c", "echo '$(FOOBAR)' '$$(FOO)' '$(NOBODY)'"];
    expect(await pods.output("command", { containers: [busybox({ command, env })] })).toBe(
      "foo-value;;bar-value $(FOO) $(NOBODY)\n",
    );
  });

  test("should allow substituting values in a container's args", async () => {
    const more = { command: ["echo"], args: ["$(FOOBAR)", "$$(FOO)", "$(NOBODY)"], env };
    expect(await pods.output("args", { containers: [shell("", more)] })).toBe(
      "foo-value;;bar-value $(FOO) $(NOBODY)\n",
    );
  });

  const volumes = [{ name: "work", emptyDir: {} }];
  const mounted = (subPathExpr: string) => ({ name: "work", mountPath: "/inside", subPathExpr });
  const whole = { name: "work", mountPath: "/whole" };
  const named = (value: string) => ({ env: [{ name: "POD_NAME", value }], volumeMounts: [mounted("$(POD_NAME)")] });
  const refused = (pod: V1Pod, message: RegExp) =>
    pods.until(pod, `waits: ${message}`, ({ status }) => {
      const { reason, message: told = "" } = status?.containerStatuses?.[0]?.state?.waiting ?? {};
      return reason === "CreateContainerConfigError" && message.test(told);
    });

  test("should allow substituting values in a volume subpath", async () => {
    const more = {
      env: [{ name: "POD_NAME", ...field("metadata.name") }],
      volumeMounts: [mounted("$(POD_NAME)"), whole],
    };
    const container = shell("touch /inside/file; ls /whole/$POD_NAME; ls -d /whole/*", more);
    expect(await pods.output("subpath", { volumes, containers: [container] })).toMatch(
      /^file\n\/whole\/subpath-\w+\n$/,
    );
  });

  test("should fail substituting values in a volume subpath with backticks", async () => {
    const pod = await pods.create("dots", { volumes, containers: [shell(waits, named(".."))] });
    await refused(pod, /subPath/);
  });

  test("should fail substituting values in a volume subpath with absolute path", async () => {
    const pod = await pods.create("absolute", { volumes, containers: [shell(waits, named("/tmp"))] });
    await refused(pod, /subPath/);
  });

  const annotated = {
    env: [{ name: "ANNOTATION", ...field("metadata.annotations['mysubpath']") }],
    volumeMounts: [mounted("$(ANNOTATION)/$(POD_NAME)"), whole],
  };
  const withName = { ...annotated, env: [{ name: "POD_NAME", value: "foo" }, ...annotated.env] };
  const annotate = (pod: V1Pod, mysubpath: string) =>
    pods.core.patchNamespacedPod(
      { namespace: ns, name: nameOf(pod), body: { metadata: { annotations: { mysubpath } } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );

  test("should verify that a failing subpath expansion can be modified during the lifecycle of a container", async () => {
    const annotations = { mysubpath: "/absolute" };
    const pod = await pods.create("mended", { volumes, containers: [shell(waits, withName)] }, { annotations });
    await refused(pod, /subPath/);
    await annotate(pod, "relative");
    const running = await pods.ready(pod);
    expect(containerOf(running).restartCount).toBe(0);
    expect(await cluster.kubectl("exec", "-n", ns, nameOf(pod), "--", "ls", "/whole/relative")).toBe("foo\n");
  });

  test("should succeed in writing subpaths in container", async () => {
    const annotations = { mysubpath: "mypath" };
    const pod = await pods.ready(
      await pods.create("written", { volumes, containers: [shell(waits, withName)] }, { annotations }),
    );
    const exec = (script: string) => cluster.kubectl("exec", "-n", ns, nameOf(pod), "--", "sh", "-c", script);
    await exec("touch /inside/test.log");
    expect(await exec("ls /whole/mypath/foo")).toBe("test.log\n");
    // The folder that is mounted stays, and is given back though the expression would lead elsewhere now.
    await annotate(pod, "mynewpath");
    await cluster.kubectl("delete", "pod", "-n", ns, nameOf(pod), "--timeout=60s");
  });
});

describe.concurrent("Downward API", () => {
  test("should provide pod name, namespace and IP address as env vars", async () => {
    const env = [
      { name: "POD_NAME", ...field("metadata.name") },
      { name: "POD_NAMESPACE", ...field("metadata.namespace") },
      { name: "POD_IP", ...field("status.podIP") },
    ];
    const seen = await environmentOf("named", { env });
    const [pod] = (await pods.core.listNamespacedPod({ namespace: ns, labelSelector: "app=named" })).items;
    expect(seen).toMatchObject({ POD_NAME: nameOf(pod!), POD_NAMESPACE: ns, POD_IP: pod?.status?.podIP });
    expect(seen.POD_IP).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  test("should provide pod UID as env vars", async () => {
    const { POD_UID } = await environmentOf("uid", { env: [{ name: "POD_UID", ...field("metadata.uid") }] });
    const [pod] = (await pods.core.listNamespacedPod({ namespace: ns, labelSelector: "app=uid" })).items;
    expect(POD_UID).toBe(pod?.metadata?.uid);
  });

  const nodeAddress = async () => {
    const [node] = (await pods.core.listNode()).items;
    return node?.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  };

  test("should provide host IP as an env var", async () => {
    const { HOST_IP } = await environmentOf("host", { env: [{ name: "HOST_IP", ...field("status.hostIP") }] });
    expect(HOST_IP).toBe(await nodeAddress());
  });

  test("should provide hostIPs as an env var", async () => {
    const { HOST_IPS } = await environmentOf("hosts", { env: [{ name: "HOST_IPS", ...field("status.hostIPs") }] });
    expect(HOST_IPS?.split(",")[0]).toBe(await nodeAddress());
  });

  test("should provide host IP and pod IP as an env var if pod uses host network", async () => {
    const env = [
      { name: "HOST_IP", ...field("status.hostIP") },
      { name: "POD_IP", ...field("status.podIP") },
    ];
    const { HOST_IP, POD_IP } = await environmentOf("on-host", { env }, { hostNetwork: true });
    expect([HOST_IP, POD_IP]).toEqual([await nodeAddress(), await nodeAddress()]);
  });

  const asked = [
    { name: "CPU_LIMIT", ...resource("limits.cpu") },
    { name: "MEMORY_LIMIT", ...resource("limits.memory") },
    { name: "CPU_REQUEST", ...resource("requests.cpu") },
    { name: "MEMORY_REQUEST", ...resource("requests.memory") },
  ];

  test("should provide container's limits.cpu/memory and requests.cpu/memory as env vars", async () => {
    const resources = { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } };
    expect(await environmentOf("limited", { env: asked, resources })).toMatchObject({
      CPU_LIMIT: "2",
      MEMORY_LIMIT: String(64 * 2 ** 20),
      CPU_REQUEST: "1",
      MEMORY_REQUEST: String(32 * 2 ** 20),
    });
  });

  test("should provide default limits.cpu/memory from node allocatable", async () => {
    const [node] = (await pods.core.listNode()).items;
    const { cpu, memory } = node?.status?.allocatable ?? {};
    const seen = await environmentOf("unlimited", { env: asked.slice(0, 2) });
    expect(seen.CPU_LIMIT).toBe(cpu);
    expect(seen.MEMORY_LIMIT).toBe(String(Number(memory?.replace("Ki", "")) * 1024));
  });
});

describe.concurrent("ConfigMap", () => {
  test("should be consumable via environment variable", async () => {
    const env = [{ name: "CONFIG_DATA_1", valueFrom: { configMapKeyRef: { name: "told", key: "data-1" } } }];
    expect(await environmentOf("one-key", { env })).toMatchObject({ CONFIG_DATA_1: "value-1" });
  });

  test("should be consumable via the environment", async () => {
    const envFrom = [{ configMapRef: { name: "told" } }, { prefix: "p-", configMapRef: { name: "told" } }];
    expect(await environmentOf("all-keys", { envFrom })).toMatchObject({ ...data, "p-data-2": "value-2" });
  });

  test("should be consumable as environment variable names with various prefixes", async () => {
    const prefixes = ["p-one.", "1-number_", "_", "with space "];
    const envFrom = prefixes.map((prefix) => ({ prefix, configMapRef: { name: "told" } }));
    const seen = await environmentOf("prefixes", { envFrom });
    for (const prefix of prefixes) expect(seen[`${prefix}data-3`]).toBe("value-3");
  });
});

describe.concurrent("Secrets", () => {
  test("should be consumable from pods in env vars", async () => {
    const env = [{ name: "SECRET_DATA", valueFrom: { secretKeyRef: { name: "hidden", key: "data-1" } } }];
    expect(await environmentOf("one-secret", { env })).toMatchObject({ SECRET_DATA: "value-1" });
  });

  test("should be consumable via the environment", async () => {
    const envFrom = [{ secretRef: { name: "hidden" } }, { prefix: "p-", secretRef: { name: "hidden" } }];
    expect(await environmentOf("all-secrets", { envFrom })).toMatchObject({ ...data, "p-data-2": "value-2" });
  });

  test("should be consumable as environment variable names variable names with various prefixes", async () => {
    const prefixes = ["p-one.", "1-number_", "_"];
    const envFrom = prefixes.map((prefix) => ({ prefix, secretRef: { name: "hidden" } }));
    const seen = await environmentOf("secret-prefixes", { envFrom });
    for (const prefix of prefixes) expect(seen[`${prefix}data-3`]).toBe("value-3");
  });
});
