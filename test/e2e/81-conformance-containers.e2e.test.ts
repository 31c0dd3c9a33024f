import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { eventually, throughout } from "./tools/eventually.ts";
import { busybox, containerOf, isReady, nameOf, Pods, server, shell, testImages, waits } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* How containers begin and end, as upstream's conformance list names it. Every test has pods of its own: all run at once. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-containers");
testImages(cluster);
const pods = new Pods(cluster, ns);

describe.concurrent("Containers", () => {
  const speaker = (more: object) => ({
    containers: [{ name: "main", image: "navarch.local/test-speaker:1", ...more }],
  });

  test("should use the image defaults if command and args are blank", async () => {
    expect(await pods.output("defaults", speaker({}))).toBe("from the image: its own words\n");
  });

  test("should be able to override the image's default arguments (container cmd)", async () => {
    expect(await pods.output("args", speaker({ args: ["other", "words"] }))).toBe("from the image: other words\n");
  });

  test("should be able to override the image's default command (container entrypoint)", async () => {
    // The image's own arguments belong to its own command, and go with it.
    expect(await pods.output("command", speaker({ command: ["/bin/echo"] }))).toBe("\n");
  });

  test("should be able to override the image's default command and arguments", async () => {
    const both = { command: ["/bin/echo", "-n"], args: ["all", "other"] };
    expect(await pods.output("both", speaker(both))).toBe("all other");
  });
});

describe.concurrent("Container Runtime blackbox test on terminated container", () => {
  const fallsBack = { terminationMessagePolicy: "FallbackToLogsOnError" };
  const messageOf = async (begin: string, script: string, more: object) => {
    const pod = await pods.create(begin, { restartPolicy: "Never", containers: [shell(script, more)] });
    return containerOf(await pods.ended(pod)).state?.terminated;
  };

  test("should report termination message if TerminationMessagePath is set as non-root user and at a non-default path", async () => {
    const more = { terminationMessagePath: "/dev/termination-custom-log", securityContext: { runAsUser: 1000 } };
    const ended = await messageOf("own-path", "printf DONE > /dev/termination-custom-log", more);
    expect(ended).toMatchObject({ exitCode: 0, reason: "Completed", message: "DONE" });
  });

  test("should report termination message from log output if TerminationMessagePolicy FallbackToLogsOnError is set", async () => {
    const ended = await messageOf("from-log", "printf DONE; exit 1", fallsBack);
    expect(ended).toMatchObject({ exitCode: 1, reason: "Error", message: "DONE" });
  });

  test("should report termination message as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set", async () => {
    const ended = await messageOf("no-message", "printf DONE", fallsBack);
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended?.message ?? "").toBe("");
  });

  test("should report termination message from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set", async () => {
    const ended = await messageOf("from-file", "echo no; printf OK > /dev/termination-log", fallsBack);
    expect(ended).toMatchObject({ exitCode: 0, message: "OK" });
  });
});

describe.concurrent("Container Runtime blackbox test when starting a container that exits", () => {
  test("should run with the expected status", async () => {
    const volumes = [{ name: "kept", emptyDir: {} }];
    const volumeMounts = [{ name: "kept", mountPath: "/kept" }];
    // It fails at first, and ends well, or stays, once it has been started as often as is told.
    const counting = (starts: number, then: string) =>
      shell(`echo >> /kept/starts; [ $(wc -l < /kept/starts) -ge ${starts} ] || exit 1; ${then}`, { volumeMounts });
    const create = (restartPolicy: string, starts: number, then: string) =>
      pods.create(restartPolicy.toLowerCase(), { restartPolicy, volumes, containers: [counting(starts, then)] });
    const [always, onFailure, never] = await Promise.all([
      create("Always", 3, waits),
      create("OnFailure", 2, "exit 0"),
      create("Never", 2, "exit 0"),
    ]);
    const told = (pod: V1Pod) => {
      const { ready, restartCount, state } = containerOf(pod);
      return { phase: pod.status?.phase, ready, restartCount, state: Object.keys(state ?? {}) };
    };
    expect(told(await pods.ended(never))).toMatchObject({ phase: "Failed", ready: false, restartCount: 0 });
    expect(told(await pods.ended(onFailure))).toMatchObject({ phase: "Succeeded", ready: false, restartCount: 1 });
    const staying = await pods.until(always, "was restarted twice and runs", (now) => {
      const { restartCount, state } = containerOf(now);
      return restartCount === 2 && state?.running !== undefined;
    });
    expect(told(staying)).toMatchObject({ phase: "Running", ready: true });
  });
});

