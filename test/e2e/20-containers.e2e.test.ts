import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { eventually, throughout } from "./tools/eventually.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { scriptPod, webDeployment } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "containers");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const pod = (name: string) => cluster.get("-n", ns, "pod", name);
const running = (name: string) =>
  eventually(`pod ${name} runs`, async () => {
    const { status } = await pod(name);
    expect(status.conditions.find(({ type }: { type: string }) => type === "Ready")?.status).toBe("True");
  });
async function runPod(name: string, script: string, spec: object = {}): Promise<void> {
  await cluster.apply(ns, scriptPod(name, script, spec));
  await running(name);
}

describe("logs", () => {
  test("logs -f shows what was said before, follows what comes, and ends with the container", async () => {
    const script = "mkfifo /pipe; echo first; read line < /pipe; echo $line";
    await runPod("talker", script, { restartPolicy: "Never" });
    await using following = cluster.startKubectl("-n", ns, "logs", "-f", "talker");
    await following.says(/^first$/m);
    await kubectl("exec", "talker", "--", "sh", "-c", "echo second > /pipe");
    await following.says(/^second$/m);
    expect(await following.ended).toBe(0);
    expect(following.stdout).toBe("first\nsecond\n");
  });

  test("logs --previous shows what a container said before its restart", async () => {
    await cluster.apply(ns, scriptPod("again", "echo life of $(cat /proc/sys/kernel/random/uuid); sleep 0.5; exit 3"));
    await eventually("it was restarted", async () => expect(await restarts("again")).toBeGreaterThan(0));
    expect(await kubectl("logs", "again", "--previous")).toMatch(/^life of \S+\n$/);
    await kubectl("delete", "pod", "again", "--wait=false");
  });

  test("logs of a container that waits to start say so", async () => {
    const { code, stderr } = await waitingLogs();
    expect(code).toBe(1);
    expect(stderr).toMatch(/container "main" in pod "waiting" is waiting to start: /);
    await kubectl("delete", "pod", "waiting", "--wait=false");
  });

  async function waitingLogs() {
    const missing = {
      containers: [{ name: "main", image: "navarch.local/nothing:1", imagePullPolicy: "Never" }],
    };
    await cluster.apply(ns, scriptPod("waiting", "", missing));
    await eventually("its container waits", async () => {
      expect((await pod("waiting")).status.containerStatuses[0].state.waiting.reason).toBe("ErrImageNeverPull");
    });
    return await cluster.tryKubectl(["-n", ns, "logs", "waiting"]);
  }
});

