import { describe, expect, test } from "vitest";
import type { PodSpec } from "../../api/generated/core-v1.ts";
import { observedOf, observedPod, sampleContainer, samplePod, sandboxOf } from "../testing/samples.ts";
import type { ObservedPod } from "./observed.ts";
import { finishedPhase, type PodPlan, type ProbeVerdict, planPod, restarts } from "./plan.ts";

const healthy: ProbeVerdict = { started: true, ready: true };

interface Case {
  readonly name: string;
  readonly spec?: Partial<PodSpec>;
  readonly observed: ObservedPod;
  readonly verdicts?: Readonly<Record<string, ProbeVerdict>>;
  readonly expected: {
    readonly starts?: readonly string[];
    readonly stops?: readonly string[];
    readonly sandbox?: boolean;
    readonly killAll?: boolean;
    readonly attempt?: number;
  };
}

function plan({ spec, observed, verdicts }: Omit<Case, "expected">): PodPlan {
  return planPod({
    pod: samplePod(spec),
    observed,
    probes: ({ name }) => verdicts?.[name] ?? healthy,
    hashOf: ({ image }) => image ?? "",
  });
}

const dead = { state: "notReady" as const };
const init = (name: string) => sampleContainer({ name });
const sidecar = (name: string) => sampleContainer({ name, restartPolicy: "Always" });
const two = { containers: [sampleContainer({ name: "a" }), sampleContainer({ name: "b" })] };

describe("a pod's plan", () => {
  test.each<Case>([
    {
      name: "makes a sandbox for a new pod",
      observed: observedPod([], []),
      expected: { sandbox: true, attempt: 0 },
    },
    {
      name: "starts all containers in a new sandbox",
      spec: two,
      observed: observedPod(),
      expected: { starts: ["a", "b"], attempt: 1 },
    },
    {
      name: "does nothing for what runs",
      observed: observedPod([observedOf("main", "running")]),
      expected: {},
    },
    {
      name: "starts a container that was made but not started",
      observed: observedPod([observedOf("main", "created")]),
      expected: { starts: ["main"] },
    },
    {
      name: "restarts what ended well under Always",
      observed: observedPod([observedOf("main", "exited")]),
      expected: { starts: ["main"] },
    },
    {
      name: "leaves what ended well under OnFailure",
      spec: { restartPolicy: "OnFailure", ...two },
      observed: observedPod([observedOf("a", "exited"), observedOf("b", "exited", { exitCode: 1 })]),
      expected: { starts: ["b"] },
    },
    {
      name: "leaves what ended badly under Never",
      spec: { restartPolicy: "Never", ...two },
      observed: observedPod([observedOf("a", "exited", { exitCode: 1 }), observedOf("b", "running")]),
      expected: {},
    },
    {
      name: "judges by the newest life",
      spec: { restartPolicy: "OnFailure" },
      observed: observedPod([
        observedOf("main", "exited", { exitCode: 1 }),
        observedOf("main", "running", { restartCount: 1 }),
      ]),
      expected: {},
    },
    {
      name: "replaces a lost sandbox and ends what is left of it",
      observed: observedPod([observedOf("main", "exited", { exitCode: 137 })], [sandboxOf(dead)]),
      expected: { sandbox: true, killAll: true, attempt: 1 },
    },
    {
      name: "makes no sandbox for containers that have had their one life",
      spec: { restartPolicy: "Never" },
      observed: observedPod([observedOf("main", "exited", { exitCode: 137 })], [sandboxOf(dead)]),
      expected: { killAll: true, attempt: 1 },
    },
    {
      name: "does not repeat in a new sandbox what was done in the old one",
      spec: { restartPolicy: "OnFailure", ...two },
      observed: observedPod(
        [observedOf("a", "exited"), observedOf("b", "exited", { exitCode: 137 })],
        [sandboxOf({ metadata: { ...sandboxOf().metadata, attempt: 1 } }), sandboxOf(dead)],
      ),
      expected: { starts: ["b"], attempt: 2 },
    },
    {
      name: "restarts a container whose image was changed",
      observed: observedPod([observedOf("main", "running", { hash: "registry.test/app:0" })]),
      expected: { stops: ["Container main definition changed, will be restarted"] },
    },
    {
      name: "restarts a container whose liveness probe failed",
      observed: observedPod([observedOf("main", "running")]),
      verdicts: { main: { ...healthy, failed: { probe: "Liveness" } } },
      expected: { stops: ["Container main failed liveness probe, will be restarted"] },
    },
    {
      name: "ends for good a container whose startup probe failed under Never",
      spec: { restartPolicy: "Never" },
      observed: observedPod([observedOf("main", "running")]),
      verdicts: { main: { started: false, ready: false, failed: { probe: "Startup" } } },
      expected: { stops: ["Container main failed startup probe"] },
    },
  ])("$name", ({ expected, ...given }) => {
    check(plan(given), expected);
  });

  test("gives a failed probe's own grace", () => {
    const failed = { probe: "Liveness", graceSeconds: 3 } as const;
    const observed = observedPod([observedOf("main", "running")]);
    expect(plan({ name: "", observed, verdicts: { main: { ...healthy, failed } } }).stops[0]?.graceSeconds).toBe(3);
  });
});