describe.concurrent("Container Lifecycle Hook when create a pod with lifecycle hook", () => {
  /** A pod that hears what hooks say, and how to say it. */
  async function listener() {
    const pod = await pods.ready(await pods.create("listener", { containers: [server()] }));
    const host = pod.status?.podIP;
    return {
      exec: (path: string) => ({ exec: { command: ["wget", "-q", "-O", "-", `http://${host}:8080/${path}`] } }),
      http: (path: string) => ({ httpGet: { host, path: `/${path}`, port: 8080 } }),
      hears: (path: string) => pods.lines(pod, new RegExp(`^GET /${path} 200$`), 1),
      log: () => pods.log(pod),
    };
  }
  const hooked = (begin: string, lifecycle: object) =>
    pods.create(begin, { terminationGracePeriodSeconds: 30, containers: [shell(waits, { lifecycle })] });
  const gone = async (pod: V1Pod) => {
    await pods.core.deleteNamespacedPod({ namespace: ns, name: nameOf(pod) });
    await eventually(
      "the pod is gone",
      async () => (await cluster.kubectl("get", "pod", "-n", ns, "-o", "name")).includes(nameOf(pod)) === false,
    );
  };

  test("should execute poststart exec hook properly", async () => {
    const heard = await listener();
    await pods.ready(await hooked("poststart-exec", { postStart: heard.exec("poststart-exec") }));
    expect(await heard.log()).toContain("GET /poststart-exec 200");
  });

  test("should execute poststart http hook properly", async () => {
    const heard = await listener();
    await pods.ready(await hooked("poststart-http", { postStart: heard.http("poststart-http") }));
    expect(await heard.log()).toContain("GET /poststart-http 200");
  });

  test("should execute prestop exec hook properly", async () => {
    const heard = await listener();
    const pod = await pods.ready(await hooked("prestop-exec", { preStop: heard.exec("prestop-exec") }));
    expect(await heard.log()).toBe("");
    await gone(pod);
    await heard.hears("prestop-exec");
  });

  test("should execute prestop http hook properly", async () => {
    const heard = await listener();
    const pod = await pods.ready(await hooked("prestop-http", { preStop: heard.http("prestop-http") }));
    expect(await heard.log()).toBe("");
    await gone(pod);
    await heard.hears("prestop-http");
  });
});