describe("exec", () => {
  test("gives back what a command says on each stream, and how it ends", async () => {
    await runPod("shell", "sleep 100000");
    const ran = await cluster.tryKubectl([
      "-n",
      ns,
      "exec",
      "shell",
      "--",
      "sh",
      "-c",
      "echo out; echo err >&2; exit 7",
    ]);
    expect(ran).toMatchObject({ code: 7, stdout: "out\n" });
    expect(ran.stderr).toBe("err\ncommand terminated with exit code 7\n");
  });

  test("-i passes input on, to its end", async () => {
    const text = `${"line\n".repeat(20_000)}last\n`;
    const ran = await cluster.tryKubectl(["-n", ns, "exec", "-i", "shell", "--", "sh", "-c", "wc -l; echo over"], {
      input: text,
    });
    expect(ran).toMatchObject({ code: 0, stdout: "20001\nover\n" });
  });

  test("-it gives a shell on a terminal", async () => {
    await using shell = cluster.startOnTerminal("-n", ns, "exec", "-it", "shell", "--", "sh");
    await shell.says(/[#$] /);
    shell.write("tty; echo $((6 * 7)) times\n");
    await shell.says(/\/dev\/pts\/\d+/);
    await shell.says(/^42 times/m);
    shell.write("exit 5\n");
    expect(await shell.ended).toBe(5);
  });

  test("of a program that is not there says so", async () => {
    const { code, stderr } = await cluster.tryKubectl(["-n", ns, "exec", "shell", "--", "no-such-program"]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain('exec: "no-such-program": executable file not found in $PATH');
  });
});

describe("port-forward", () => {
  test("carries bytes both ways, over several connections at once", async () => {
    await runPod("listener", "exec nc -ll -p 4000 -e cat");
    await using forwarding = cluster.startKubectl("-n", ns, "port-forward", "pod/listener", ":4000");
    const port = Number((await forwarding.says(/Forwarding from 127\.0\.0\.1:(\d+) -> 4000/))[1]);
    const answers = await Promise.all(["one", "two", "three"].map((word) => echoed(port, word.repeat(10_000))));
    expect(answers).toEqual(["one", "two", "three"].map((word) => word.repeat(10_000)));
  });

  test("to a deployment finds one of its pods", async () => {
    await cluster.apply(ns, webDeployment("forwarded", 1));
    await kubectl("rollout", "status", "deployment/forwarded", "--timeout=60s");
    await using forwarding = cluster.startKubectl("-n", ns, "port-forward", "deployment/forwarded", ":3000");
    const port = Number((await forwarding.says(/Forwarding from 127\.0\.0\.1:(\d+) -> 3000/))[1]);
    const answer = await fetch(`http://127.0.0.1:${port}/env`);
    expect(((await answer.json()) as { HOSTNAME: string }).HOSTNAME).toMatch(/^forwarded-/);
  });
});

async function echoed(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let heard = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    heard += part;
  });
  socket.write(text);
  await eventually("everything came back", () => heard.length >= text.length);
  socket.destroy();
  return heard;
}

async function restarts(name: string): Promise<number> {
  return (await pod(name)).status.containerStatuses?.[0]?.restartCount ?? 0;
}

describe("restarts in place", () => {
  test("killing a container's process restarts it in the same pod", async () => {
    await runPod("victim", "trap 'exit 1' TERM; while :; do sleep 0.1; done");
    const before = await pod("victim");
    await kubectl("exec", "victim", "--", "kill", "1");
    await eventually("it was restarted and runs", async () => {
      const { status } = await pod("victim");
      expect(status.containerStatuses[0]).toMatchObject({ restartCount: 1, ready: true });
    });
    const after = await pod("victim");
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status.podIP).toBe(before.status.podIP);
    expect(after.status.containerStatuses[0].containerID).not.toBe(before.status.containerStatuses[0].containerID);
    expect(after.status.containerStatuses[0].lastState.terminated).toMatchObject({ exitCode: 1, reason: "Error" });
  });

  test("a container that ends again and again is restarted with a growing back-off", async () => {
    await cluster.apply(ns, scriptPod("looping", "exit 1"));
    const waits = await eventually("two different waits were named", async () => {
      const { status } = await pod("looping");
      const message: string = status.containerStatuses?.[0]?.state?.waiting?.message ?? "";
      const wait = /^back-off (\w+) restarting failed container=main pod=looping_containers/.exec(message)?.[1];
      if (wait) named.add(wait);
      return named.size >= 2 && [...named];
    });
    expect(waits).toEqual(["10s", "20s"]);
    expect(await kubectl("get", "pod", "looping")).toMatch(/CrashLoopBackOff|Error/);
    expect(await kubectl("get", "events", "--field-selector=involvedObject.name=looping")).toMatch(
      /Warning +BackOff .*Back-off restarting failed container main in pod looping_containers/,
    );
    await kubectl("delete", "pod", "looping", "--wait=false");
  });
  const named = new Set<string>();

  test("a failing liveness probe restarts the container, a failing readiness probe only takes its traffic", async () => {
    const check = (file: string) => ({
      exec: { command: ["test", "-e", file] },
      periodSeconds: 1,
      failureThreshold: 1,
    });
    await runPod("probed", "", {
      containers: [
        {
          name: "main",
          image: "navarch.local/busybox:1.35",
          command: ["sh", "-c", "touch /live /ready; sleep 100000"],
          livenessProbe: { ...check("/live"), initialDelaySeconds: 1 },
          readinessProbe: check("/ready"),
        },
      ],
    });
    await kubectl("exec", "probed", "--", "rm", "/ready");
    await eventually("it is not ready", async () =>
      expect((await pod("probed")).status.containerStatuses[0].ready).toBe(false),
    );
    expect(await restarts("probed")).toBe(0);
    await kubectl("exec", "probed", "--", "rm", "/live");
    await eventually("it was restarted", async () => expect(await restarts("probed")).toBe(1));
    await running("probed");
  });

  test("a pod that is deleted is given its grace period and then ends", async () => {
    await runPod("graceful", "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.1; done", {
      terminationGracePeriodSeconds: 30,
    });
    await using deleting = cluster.startKubectl("-n", ns, "delete", "pod", "graceful");
    await eventually("it is shown as terminating", async () =>
      expect(await kubectl("get", "pod", "graceful")).toContain("Terminating"),
    );
    expect(await deleting.ended).toBe(0);
    expect(await kubectl("get", "pod", "graceful", "--ignore-not-found")).toBe("");
  });

  test("a pod that runs to its end stays that way", async () => {
    await cluster.apply(ns, scriptPod("once", "echo done", { restartPolicy: "Never" }));
    await eventually("it succeeded", async () => expect((await pod("once")).status.phase).toBe("Succeeded"));
    await throughout("it is not started again", async () => (await restarts("once")) === 0, { within: 1000 });
    expect(await kubectl("logs", "once")).toBe("done\n");
  });
});

