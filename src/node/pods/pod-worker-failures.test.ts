import { describe, expect, test } from "vitest";
import { Pod } from "../../api/core/pod.ts";
import { Fault } from "../../lib/fault.ts";
import { sampleContainer } from "../testing/samples.ts";
import { openNode } from "../testing/worker-node.ts";

describe("a container that crashes", () => {
  test("is restarted at once, then after 10 s, 20 s, and so on to 5 minutes", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 1000, exitCode: 1 } } });
    await node.create();
    const starts: number[] = [];
    let seen = -1;
    for (let second = 0; second < 1500; second++) {
      const count = (await node.live()).config.metadata.attempt;
      if (count !== seen) starts.push(second);
      seen = count;
      await node.pass(1);
    }
    const gaps = starts.slice(1).map((at, index) => at - starts[index]!);
    // Each life takes one second of the gap.
    expect(gaps.slice(0, 9)).toEqual([1, 11, 21, 41, 81, 161, 301, 301, 301]);
  }, 60_000);

  test("says for what it waits and how it ended", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 1000, exitCode: 3 } } });
    await node.create();
    await node.pass(3);
    expect(node.container()).toMatchObject({
      ready: false,
      restartCount: 1,
      state: {
        waiting: {
          reason: "CrashLoopBackOff",
          message: "back-off 10s restarting failed container=main pod=web_default(uid-web)",
        },
      },
      lastState: { terminated: { exitCode: 3, reason: "Error" } },
    });
    expect(node.events).toContain(
      "Warning BackOff Back-off restarting failed container main in pod web_default(uid-web)",
    );
    expect(node.status()?.phase).toBe("Running");
  });

  test("is forgiven after ten minutes of running", async () => {
    const node = openNode();
    await node.create();
    (await node.live()).exit(1);
    await node.pass(1);
    await node.pass(601);
    (await node.live()).exit(1);
    await node.pass(1);
    expect(node.container()).toMatchObject({ restartCount: 2, ready: true });
  });

  test("leaves no more than one dead container behind", async () => {
    const node = openNode({ behaviour: { main: { runForMs: 1000, exitCode: 1 } } });
    await node.create();
    await node.pass(200);
    expect((await node.runtime.listContainers()).length).toBeLessThanOrEqual(2);
  });

  test("does not hold up the others", async () => {
    const node = openNode({ behaviour: { bad: { runForMs: 1000, exitCode: 1 } } });
    await node.create({ containers: [sampleContainer({ name: "bad" }), sampleContainer({ name: "good" })] });
    await node.pass(5);
    expect(node.container("good")).toMatchObject({ ready: true, restartCount: 0 });
    expect(node.container("bad")?.state?.waiting?.reason).toBe("CrashLoopBackOff");
  });

  test("that cannot start says so", async () => {
    const node = openNode({ behaviour: { main: { startError: "no such program" } } });
    await node.create();
    await node.pass(1);
    expect(node.events).toContain("Warning Failed Error: no such program");
    await node.pass(3);
    expect(node.container()).toMatchObject({
      lastState: { terminated: { exitCode: 128, reason: "StartError", message: "no such program" } },
    });
  });
});

describe("a container that cannot be made says why and waits", () => {
  const fromConfigMap = { name: "A", valueFrom: { configMapKeyRef: { name: "none", key: "k" } } };
  test.each([
    {
      name: "for an image that must not be fetched",
      container: { image: "registry.test/none:1", imagePullPolicy: "Never" },
      reason: "ErrImageNeverPull",
      message: 'Container image "registry.test/none:1" is not present with pull policy of Never',
      event: "Warning ErrImageNeverPull Container image",
    },
    {
      name: "for an image whose name is none",
      container: { image: "registry.test/App:1" },
      reason: "InvalidImageName",
      message:
        'Failed to apply default image tag "registry.test/App:1": couldn\'t parse image name "registry.test/App:1": repository name must be lowercase',
      event: "Warning InspectFailed Failed to apply default image tag",
    },
    {
      name: "for a variable that nobody sets",
      container: { env: [fromConfigMap] },
      reason: "CreateContainerConfigError",
      message: 'configmap "none" not found',
      event: 'Warning Failed Error: configmap "none" not found',
    },
    {
      name: "for a program that cannot be run",
      container: { name: "broken" },
      reason: "RunContainerError",
      message: "no such program",
      event: "Warning Failed Error: no such program",
    },
  ] as const)("$name", async ({ container, reason, message, event }) => {
    const node = openNode({ behaviour: { broken: { startError: "no such program" } } });
    const { name = "main" }: { readonly name?: string } = container;
    await node.create({ containers: [sampleContainer(container)] });
    const waits = { ready: false, started: false, state: { waiting: { reason, message } } };
    expect(node.told.map(({ containerStatuses }) => containerStatuses?.[0])).toContainEqual(
      expect.objectContaining(waits),
    );
    expect(node.container(name)).toMatchObject({ ready: false, state: { waiting: {} } });
    expect(node.events).toContainEqual(expect.stringContaining(event));
    expect(node.ready()).toBe("False");
  });

  test("for a postStart hook that fails, between its lives", async () => {
    const run = async () => {
      throw new Fault("internal", "the hook said no");
    };
    const node = openNode({ hooks: { run }, behaviour: { main: { stopExitCode: 137 } } });
    await node.create({ containers: [sampleContainer({ lifecycle: { postStart: { exec: { command: ["x"] } } } })] });
    await node.pass(2);
    expect(node.container()).toMatchObject({
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 137 } },
    });
    const waiting = node.told.map(({ containerStatuses }) => containerStatuses?.[0]?.state?.waiting);
    expect(waiting).toContainEqual({ reason: "PostStartHookError", message: "the hook said no" });
  });
});

describe("an image that cannot be pulled", () => {
  const message = 'rpc error: code = NotFound desc = failed to pull and unpack image "registry.test/typo:1"';
  const spec = { containers: [sampleContainer({ image: "registry.test/typo:1" })] };

  test("is told word for word, and backs off", async () => {
    const node = openNode({ pull: async () => ({ ok: false, reason: "ErrImagePull", message }) });
    await node.create(spec);
    expect(node.container()?.state?.waiting).toEqual({ reason: "ErrImagePull", message });
    expect(node.events).toEqual([
      'Normal Pulling Pulling image "registry.test/typo:1"',
      `Warning Failed Failed to pull image "registry.test/typo:1": ${message}`,
      "Warning Failed Error: ErrImagePull",
    ]);
    await node.pass(2);
    expect(node.container()?.state?.waiting).toEqual({
      reason: "ImagePullBackOff",
      message: `Back-off pulling image "registry.test/typo:1": ErrImagePull: ${message}`,
    });
    expect(node.events.slice(3, 5)).toEqual([
      'Normal BackOff Back-off pulling image "registry.test/typo:1"',
      "Warning Failed Error: ImagePullBackOff",
    ]);
    expect(node.status()?.phase).toBe("Pending");
  });

  test("does not keep the pod from ending", async () => {
    const node = openNode({ pull: () => new Promise(() => {}) });
    await node.create(spec);
    await node.api.client.delete(Pod, { namespace: "default", name: "web" });
    await node.pass(1);
    expect(node.pod()).toBeUndefined();
  });
});
