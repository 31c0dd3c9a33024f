import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemRandom, uuid } from "../../lib/random.ts";
import { containerLabels, sandboxLabels } from "./labels.ts";
import type { ContainerConfig, ContainerRuntime, SandboxConfig } from "./runtime.ts";

/** What a contract container does: `waits` runs until asked to stop; `stubborn` has to be killed; the others end by themselves. */
export type ContractRole = "waits" | "stubborn" | "prints" | "fails" | "cannotStart";

/** A driver with what the contract needs to know of it. */
export interface RuntimeUnderTest extends AsyncDisposable {
  readonly runtime: ContainerRuntime;
  /** A reference that is there, and one that no registry has. */
  readonly image: string;
  readonly absentImage: string;
  readonly logDirectory: string;
  /** The control group that pods of the test go into, where the driver has any. */
  readonly cgroupParent?: string;
  /**
   * How the container is told its role: `prints` writes "out" to standard output, "err" to standard error and ends with 0;
   * `fails` ends with 3; `cannotStart` has no such program; `waits` ends with 0 when asked; in it, the commands `["true"]` and `["false"]` end with 0 and 1.
   */
  readonly as: (role: ContractRole) => Partial<ContainerConfig>;
  /** The log file as it is now. */
  readonly log: (path: string) => Promise<string>;
  /** False for a driver that has no streaming server. */
  readonly streams: boolean;
}

