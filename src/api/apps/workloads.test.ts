import { describe, expect, it } from "vitest";
import { created, faultsOf, faultsOfChange, received, row } from "../kind-fixture.ts";
import { DaemonSet } from "./daemon-set.ts";
import { Deployment } from "./deployment.ts";
import { ReplicaSet } from "./replica-set.ts";
import { StatefulSet } from "./stateful-set.ts";

const labels = { app: "a" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "img:1" }] } };
const sketch = (more: object = {}) => ({ spec: { selector, template, ...more } });
const restarting = (policy: string) => ({
  template: { ...template, spec: { ...template.spec, restartPolicy: policy } },
});

describe("a deployment", () => {
  it("rolls out a quarter at a time, keeps ten revisions and gives up after ten minutes", () => {
    expect(received(Deployment, sketch()).spec).toMatchObject({
      replicas: 1,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    });
  });

  it.each([
    ["nothing wrong", {}, []],
    [
      "another selector than its pods' labels",
      { selector: { matchLabels: { app: "b" } } },
      ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'],
    ],
    [
      "an empty selector",
      { selector: {} },
      ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
    ],
    [
      "counts below zero",
      { replicas: -1, minReadySeconds: -1, revisionHistoryLimit: -1 },
      [
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
        "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
      ],
    ],
    [
      "a rollout that cannot take a step",
      { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } },
      ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ],
    [
      "steps that are no percentages",
      { strategy: { rollingUpdate: { maxSurge: "150", maxUnavailable: "110%" } } },
      [
        "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"150\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "110%": must not be greater than 100%',
      ],
    ],
    [
      "steps where all is replaced at once",
      { strategy: { type: "Recreate", rollingUpdate: { maxSurge: 1 } } },
      ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ],
    [
      "pods that end on their own",
      restarting("Never"),
      ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ],
  ])("with %s", (_what, more, faults) => {
    expect(faultsOf(Deployment, sketch(more))).toEqual(faults);
  });

  it("keeps its selector", () => {
    const other = {
      selector: { matchLabels: { b: "c" } },
      template: { ...template, metadata: { labels: { b: "c" } } },
    };
    expect(faultsOfChange(Deployment, sketch(), sketch(other))).toEqual([
      'spec.selector: Invalid value: {"matchLabels":{"b":"c"}}: field is immutable',
    ]);
  });

  it("shows how many of its pods are ready", () => {
    const deployment = received(Deployment, {
      ...sketch({ replicas: 3 }),
      status: { readyReplicas: 2, updatedReplicas: 3 },
    });
    expect(row(Deployment, deployment)).toMatchObject({
      Ready: "2/3",
      "Up-to-date": 3,
      Available: 0,
      Containers: "c",
      Images: "img:1",
      Selector: "app=a",
    });
  });
});

describe("a deployment of an older version", () => {
  const old = (apiVersion: string, spec: object) => {
    const mapping = Deployment.declaration.versions?.[apiVersion];
    const object = { ...received(Deployment, {}), apiVersion, spec } as unknown as Parameters<
      NonNullable<typeof mapping>["toStored"]
    >[0];
    const defaulted = mapping?.defaults?.(object) ?? object;
    return { defaulted, stored: mapping?.toStored(defaulted), mapping };
  };

  it.each([
    ["extensions/v1beta1", 1, 0x7fffffff, 0x7fffffff],
    ["apps/v1beta1", "25%", 2, 600],
  ])("of %s gets the defaults of its time", (apiVersion, step, history, deadline) => {
    const { stored } = old(apiVersion, { template });
    expect(stored).toMatchObject({
      apiVersion: "apps/v1",
      metadata: { labels },
      spec: {
        selector,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: step, maxSurge: step } },
        revisionHistoryLimit: history,
        progressDeadlineSeconds: deadline,
      },
    });
  });

  it("keeps the revision that it wants to go back to", () => {
    const { defaulted, stored, mapping } = old("extensions/v1beta1", {
      template,
      selector,
      rollbackTo: { revision: 3 },
    });
    expect(stored?.metadata.annotations).toEqual({ "deprecated.deployment.rollback.to": "3" });
    expect(stored && mapping?.fromStored(stored)).toEqual(defaulted);
  });
});

describe("a replica set", () => {
  it("has one replica, and none yet", () => {
    const set = created(ReplicaSet, sketch());
    expect(set.spec.replicas).toBe(1);
    expect(set.status).toEqual({ replicas: 0 });
  });

  it("needs a selector", () => {
    expect(faultsOf(ReplicaSet, sketch({ selector: undefined }))[0]).toBe("spec.selector: Required value");
  });

  it("cannot have more ready pods than pods", () => {
    const set = { ...created(ReplicaSet, sketch()), status: { replicas: 1, readyReplicas: 2 } };
    expect(ReplicaSet.declaration.validateStatus?.(set, set)).toMatchObject([
      { field: "status.readyReplicas", message: "Invalid value: 2: cannot be greater than status.replicas" },
    ]);
  });
});

describe("a stateful set", () => {
  it("starts its pods in order, and keeps their disks", () => {
    const volumeClaimTemplates = [{ metadata: { name: "d" }, spec: { accessModes: ["ReadWriteOnce"] } }];
    expect(received(StatefulSet, sketch({ volumeClaimTemplates })).spec).toMatchObject({
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
      volumeClaimTemplates: [
        {
          apiVersion: "v1",
          kind: "PersistentVolumeClaim",
          spec: { volumeMode: "Filesystem" },
          status: { phase: "Pending" },
        },
      ],
    });
  });

  it("may be scaled, but keeps its service", () => {
    const before = sketch({ serviceName: "s" });
    expect(faultsOfChange(StatefulSet, before, sketch({ serviceName: "s", replicas: 3 }))).toEqual([]);
    expect(faultsOfChange(StatefulSet, before, sketch({ serviceName: "t" }))).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });
});

describe("a daemon set", () => {
  it("counts the changes of its template", () => {
    const key = "deprecated.daemonset.template.generation";
    const before = created(DaemonSet, sketch());
    expect(before.metadata.annotations).toEqual({ [key]: "1" });
    const { prepareUpdate } = DaemonSet.declaration;
    const relabelled = { ...before, metadata: { ...before.metadata, labels: { x: "y" } } };
    expect(prepareUpdate?.(relabelled, before).metadata.annotations).toEqual({ [key]: "1" });
    const changed = received(DaemonSet, sketch(restarting("Always")));
    const other = {
      ...changed,
      spec: { ...changed.spec, template: { ...changed.spec.template, metadata: { labels, annotations: { a: "b" } } } },
    };
    expect(prepareUpdate?.(other, before).metadata.annotations).toEqual({ [key]: "2" });
  });

  it("replaces one pod at a time, and not none", () => {
    expect(received(DaemonSet, sketch()).spec.updateStrategy).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 1, maxSurge: 0 },
    });
    expect(faultsOf(DaemonSet, sketch({ updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } }))).toEqual([
      "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0 when maxSurge is 0",
    ]);
  });
});