describe("what a pod is given", () => {
  test("its ConfigMap and Secret arrive as environment and as files, its own name by the downward API", async () => {
    await kubectl("create", "configmap", "settings", "--from-literal=colour=blue", "--from-literal=size=9");
    await kubectl("create", "secret", "generic", "hidden", "--from-literal=word=xyzzy");
    const container = {
      name: "main",
      image: "navarch.local/busybox:1.35",
      command: ["sh", "-c", "sleep 100000"],
      env: [
        { name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } },
        { name: "WORD", valueFrom: { secretKeyRef: { name: "hidden", key: "word" } } },
        { name: "ME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ],
      volumeMounts: [
        { name: "settings", mountPath: "/settings" },
        { name: "hidden", mountPath: "/hidden" },
      ],
    };
    await runPod("given", "", {
      containers: [container],
      volumes: [
        { name: "settings", configMap: { name: "settings" } },
        { name: "hidden", secret: { secretName: "hidden" } },
      ],
    });
    const script =
      "echo $COLOUR $WORD $ME; cat /settings/size; echo; cat /hidden/word; echo; grep ' /hidden ' /proc/mounts";
    const said = await kubectl("exec", "given", "--", "sh", "-c", script);
    expect(said).toMatch(/^blue xyzzy given\n9\nxyzzy\ntmpfs /);
    await kubectl("patch", "configmap", "settings", "-p", '{"data":{"size":"10"}}');
    await eventually(
      "the file follows the ConfigMap",
      async () => expect(await kubectl("exec", "given", "--", "cat", "/settings/size")).toBe("10"),
      { within: 120_000 },
    );
  });

  test("its containers share localhost, a volume and IPC", async () => {
    const image = "navarch.local/busybox:1.35";
    const mounts = { volumeMounts: [{ name: "shared", mountPath: "/shared" }] };
    await cluster.apply(ns, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pair" },
      spec: {
        terminationGracePeriodSeconds: 1,
        initContainers: [{ name: "before", image, command: ["sh", "-c", "echo prepared > /shared/init"], ...mounts }],
        containers: [
          { name: "one", image, command: ["sh", "-c", "nc -ll -p 5000 -e cat /shared/init"], ...mounts },
          { name: "two", image, command: ["sleep", "100000"], ...mounts },
        ],
        volumes: [{ name: "shared", emptyDir: {} }],
      },
    });
    await running("pair");
    await eventually("the one hears the other", async () =>
      expect(await kubectl("exec", "pair", "-c", "two", "--", "nc", "127.0.0.1", "5000")).toBe("prepared\n"),
    );
    const [one, two] = await Promise.all(
      ["one", "two"].map((container) =>
        kubectl("exec", "pair", "-c", container, "--", "readlink", "/proc/self/ns/ipc"),
      ),
    );
    expect(one).toBe(two);
  });
});

describe("run", () => {
  test("run -it without a terminal of its own shows the output and ends with the container", async () => {
    const image = "navarch.local/busybox:1.35";
    const command = ["sh", "-c", "sleep 1; echo done"];
    await using attached = cluster.startKubectl(
      ...["-n", ns, "run", "attached", "-it", "--rm", "--restart=Never", `--image=${image}`, "--", ...command],
    );
    expect(await attached.ended).toBe(0);
    expect(attached.stdout).toContain("done");
    expect(attached.stderr).toContain("Unable to use a TTY");
  });
});