describe("init containers", () => {
  const spec = { initContainers: [init("one"), init("two")] };
  test.each<Case>([
    { name: "begin with the first", spec, observed: observedPod(), expected: { starts: ["one"] } },
    {
      name: "wait for the one before",
      spec,
      observed: observedPod([observedOf("one", "running")]),
      expected: {},
    },
    {
      name: "follow each other",
      spec,
      observed: observedPod([observedOf("one", "exited")]),
      expected: { starts: ["two"] },
    },
    {
      name: "let the others start when all are done",
      spec,
      observed: observedPod([observedOf("one", "exited"), observedOf("two", "exited")]),
      expected: { starts: ["main"] },
    },
    {
      name: "are repeated when they fail",
      spec,
      observed: observedPod([observedOf("one", "exited", { exitCode: 1 })]),
      expected: { starts: ["one"] },
    },
    {
      name: "are not repeated under Never",
      spec: { ...spec, restartPolicy: "Never" },
      observed: observedPod([observedOf("one", "exited", { exitCode: 1 })]),
      expected: {},
    },
    {
      name: "are done with once the others were started, even if they are gone",
      spec,
      observed: observedPod([observedOf("main", "running")]),
      expected: {},
    },
    {
      name: "run again in a new sandbox",
      spec,
      observed: observedPod(
        [observedOf("one", "exited"), observedOf("two", "exited"), observedOf("main", "exited", { exitCode: 137 })],
        [sandboxOf({ id: "sandbox-new", metadata: { ...sandboxOf().metadata, attempt: 1 } }), sandboxOf(dead)],
      ),
      expected: { starts: ["one"] },
    },
  ])("$name", ({ expected, ...given }) => {
    check(plan(given), expected);
  });
});

describe("sidecars", () => {
  const spec = { initContainers: [sidecar("proxy"), init("one")], restartPolicy: "Never" } as const;
  test.each<Case>([
    { name: "are started in their turn", spec, observed: observedPod(), expected: { starts: ["proxy"] } },
    {
      name: "hold up the next until they have started",
      spec,
      observed: observedPod([observedOf("proxy", "running")]),
      verdicts: { proxy: { started: false, ready: false } },
      expected: {},
    },
    {
      name: "let the next start while they run",
      spec,
      observed: observedPod([observedOf("proxy", "running")]),
      expected: { starts: ["one"] },
    },
    {
      name: "are restarted whatever the pod's policy, before the others run",
      spec,
      observed: observedPod([observedOf("proxy", "exited"), observedOf("one", "running")]),
      expected: { starts: ["proxy"] },
    },
    {
      name: "are restarted beside the others",
      spec,
      observed: observedPod([
        observedOf("proxy", "exited", { exitCode: 1 }),
        observedOf("one", "exited"),
        observedOf("main", "running"),
      ]),
      expected: { starts: ["proxy"] },
    },
  ])("$name", ({ expected, ...given }) => {
    check(plan(given), expected);
  });
});