describe.concurrent("InitContainer", () => {
  const first = (script: string) => ({ ...shell(script), name: "init1" });
  const second = (script: string) => ({ ...shell(script), name: "init2" });
  const conditionOf = ({ status }: V1Pod, type: string) => status?.conditions?.find((each) => each.type === type);
  const ended = ({ state }: V1ContainerStatus) => state?.terminated?.exitCode === 0;

  test("should invoke init containers on a RestartNever pod", async () => {
    const initContainers = [first("true"), second("true")];
    const containers = [{ ...shell("true"), name: "run1" }];
    const pod = await pods.ended(await pods.create("init", { restartPolicy: "Never", initContainers, containers }));
    expect(pod.status?.phase).toBe("Succeeded");
    expect(conditionOf(pod, "Initialized")?.status).toBe("True");
    expect(pod.status?.initContainerStatuses?.map(({ name }) => name)).toEqual(["init1", "init2"]);
    expect(pod.status?.initContainerStatuses?.every((each) => each.ready && ended(each))).toBe(true);
  });

  test("should invoke init containers on a RestartAlways pod", async () => {
    const initContainers = [first("true"), second("true")];
    const pod = await pods.ready(await pods.create("init", { initContainers, containers: [shell(waits)] }));
    expect(pod.status?.phase).toBe("Running");
    expect(conditionOf(pod, "Initialized")?.status).toBe("True");
    expect(pod.status?.initContainerStatuses?.every((each) => each.ready && ended(each))).toBe(true);
  });

  test("should not start app containers if init containers fail on a RestartAlways pod", async () => {
    const initContainers = [first("false"), second("true")];
    const created = await pods.create("init", { initContainers, containers: [shell(waits)] });
    const pod = await pods.until(
      created,
      "the first was tried again",
      (now) => now.status?.initContainerStatuses !== undefined && containerOf(now, "init1").restartCount >= 2,
    );
    expect(pod.status?.phase).toBe("Pending");
    expect(containerOf(pod, "init2")).toMatchObject({ ready: false, restartCount: 0 });
    expect(containerOf(pod, "init2").state?.waiting?.reason).toBe("PodInitializing");
    expect(containerOf(pod).state?.waiting?.reason).toBe("PodInitializing");
    expect(conditionOf(pod, "Initialized")).toMatchObject({
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [init1 init2]",
    });
  });

  test("should not start app containers and fail the pod if init containers fail on a RestartNever pod", async () => {
    const initContainers = [first("true"), second("false")];
    const containers = [shell("true")];
    const pod = await pods.ended(await pods.create("init", { restartPolicy: "Never", initContainers, containers }));
    expect(pod.status?.phase).toBe("Failed");
    expect(ended(containerOf(pod, "init1"))).toBe(true);
    expect(containerOf(pod, "init2").state?.terminated?.exitCode).toBe(1);
    expect(containerOf(pod).state?.waiting?.reason).toBe("PodInitializing");
    expect(conditionOf(pod, "Initialized")?.message).toBe("containers with incomplete status: [init2]");
  });
});

describe.concurrent("Restartable init containers", () => {
  const sidecar = (script: string, more: object = {}) =>
    ({ ...shell(script, more), name: "sidecar", restartPolicy: "Always" }) as const;

  test("start before the others, run beside them, and end after them", async () => {
    const volumes = [{ name: "shared", emptyDir: {} }];
    const volumeMounts = [{ name: "shared", mountPath: "/shared" }];
    const startupProbe = { exec: { command: ["test", "-e", "/shared/up"] }, periodSeconds: 1 };
    const initContainers = [
      // Until the probe is well nothing after it begins.
      sidecar(`echo up > /shared/up; ${waits}`, { volumeMounts, startupProbe }),
      { ...shell("cat /shared/up", { volumeMounts }), name: "init1" },
    ];
    const containers = [shell("cat /shared/up", { volumeMounts })];
    const pod = await pods.ended(
      await pods.create("sidecar", { restartPolicy: "Never", volumes, initContainers, containers }),
    );
    expect(pod.status?.phase).toBe("Succeeded");
    expect([await pods.log(pod, "init1"), await pods.log(pod)]).toEqual(["up\n", "up\n"]);
    const finished = (name: string) => Number(containerOf(pod, name).state?.terminated?.finishedAt);
    expect(finished("sidecar")).toBeGreaterThanOrEqual(finished("main"));
    expect(containerOf(pod, "sidecar").started).toBe(false);
  });

  test("are restarted though the pod is not, and count for its readiness", async () => {
    const readinessProbe = { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 };
    const initContainers = [
      sidecar("[ -e /kept/again ] || { touch /kept/again; exit 3; }; touch /tmp/ready; sleep 1000", {
        readinessProbe,
        volumeMounts: [{ name: "kept", mountPath: "/kept" }],
      }),
    ];
    const created = await pods.create("again", {
      restartPolicy: "Never",
      volumes: [{ name: "kept", emptyDir: {} }],
      initContainers,
      containers: [shell(waits)],
    });
    const pod = await pods.ready(created);
    expect(containerOf(pod, "sidecar")).toMatchObject({ restartCount: 1, ready: true });
    expect(containerOf(pod, "sidecar").lastState?.terminated?.exitCode).toBe(3);
    await cluster.kubectl("exec", "-n", ns, nameOf(pod), "-c", "sidecar", "--", "rm", "/tmp/ready");
    await pods.until(pod, "is not ready without its sidecar", (now) => !isReady(now));
  });
});