/** Every ContainerRuntime passes this suite; a driver's own test is one call to it. */
export function runtimeContract(driver: string, open: () => Promise<RuntimeUnderTest>): void {
  describe(`${driver}: container runtime`, () => {
    let under: RuntimeUnderTest;
    let runtime: ContainerRuntime;
    beforeAll(async () => {
      under = await open();
      runtime = under.runtime;
    });
    afterAll(() => under[Symbol.asyncDispose]());

    let pods = 0;
    const pod = (): SandboxConfig => {
      pods += 1;
      const name = `contract-${pods}`;
      const uid = uuid(systemRandom);
      return {
        metadata: { name, uid, namespace: "default", attempt: 0 },
        hostname: name,
        logDirectory: `${under.logDirectory}/default_${name}_${uid}`,
        labels: sandboxLabels({ podName: name, podNamespace: "default", podUid: uid }, { app: "contract" }),
        annotations: { "example.com/note": "kept" },
        cgroupParent: under.cgroupParent,
      };
    };
    const container = (sandbox: SandboxConfig, role: ContractRole, name = "main", attempt = 0): ContainerConfig => {
      const { name: podName, namespace: podNamespace, uid: podUid } = sandbox.metadata;
      return {
        metadata: { name, attempt },
        image: under.image,
        labels: containerLabels({ podName, podNamespace, podUid, containerName: name }),
        annotations: { "io.kubernetes.container.restartCount": String(attempt) },
        logPath: `${name}/${attempt}.log`,
        ...under.as(role),
      };
    };
    /** A sandbox for one test, gone after it. */
    const withSandbox = async (body: (id: string, config: SandboxConfig) => Promise<void>) => {
      const config = pod();
      const id = await runtime.runSandbox(config);
      try {
        await body(id, config);
      } finally {
        await runtime.removeSandbox(id);
      }
    };
    const started = async (sandboxId: string, config: SandboxConfig, role: ContractRole) => {
      const id = await runtime.createContainer(sandboxId, container(config, role), config);
      await runtime.startContainer(id);
      return id;
    };
    const exited = (id: string) =>
      expect.poll(async () => (await runtime.containerStatus(id))?.state, { timeout: 15_000 }).toBe("exited");

    test("says who it is and that it is ready", async () => {
      expect((await runtime.version()).name).not.toBe("");
      const { conditions } = await runtime.status();
      expect(conditions.filter(({ status }) => status).map(({ type }) => type)).toEqual(
        expect.arrayContaining(["RuntimeReady", "NetworkReady"]),
      );
    });

    describe("a sandbox", () => {
      test("is ready with an address, its labels and annotations", async () => {
        await withSandbox(async (id, config) => {
          const status = (await runtime.sandboxStatus(id))!;
          expect(status).toMatchObject({
            id,
            state: "ready",
            metadata: config.metadata,
            annotations: config.annotations,
          });
          expect(status.labels).toEqual(config.labels);
          expect(status.ips).toHaveLength(1);
          expect(status.createdAt).toBeGreaterThan(0);
        });
      });

      test("is found by its labels and state", async () => {
        await withSandbox(async (id, config) => {
          const labels = { "io.kubernetes.pod.uid": config.metadata.uid };
          const found = await runtime.listSandboxes({ labels, state: "ready" });
          expect(found.map((sandbox) => sandbox.id)).toEqual([id]);
          expect(await runtime.listSandboxes({ labels, state: "notReady" })).toEqual([]);
          expect(await runtime.listSandboxes({ labels: { ...labels, app: "other" } })).toEqual([]);
        });
      });

      test("has addresses that no other has", async () => {
        await withSandbox(async (one) => {
          await withSandbox(async (other) => {
            const ips = await Promise.all([one, other].map(async (id) => (await runtime.sandboxStatus(id))!.ips[0]));
            expect(new Set(ips).size).toBe(2);
          });
        });
      });

      test("is refused when its name and attempt are taken", async () => {
        await withSandbox(async (_, config) => {
          await expect(runtime.runSandbox(config)).rejects.toMatchObject({ code: "conflict" });
        });
      });

      test("is not ready after it was stopped, with its containers ended", async () => {
        await withSandbox(async (id, config) => {
          const main = await started(id, config, "waits");
          await runtime.stopSandbox(id);
          expect((await runtime.sandboxStatus(id))?.state).toBe("notReady");
          expect((await runtime.containerStatus(main))?.state).toBe("exited");
          await runtime.stopSandbox(id);
        });
      });

      test("goes with its containers when it is removed, and removing it again is fine", async () => {
        const config = pod();
        const id = await runtime.runSandbox(config);
        const main = await started(id, config, "waits");
        await runtime.removeSandbox(id);
        expect(await runtime.sandboxStatus(id)).toBeUndefined();
        expect(await runtime.containerStatus(main)).toBeUndefined();
        await runtime.removeSandbox(id);
        await runtime.stopSandbox(id);
      });
    });

    describe("a container", () => {
      test("is created, runs, and ends when asked", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await runtime.createContainer(sandbox, container(config, "waits"), config);
          expect(await runtime.containerStatus(id)).toMatchObject({ state: "created", startedAt: undefined });
          await runtime.startContainer(id);
          const running = (await runtime.containerStatus(id))!;
          expect(running).toMatchObject({
            state: "running",
            finishedAt: undefined,
            metadata: { name: "main", attempt: 0 },
          });
          expect(running.startedAt).toBeGreaterThanOrEqual(running.createdAt);
          await runtime.stopContainer(id, 30);
          const ended = (await runtime.containerStatus(id))!;
          expect(ended).toMatchObject({ state: "exited", exitCode: 0, reason: "Completed" });
          expect(ended.finishedAt).toBeGreaterThanOrEqual(running.startedAt!);
          await runtime.stopContainer(id, 30);
        });
      });

      test("keeps its labels, annotations and image reference", async () => {
        await withSandbox(async (sandbox, config) => {
          const wanted = container(config, "waits");
          const id = await runtime.createContainer(sandbox, wanted, config);
          const [found] = await runtime.listContainers({ labels: wanted.labels });
          expect(found).toMatchObject({
            id,
            sandboxId: sandbox,
            labels: wanted.labels,
            annotations: wanted.annotations,
          });
          const image = await runtime.imageStatus(under.image);
          expect(image?.id).toBe((await runtime.containerStatus(id))?.imageRef);
        });
      });

      test("is killed when it does not end in time", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "stubborn");
          await runtime.stopContainer(id, 1);
          expect(await runtime.containerStatus(id)).toMatchObject({ state: "exited", exitCode: 137, reason: "Error" });
        });
      });

      test("tells with what it ended by itself", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "fails");
          await exited(id);
          expect(await runtime.containerStatus(id)).toMatchObject({ exitCode: 3, reason: "Error" });
        });
      });

      test("fails to start without its program, and is then exited", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await runtime.createContainer(sandbox, container(config, "cannotStart"), config);
          await expect(runtime.startContainer(id)).rejects.toMatchObject({ code: "internal" });
          expect(await runtime.containerStatus(id)).toMatchObject({
            state: "exited",
            exitCode: 128,
            reason: "StartError",
          });
        });
      });

      test("starts only once", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "waits");
          await expect(runtime.startContainer(id)).rejects.toMatchObject({ code: "conflict" });
        });
      });

      test("writes its log in the CRI's format", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "prints");
          await exited(id);
          const { logPath } = (await runtime.containerStatus(id))!;
          expect(logPath).toBe(`${config.logDirectory}/main/0.log`);
          await expect.poll(() => under.log(logPath)).toMatch(/^\S+Z stdout F out$/m);
          await expect.poll(() => under.log(logPath)).toMatch(/^\S+Z stderr F err$/m);
        });
      });

      test("is refused when its name and attempt are taken, and accepted with the next attempt", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "fails");
          await expect(runtime.createContainer(sandbox, container(config, "waits"), config)).rejects.toMatchObject({
            code: "conflict",
          });
          const again = await runtime.createContainer(sandbox, container(config, "waits", "main", 1), config);
          const both = await runtime.listContainers({ sandboxId: sandbox });
          expect(new Set(both.map((one) => one.id))).toEqual(new Set([id, again]));
        });
      });

      test("is refused without its image", async () => {
        await withSandbox(async (sandbox, config) => {
          const wanted = { ...container(config, "waits"), image: under.absentImage };
          await expect(runtime.createContainer(sandbox, wanted, config)).rejects.toMatchObject({ code: "missing" });
        });
      });

      test("is gone after removal, even a running one, and removing it again is fine", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "stubborn");
          await runtime.removeContainer(id);
          expect(await runtime.containerStatus(id)).toBeUndefined();
          expect(await runtime.listContainers({ id })).toEqual([]);
          await runtime.removeContainer(id);
          await runtime.stopContainer(id, 0);
        });
      });

      test("takes new limits while it runs", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "waits");
          await runtime.updateContainerResources(id, { cpuShares: 512, memoryLimitBytes: 64 * 1024 * 1024 });
          expect((await runtime.containerStatus(id))?.resources).toMatchObject({
            cpuShares: 512,
            memoryLimitBytes: 64 * 1024 * 1024,
          });
        });
      });

      test("executes commands only while it runs", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "waits");
          expect((await runtime.execSync(id, ["true"], { timeoutSeconds: 10 })).exitCode).toBe(0);
          expect((await runtime.execSync(id, ["false"])).exitCode).toBe(1);
          await runtime.stopContainer(id, 0);
          await expect(runtime.execSync(id, ["true"])).rejects.toMatchObject({ code: "conflict" });
        });
      });

      test("kills a command that takes too long", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "waits");
          const sleeping = runtime.execSync(id, ["sleep", "60"], { timeoutSeconds: 1 });
          await expect(sleeping).rejects.toMatchObject({ code: "timeout" });
        });
      });

      test("has figures while it runs", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "waits");
          expect((await runtime.containerStats(id))?.cpu?.usageCoreNanoSeconds).toBeGreaterThanOrEqual(0);
          const listed = await runtime.listContainerStats({ sandboxId: sandbox });
          expect(listed.map((stats) => stats.id)).toEqual([id]);
          const [pods] = await runtime.listSandboxStats({ id: sandbox });
          expect(pods?.containers.map((stats) => stats.id)).toEqual([id]);
          await runtime.stopContainer(id, 0);
          expect(await runtime.containerStats(id)).toBeUndefined();
        });
      });

      test("gives out a streaming address, or says that there is none", async () => {
        await withSandbox(async (sandbox, config) => {
          const id = await started(sandbox, config, "waits");
          const url = runtime.execUrl(id, ["true"], { stdout: true });
          if (under.streams) expect(await url).toMatch(/^https?:\/\//);
          else await expect(url).rejects.toMatchObject({ code: "unsupported" });
        });
      });
    });

    describe("what is not there", () => {
      const nowhere = "0".repeat(64);
      test("has no status and no figures", async () => {
        expect(await runtime.sandboxStatus(nowhere)).toBeUndefined();
        expect(await runtime.containerStatus(nowhere)).toBeUndefined();
        expect(await runtime.containerStats(nowhere)).toBeUndefined();
        expect(await runtime.imageStatus(under.absentImage)).toBeUndefined();
      });

      test("cannot be started, changed or executed in", async () => {
        await expect(runtime.startContainer(nowhere)).rejects.toMatchObject({ code: "missing" });
        await expect(runtime.updateContainerResources(nowhere, {})).rejects.toMatchObject({ code: "missing" });
        await expect(runtime.execSync(nowhere, ["true"])).rejects.toMatchObject({ code: "missing" });
      });

      test("cannot hold a container", async () => {
        const config = pod();
        await expect(runtime.createContainer(nowhere, container(config, "waits"), config)).rejects.toMatchObject({
          code: "missing",
        });
      });
    });

    test("a call that is given up before it began throws aborted", async () => {
      await expect(runtime.version({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    });

    test("an image that cannot be had is a result that says why", async () => {
      const result = await runtime.pullImage(under.absentImage);
      expect(result).toMatchObject({
        ok: false,
        reason: expect.stringMatching(/^(ErrImagePull|RegistryUnavailable)$/),
      });
    });

    test("images are listed with their tags, and their file system has a size", async () => {
      const images = await runtime.listImages();
      const image = (await runtime.imageStatus(under.image))!;
      expect(images.map(({ id }) => id)).toContain(image.id);
      expect(image.repoTags).toContain(under.image);
      expect((await runtime.imageFsInfo()).images.length).toBeGreaterThan(0);
    });

    describe("events", () => {
      /** Collects events of one pod until the given ones came: those of a kind in this order, others between them. */
      const follow = async (podUid: string, until: readonly string[], act: () => Promise<void>) => {
        const stop = new AbortController();
        const seen: string[] = [];
        const missing = new Map(
          (["sandbox", "container"] as const).map((kind) => [kind, until.filter((one) => one.startsWith(kind))]),
        );
        const left = () => [...missing.values()].flat();
        const reading = (async () => {
          for await (const event of runtime.events(stop.signal)) {
            if (event.podUid !== podUid) continue;
            seen.push(`${event.kind} ${event.type}`);
            const ofKind = missing.get(event.kind)!;
            if (ofKind[0] === seen.at(-1)) ofKind.shift();
            if (left().length === 0) break;
          }
        })();
        const timeout = AbortSignal.timeout(15_000);
        timeout.addEventListener("abort", () => stop.abort(), { once: true });
        await act();
        await reading;
        expect(left(), `of ${until.join(", ")} came ${seen.join(", ")}`).toEqual([]);
      };

      test("tell a pod's whole life in order", async () => {
        const config = pod();
        const whole = [
          "sandbox started",
          "container started",
          "container exited",
          "container deleted",
          "sandbox exited",
          "sandbox deleted",
        ];
        await follow(config.metadata.uid, whole, async () => {
          const id = await runtime.runSandbox(config);
          const main = await started(id, config, "waits");
          await runtime.stopContainer(main, 30);
          await runtime.removeContainer(main);
          await runtime.stopSandbox(id);
          await runtime.removeSandbox(id);
        });
      });

      test("begin with what is there", async () => {
        await withSandbox(async (id, config) => {
          await started(id, config, "waits");
          await follow(config.metadata.uid, ["container started"], async () => {});
        });
      });

      test("of an end that nobody asked for come when the status shows it", async () => {
        const config = pod();
        const id = await runtime.runSandbox(config);
        const stop = new AbortController();
        const ended = (async () => {
          for await (const event of runtime.events(stop.signal)) {
            if (event.podUid !== config.metadata.uid || event.type !== "exited") continue;
            return runtime.containerStatus(event.id);
          }
        })();
        await started(id, config, "fails");
        expect(await ended).toMatchObject({ state: "exited", exitCode: 3 });
        stop.abort();
        await runtime.removeSandbox(id);
      });

      test("end when their reader goes away", async () => {
        const stop = new AbortController();
        const events = runtime.events(stop.signal)[Symbol.asyncIterator]();
        const next = events.next();
        stop.abort();
        await next;
        expect((await events.next()).done).toBe(true);
      });
    });

    test("many sandboxes are made and removed at the same time", async () => {
      const ids = await Promise.all(Array.from({ length: 6 }, () => runtime.runSandbox(pod())));
      expect(new Set(ids).size).toBe(6);
      await Promise.all(ids.map((id) => runtime.removeSandbox(id)));
      const left = (await runtime.listSandboxes()).map(({ id }) => id);
      expect(left.filter((id) => ids.includes(id))).toEqual([]);
    });
  });
}