test("ephemeral containers are started once, also beside init containers", () => {
  const spec = { initContainers: [init("one")], ephemeralContainers: [{ name: "debug" }] };
  const before = plan({ name: "", spec, observed: observedPod([observedOf("one", "running")]) });
  expect(before.starts.map(({ name }) => name)).toEqual(["debug"]);
  const ended = [observedOf("one", "running"), observedOf("debug", "exited")];
  expect(plan({ name: "", spec, observed: observedPod(ended) }).starts).toEqual([]);
});

describe("restart rules of a container", () => {
  const pod = samplePod({ restartPolicy: "Never" });
  const rule = (operator: "In" | "NotIn", values: readonly number[]) =>
    sampleContainer({ restartPolicyRules: [{ action: "Restart", exitCodes: { operator, values } }] });
  test.each([
    { name: "restart a listed exit code", container: rule("In", [42]), exitCode: 42, again: true },
    { name: "leave another exit code to the policy", container: rule("In", [42]), exitCode: 1, again: false },
    { name: "restart all but the listed ones", container: rule("NotIn", [42]), exitCode: 1, again: true },
    {
      name: "of the container go before the pod's",
      container: sampleContainer({ restartPolicy: "OnFailure" }),
      exitCode: 1,
      again: true,
    },
  ])("$name", ({ container, exitCode, again }) => {
    expect(restarts(pod, container, exitCode)).toBe(again);
  });
});

describe("a pod has ended", () => {
  test.each([
    { name: "not while a container runs", policy: "Never", codes: [0, undefined], phase: undefined },
    { name: "not under Always", policy: "Always", codes: [0, 0], phase: undefined },
    { name: "well when all containers did", policy: "OnFailure", codes: [0, 0], phase: "Succeeded" },
    { name: "not while one is restarted", policy: "OnFailure", codes: [0, 1], phase: undefined },
    { name: "badly when one failed for good", policy: "Never", codes: [0, 1], phase: "Failed" },
  ] as const)("$name", ({ policy, codes, phase }) => {
    const containers = codes.map((code, index) =>
      observedOf("ab"[index]!, code === undefined ? "running" : "exited", code === undefined ? {} : { exitCode: code }),
    );
    expect(finishedPhase(samplePod({ ...two, restartPolicy: policy }), observedPod(containers))).toBe(phase);
  });

  test("when an init container failed for good", () => {
    const pod = samplePod({ initContainers: [init("one")], restartPolicy: "Never" });
    expect(finishedPhase(pod, observedPod([observedOf("one", "exited", { exitCode: 1 })]))).toBe("Failed");
    expect(finishedPhase(pod, observedPod([observedOf("one", "exited")]))).toBeUndefined();
  });

  test("while its sidecars still run", () => {
    const pod = samplePod({ initContainers: [sidecar("proxy")], restartPolicy: "Never" });
    const containers = [observedOf("proxy", "running"), observedOf("main", "exited")];
    expect(finishedPhase(pod, observedPod(containers))).toBe("Succeeded");
  });
});

function check(actual: PodPlan, expected: Case["expected"]): void {
  expect({
    starts: actual.starts.map(({ name }) => name),
    stops: actual.stops.map(({ message }) => message),
    sandbox: actual.createSandbox,
    killAll: actual.killAll,
  }).toEqual({ starts: [], stops: [], sandbox: false, killAll: false, ...omitAttempt(expected) });
  if (expected.attempt !== undefined) expect(actual.attempt).toBe(expected.attempt);
}

function omitAttempt({ attempt: _, ...rest }: Case["expected"]) {
  return rest;
}