describe.concurrent("Kubelet", () => {
  test("when scheduling a busybox command in a pod should print the output to logs", async () => {
    expect(await pods.output("says", { containers: [shell("echo Hello; echo World >&2")] })).toBe("Hello\nWorld\n");
  });

  test("when scheduling a busybox command that always fails in a pod should have an terminated reason", async () => {
    const created = await pods.create("fails", { containers: [busybox({ command: ["/bin/false"] })] });
    const terminated = ({ state, lastState }: V1ContainerStatus) => state?.terminated ?? lastState?.terminated;
    const pod = await pods.until(created, "has ended once", (now) => {
      return now.status?.containerStatuses !== undefined && terminated(containerOf(now)) !== undefined;
    });
    expect(terminated(containerOf(pod))).toMatchObject({ exitCode: 1, reason: "Error" });
  });

  test("when scheduling a busybox command that always fails in a pod should be possible to delete", async () => {
    const created = await pods.create("fails", { containers: [busybox({ command: ["/bin/false"] })] });
    await pods.until(created, "has ended once", (now) => {
      return now.status?.containerStatuses !== undefined && containerOf(now).restartCount > 0;
    });
    await cluster.kubectl("delete", "pod", "-n", ns, nameOf(created), "--timeout=60s");
  });

  test("when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts", async () => {
    const hostAliases = [{ ip: "123.45.67.89", hostnames: ["foo", "bar"] }];
    const said = await pods.output("aliases", { hostAliases, containers: [shell("cat /etc/hosts")] });
    expect(said).toContain("\n# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar\n");
  });

  test("when scheduling a read only busybox container should not write to root filesystem", async () => {
    const securityContext = { readOnlyRootFilesystem: true };
    const script = "echo no > /file || echo refused";
    const said = await pods.output("read-only", { containers: [shell(script, { securityContext })] });
    expect(said).toMatch(/^refused$/m);
    expect(said).toMatch(/\/file: Read-only file system$/m);
  });
});

describe.concurrent("KubeletManagedEtcHosts", () => {
  test("should test kubelet managed /etc/hosts file", async () => {
    const named = (name: string, more: object = {}) => ({ ...shell("cat /etc/hosts", more), name });
    const volumes = [{ name: "hosts", hostPath: { path: "/etc/hosts" } }];
    const own = named("own", { volumeMounts: [{ name: "hosts", mountPath: "/etc/hosts" }] });
    const spec = { restartPolicy: "Never", volumes };
    const [pod, onHost] = await Promise.all([
      pods.create("hosts", { ...spec, containers: [named("one"), named("two"), own] }),
      pods.create("host-network", { ...spec, hostNetwork: true, containers: [named("one")] }),
    ]);
    await Promise.all([pods.ended(pod), pods.ended(onHost)]);
    const [one, two, itsOwn] = await Promise.all(["one", "two", "own"].map((name) => pods.log(pod, name)));
    expect(one).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    expect(two).toBe(one);
    expect(itsOwn).not.toContain("Kubernetes-managed");
    expect(await pods.log(onHost, "one")).toBe(`# Kubernetes-managed hosts file (host network).\n${itsOwn}`);
  });
});

describe.concurrent("PreStop", () => {
  test("should call prestop when killing a pod", async () => {
    const heard = await pods.ready(await pods.create("server", { containers: [server()] }));
    const command = ["wget", "-q", "-O", "-", "--post-data={}", `http://${heard.status?.podIP}:8080/write`];
    const container = shell(waits, { lifecycle: { preStop: { exec: { command } } } });
    const pod = await pods.ready(
      await pods.create("tester", { terminationGracePeriodSeconds: 30, containers: [container] }),
    );
    await throughout("nobody is told before", async () => (await pods.log(heard)) === "", { within: 500 });
    await cluster.kubectl("delete", "pod", "-n", ns, nameOf(pod), "--timeout=60s");
    await pods.lines(heard, /^POST \/write 200$/, 1);
  });
});
