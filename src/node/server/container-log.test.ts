import { describe, expect, test } from "vitest";
import type { PodStatus } from "../../api/generated/core-v1.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import type { ObservedContainer } from "../pods/observed.ts";
import { runtimeAnnotations, runtimeLabels } from "../runtime/labels.ts";
import { formatLogLine } from "../runtime/log-lines.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { MemoryLogs } from "../runtime/simulated-logs.ts";
import { dawn, observedOf, samplePod } from "../testing/samples.ts";
import { containerLog } from "./container-log.ts";
import { podNamed } from "./pod-named.ts";

/** A node with these containers of the sample pod, each of which has said its id; those in `silent` have no log file. */
function nodeWith(containers: readonly ObservedContainer[], status?: PodStatus, silent: readonly string[] = []) {
  const statuses = containers.map((container) => ({
    ...container,
    labels: { [runtimeLabels.podUid]: "uid-web", [runtimeLabels.containerName]: container.name },
    annotations: { [runtimeAnnotations.restartCount]: String(container.restartCount) },
  }));
  const runtime = {
    listSandboxes: async () => [],
    listContainers: async () => statuses,
    containerStatus: async (id: string) => statuses.find((each) => each.id === id),
  } as unknown as ContainerRuntime;
  const logFiles = new MemoryLogs();
  const clock = new VirtualClock(dawn);
  for (const { id, logPath } of containers)
    if (!silent.includes(id)) logFiles.append(logPath, formatLogLine(dawn, "stdout", `said by ${id}`));
  const pod = samplePod({}, status ? { status } : {});
  const signal = new AbortController().signal;
  return async (query: Record<string, string> = {}) => {
    const context = { runtime, logFiles, clock, signal };
    let text = "";
    for await (const piece of await containerLog(pod, "main", new URLSearchParams(query), context))
      text += Buffer.from(piece).toString();
    return text;
  };
}

const running = observedOf("main", "running", { restartCount: 2 });
const ended = observedOf("main", "exited", { restartCount: 1 });
const older = observedOf("main", "exited", { restartCount: 0 });
const made = observedOf("main", "created", { restartCount: 3 });

describe("a container's log", () => {
  test.each([
    { name: "of the running container", containers: [running, ended], previous: "false", said: "main-2" },
    { name: "of the one before it", containers: [running, ended, older], previous: "true", said: "main-1" },
    {
      name: "of the last one that ran, while the next waits",
      containers: [ended, older],
      previous: "false",
      said: "main-1",
    },
    {
      name: "of the one before the last, while the next waits",
      containers: [ended, older],
      previous: "true",
      said: "main-0",
    },
    { name: "of one that ran, not of one only made", containers: [made, ended], previous: "false", said: "main-1" },
  ])("is that $name", async ({ containers, previous, said }) => {
    expect(await nodeWith(containers)({ previous })).toBe(`said by ${said}\n`);
  });

  test("followed ends with its container, though another is started after it", async () => {
    expect(await nodeWith([ended, older])({ follow: "true" })).toBe("said by main-1\n");
  });

  test.each([
    { query: { tailLines: "0" }, said: "" },
    { query: { limitBytes: "4" }, said: "said" },
    { query: { sinceTime: "2026-01-01T00:00:01Z" }, said: "" },
    { query: { timestamps: "true" }, said: "2026-01-01T00:00:00.000000000Z said by main-2\n" },
    { query: { stream: "Stderr" }, said: "" },
  ])("asked for with $query is cut to that", async ({ query, said }) => {
    expect(await nodeWith([running])(query as unknown as Record<string, string>)).toBe(said);
  });

  test.each([
    { query: { tailLines: "few" }, says: /tailLines/ },
    { query: { limitBytes: "-1" }, says: /limitBytes/ },
    { query: { sinceTime: "yesterday" }, says: /sinceTime/ },
    { query: { stream: "Stdin" }, says: /stream/ },
    { query: { stream: "Stdout", tailLines: "1" }, says: /tailLines and a specific stream/ },
  ])("asked for with $query is refused before the answer begins", async ({ query, says }) => {
    const refused = nodeWith([running])(query as unknown as Record<string, string>);
    await expect(refused).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(says) });
  });

  test("that no file was made for is refused", async () => {
    const refused = nodeWith([ended], undefined, ["main-1"])();
    await expect(refused).rejects.toMatchObject({ code: "invalid", message: expect.stringMatching(/no log file/) });
  });

  test("before the one life that it had is refused", async () => {
    const refused = nodeWith([running])({ previous: "true" });
    await expect(refused).rejects.toMatchObject({
      code: "invalid",
      message: 'previous terminated container "main" in pod "web" not found',
    });
  });

  test.each([
    {
      waiting: { reason: "ContainerCreating" },
      says: 'container "main" in pod "web" is waiting to start: ContainerCreating',
    },
    {
      waiting: { reason: "ImagePullBackOff", message: "Back-off" },
      says: 'container "main" in pod "web" is waiting to start: trying and failing to pull image',
    },
    {
      waiting: { reason: "CreateContainerConfigError", message: 'configmap "c" not found' },
      says: 'container "main" in pod "web" is waiting to start: configmap "c" not found',
    },
  ])("of a container that waits for $waiting.reason says so", async ({ waiting, says }) => {
    const status = { containerStatuses: [{ name: "main", state: { waiting } }] } as unknown as PodStatus;
    await expect(nodeWith([], status)()).rejects.toMatchObject({ code: "invalid", message: says });
  });
});

test("a name means the newer pod, while the one before it is still being ended", () => {
  const [old, next] = [samplePod(), samplePod({}, { metadata: { uid: "uid-next" } })];
  const other = samplePod({}, { metadata: { namespace: "other", uid: "uid-other" } });
  expect(podNamed([old, next, other], "default", "web")).toBe(next);
  expect(() => podNamed([other], "default", "web")).toThrow('pod "web" not found');
});
