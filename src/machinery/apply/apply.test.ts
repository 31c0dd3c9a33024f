import { describe, expect, test } from "vitest";
import { decodeValue } from "../codec-json.ts";
import { deepFreeze } from "../equality.ts";
import type { ManagedFieldsEntry } from "../generated/meta-v1.ts";
import type { StructInfo } from "../type-info.ts";
import { applyConfiguration } from "./apply.ts";
import { configMapType, podType } from "./apply-fixture.ts";
import type { Endpoint } from "./ownership.ts";
import { updateManagers } from "./update-managers.ts";

interface Thing {
  readonly metadata: {
    readonly managedFields?: readonly ManagedFieldsEntry[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly data?: unknown;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: unknown;
}

const now = "2016-03-17T00:00:00Z";
const later = "2016-03-17T00:00:09Z";
const map: Endpoint = { apiVersion: "v1", type: configMapType };
const pod: Endpoint = { apiVersion: "v1", type: podType, reset: [["status"]] };
const podStatus: Endpoint = {
  apiVersion: "v1",
  type: podType,
  subresource: "status",
  reset: [["spec"], ["metadata", "labels"]],
};

const head = { apiVersion: "v1", kind: "ConfigMap" };
const decoded = (type: StructInfo, value: object) => decodeValue<Thing>(type, { ...head, ...value }).object;
const created = (endpoint: Endpoint, value: object, manager = "parity") =>
  deepFreeze(updateManagers({ live: undefined, next: decoded(endpoint.type, value), endpoint, manager, time: now }));
const updated = (endpoint: Endpoint, live: object, value: object, manager = "parity", time = later) =>
  deepFreeze(updateManagers({ live, next: decoded(endpoint.type, value), endpoint, manager, time }));
const applied = (
  endpoint: Endpoint,
  live: object | undefined,
  config: object,
  manager = "m1",
  force = false,
  time = later,
) => applyConfiguration({ live, config: { ...head, ...config }, endpoint, manager, force, time });
const appliedObject = (...args: Parameters<typeof applied>) => deepFreeze(applied(...args).object as unknown as Thing);
const owners = (object: Thing) =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, fieldsV1 }) => [
      `${manager} ${operation}`,
      fieldsV1,
    ]),
  );
const named = { metadata: { name: "a" } };

describe("who owns what after a create or update", () => {
  test("all that a new object says belongs to the one who made it", () => {
    const object = created(map, {
      metadata: { name: "a", labels: { x: "y" }, resourceVersion: "7" },
      data: { a: "1" },
    });
    expect(object.metadata.managedFields).toEqual([
      {
        manager: "parity",
        operation: "Update",
        apiVersion: "v1",
        time: now,
        fieldsType: "FieldsV1",
        fieldsV1: { "f:data": { ".": {}, "f:a": {} }, "f:metadata": { "f:labels": { ".": {}, "f:x": {} } } },
      },
    ]);
  });

  test("what a new object always has is not owned by its containers' names", () => {
    const spec = { containers: [{ name: "c", image: "i" }], replicas: 1 };
    expect(owners(created(pod, { metadata: { name: "a" }, spec, status: { ready: 1 } }))).toEqual({
      "parity Update": {
        "f:spec": {
          "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:image": {}, "f:name": {}, "f:resources": {} } },
          "f:replicas": {},
        },
      },
    });
  });

  test("a changed field changes hands, the container stays with the first", () => {
    const live = created(map, { ...named, data: { a: "1" } }, "my-tool");
    expect(owners(updated(map, live, { ...named, data: { a: "2" } }, "other"))).toEqual({
      "my-tool Update": { "f:data": {} },
      "other Update": { "f:data": { "f:a": {} } },
    });
  });

  test("the same updater adds to what it has, and its time moves on", () => {
    const live = created(map, { ...named, data: { a: "1" } });
    const next = updated(map, live, { ...named, data: { a: "1", b: "2" } });
    expect(owners(next)).toEqual({ "parity Update": { "f:data": { ".": {}, "f:a": {}, "f:b": {} } } });
    expect(next.metadata.managedFields?.[0]?.time).toBe(later);
  });

  test("what is removed belongs to nobody", () => {
    const live = created(map, { ...named, data: { a: "1" } });
    expect(updated(map, live, named, "other").metadata.managedFields).toBeUndefined();
  });

  test("an update that changes nothing moves no time", () => {
    const live = created(map, { ...named, data: { a: "1" } });
    expect(updated(map, live, { ...named, data: { a: "1" } }, "other").metadata).toEqual(live.metadata);
  });

  test("managedFields can be cleared, and are not kept again until an apply", () => {
    const live = created(map, { ...named, data: { a: "1" } });
    const cleared = updated(map, live, { metadata: { name: "a", managedFields: [{}] }, data: { a: "1" } });
    expect(cleared.metadata.managedFields).toBeUndefined();
    expect(updated(map, cleared, { ...named, data: { a: "2" } }).metadata.managedFields).toBeUndefined();
  });

  test("managedFields that make no sense leave the stored ones", () => {
    const live = created(map, { ...named, data: { a: "1" } });
    const bad = { metadata: { name: "a", managedFields: [{ manager: "x", operation: "Guess" }] }, data: { a: "1" } };
    expect(updated(map, live, bad).metadata.managedFields).toEqual(live.metadata.managedFields);
  });

  test("status has its own entry at its own address", () => {
    const spec = { containers: [{ name: "c" }] };
    const live = created(pod, { ...named, spec });
    const next = updated(podStatus, live, { ...named, spec: { containers: [] }, status: { ready: 3 } }, "kubelet");
    expect(
      next.metadata.managedFields?.map(({ manager, subresource, fieldsV1 }) => ({ manager, subresource, fieldsV1 })),
    ).toEqual([
      { manager: "parity", subresource: undefined, fieldsV1: live.metadata.managedFields?.[0]?.fieldsV1 },
      { manager: "kubelet", subresource: "status", fieldsV1: { "f:status": { "f:ready": {} } } },
    ]);
  });

  test("the oldest of more than ten updaters are put together", () => {
    let object: Thing = created(map, { ...named, data: { k0: "0" } }, "m0");
    const data: Record<string, string> = { k0: "0" };
    for (let turn = 1; turn <= 12; turn++) {
      data[`k${turn}`] = "x";
      const time = `2016-03-17T00:01:${String(turn).padStart(2, "0")}Z`;
      object = updated(map, object, { ...named, data: { ...data } }, `m${turn}`, time);
    }
    const names = object.metadata.managedFields?.map(({ manager }) => manager);
    expect(names).toHaveLength(10);
    expect(names?.[0]).toBe("ancient-changes");
    expect(owners(object)["ancient-changes Update"]).toEqual({
      "f:data": { ".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}, "f:k3": {} },
    });
  });
});

describe("apply", () => {
  test("it owns what it says, without containers", () => {
    const object = appliedObject(map, undefined, { ...named, data: { a: "1", b: "2" } });
    expect(object.data).toEqual({ a: "1", b: "2" });
    expect(object.metadata.managedFields).toEqual([
      {
        manager: "m1",
        operation: "Apply",
        apiVersion: "v1",
        time: later,
        fieldsType: "FieldsV1",
        fieldsV1: { "f:data": { "f:a": {}, "f:b": {} } },
      },
    ]);
  });

  test("what it no longer says goes", () => {
    const first = appliedObject(map, undefined, { ...named, data: { a: "1", b: "2" } });
    const second = appliedObject(map, first, { ...named, data: { a: "3" } });
    expect(second.data).toEqual({ a: "3" });
    expect(owners(second)).toEqual({ "m1 Apply": { "f:data": { "f:a": {} } } });
    expect(appliedObject(map, second, named).data).toBeUndefined();
  });

  test("the same again changes nothing", () => {
    const live = appliedObject(map, undefined, { ...named, data: { a: "1" } });
    expect(applied(map, live, { ...named, data: { a: "1" } }, "m1", false, "2020-01-01T00:00:00Z")).toEqual({
      object: live,
      changed: false,
    });
  });

  test("a conflict names every field and its owner", () => {
    const live = appliedObject(map, undefined, { ...named, data: { a: "1", b: "2" } });
    expect(() => applied(map, live, { ...named, data: { a: "9", b: "8" } }, "m2")).toThrow(
      expect.objectContaining({
        reason: "Conflict",
        message: 'Apply failed with 2 conflicts: conflicts with "m1":\n- .data.a\n- .data.b',
        details: {
          causes: [
            { reason: "FieldManagerConflict", message: 'conflict with "m1"', field: ".data.a" },
            { reason: "FieldManagerConflict", message: 'conflict with "m1"', field: ".data.b" },
          ],
        },
      }),
    );
  });

  test("an updater is named with its version, and its subresource", () => {
    const live = created(map, { ...named, data: { a: "1" } });
    expect(() => applied(map, live, { ...named, data: { a: "2" } }, "zz")).toThrow(
      'Apply failed with 1 conflict: conflict with "parity" using v1: .data.a',
    );
    const running = created(pod, { ...named, spec: { replicas: 1, containers: [] } });
    const status = updated(podStatus, running, { ...named, status: { ready: 1 } }, "kubelet");
    expect(() => applied(podStatus, status, { ...named, status: { ready: 2 } })).toThrow(
      'Apply failed with 1 conflict: conflict with "kubelet" with subresource "status" using v1: .status.ready',
    );
  });

  test("force takes the fields over", () => {
    const live = appliedObject(map, undefined, { ...named, data: { a: "1", b: "2" } });
    const forced = appliedObject(map, live, { ...named, data: { a: "9" } }, "m2", true);
    expect(forced.data).toEqual({ a: "9", b: "2" });
    expect(owners(forced)).toEqual({
      "m1 Apply": { "f:data": { "f:b": {} } },
      "m2 Apply": { "f:data": { "f:a": {} } },
    });
  });

  test("equal values are shared and survive the first owner's leaving", () => {
    let object = appliedObject(map, undefined, { ...named, data: { a: "1", b: "2" } });
    object = appliedObject(map, object, { ...named, data: { a: "1" } }, "m2");
    expect(Object.keys(owners(object))).toEqual(["m1 Apply", "m2 Apply"]);
    object = appliedObject(map, object, { ...named, data: { b: "2" } });
    expect(object.data).toEqual({ a: "1", b: "2" });
    object = appliedObject(map, object, named, "m2");
    expect(object.data).toEqual({ b: "2" });
    expect(Object.keys(owners(object))).toEqual(["m1 Apply"]);
  });

  test("what an updater set is not removed when an applier stops saying it", () => {
    let object: Thing = appliedObject(map, undefined, { ...named, data: { a: "1" } });
    object = updated(map, object, { ...named, data: { a: "1", own: "x" } }, "tool");
    expect(appliedObject(map, object, { ...named }).data).toEqual({ own: "x" });
  });

  test("appliers own different elements of a list", () => {
    let object = appliedObject(pod, undefined, { ...named, spec: { containers: [{ name: "c", image: "1" }] } });
    object = appliedObject(pod, object, { ...named, spec: { containers: [{ name: "side", image: "s" }] } }, "m2");
    object = appliedObject(pod, object, { ...named, spec: { containers: [{ name: "c", image: "2" }] } });
    expect(object.spec?.containers).toMatchObject([
      { name: "c", image: "2" },
      { name: "side", image: "s" },
    ]);
    object = appliedObject(pod, object, { ...named, spec: { containers: [] } });
    expect(object.spec?.containers).toMatchObject([{ name: "side", image: "s" }]);
  });

  test("a field handed over to somebody else is left alone", () => {
    let object: Thing = appliedObject(pod, undefined, { ...named, spec: { replicas: 3, containers: [] } });
    object = updated(pod, object, { ...named, spec: { replicas: 5, containers: [] } }, "scaler");
    object = appliedObject(pod, object, { ...named, spec: { containers: [] } });
    expect(object.spec?.replicas).toBe(5);
    expect(() => applied(pod, object, { ...named, spec: { replicas: 3 } })).toThrow(
      'conflict with "scaler" using v1: .spec.replicas',
    );
  });

  test("what was there before the first apply belongs to somebody too", () => {
    const live = decoded(configMapType, { ...named, data: { a: "1" } });
    expect(() => applied(map, live, { ...named, data: { a: "2" } })).toThrow(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a',
    );
  });

  test("kubectl takes over what client-side apply applied, and keeps its record", () => {
    const annotation = "kubectl.kubernetes.io/last-applied-configuration";
    const config = { ...head, metadata: { name: "a" }, data: { a: "1", b: "1" } };
    const metadata = { name: "a", annotations: { [annotation]: JSON.stringify(config) } };
    const live = created(map, { metadata, data: { a: "1", b: "1" } }, "kubectl-client-side-apply");
    const next = appliedObject(map, live, { ...named, data: { a: "2" } }, "kubectl");
    expect(next.data).toEqual({ a: "2", b: "1" });
    expect(next.metadata.annotations?.[annotation]).toContain('"a":"2"');
    expect(() => applied(map, live, { ...named, data: { a: "2" } }, "other")).toThrow(/conflict/);
  });

  test("status belongs to the status address", () => {
    const live = created(pod, { ...named, spec: { containers: [{ name: "c" }] } });
    const conditions = [{ type: "Ready", status: "True" }];
    const next = appliedObject(podStatus, live, { ...named, status: { ready: 2, conditions } });
    expect(next.status).toEqual({ ready: 2, conditions });
    expect(owners(next)["m1 Apply"]).toEqual({
      "f:status": {
        "f:conditions": { 'k:{"type":"Ready"}': { ".": {}, "f:status": {}, "f:type": {} } },
        "f:ready": {},
      },
    });
    expect(owners(appliedObject(pod, live, { ...named, status: { ready: 9 } }, "m2"))).not.toHaveProperty("m2 Apply");
  });

  test("managers of other versions lose what changes under them, in their own words", () => {
    const old: StructInfo = configMapType;
    const rename = (from: string, to: string) => (object: object) => {
      const { data, ...rest } = object as { data?: Record<string, string> };
      const entries = Object.entries(data ?? {}).map(([key, value]) => [key === from ? to : key, value]);
      return { ...rest, ...(data ? { data: Object.fromEntries(entries) } : {}) };
    };
    const endpoint: Endpoint = {
      ...map,
      apiVersion: "v2",
      inVersion: (version) =>
        version === "v1" ? { type: old, to: rename("new", "old"), from: rename("old", "new") } : undefined,
    };
    const live = { ...created(map, { ...named, data: { old: "1" } }, "early"), data: { new: "1" } };
    const config = { apiVersion: "v2", kind: "ConfigMap", ...named, data: { new: "2" } };
    const request = { live, config, endpoint, manager: "m1", time: later };
    expect(() => applyConfiguration({ ...request, force: false })).toThrow('conflict with "early" using v1: .data.old');
    const { object } = applyConfiguration({ ...request, force: true });
    expect(owners(object as unknown as Thing)).toEqual({
      "early Update": { "f:data": {} },
      "m1 Apply": { "f:data": { "f:new": {} } },
    });
    expect(object.data).toEqual({ new: "2" });
  });

  test.each([
    {
      name: "managedFields",
      config: { metadata: { name: "a", managedFields: [{ manager: "x" }] } },
      message: "metadata.managedFields must be nil",
    },
    {
      name: "a field that is not known",
      config: { ...named, spec: { containers: [{ name: "c", imagee: "x" }] } },
      message:
        'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .spec.containers[name="c"].imagee: field not declared in schema',
    },
    {
      name: "an element that is there twice",
      config: { ...named, spec: { containers: [{ name: "c" }, { name: "c" }] } },
      message:
        'failed to create typed patch object (/a; /v1, Kind=ConfigMap): .spec.containers: duplicate entries for key [name="c"]',
    },
    {
      name: "values of another kind, told all at once",
      config: {
        ...named,
        spec: {
          containers: [{ name: "c", image: true, args: ["a", 5], ports: [{ containerPort: "80" }] }],
          replicas: { one: [1] },
          tolerations: { key: "x" },
          selector: { matchLabel: {} },
          extra: 5,
        },
      },
      message: [
        "failed to create typed patch object (/a; /v1, Kind=ConfigMap): errors:",
        '  .spec.containers[name="c"].image: expected string, got &value.valueUnstructured{Value:true}',
        '  .spec.containers[name="c"].args[1]: expected string, got &value.valueUnstructured{Value:5}',
        '  .spec.containers[name="c"].ports[containerPort="80",protocol="TCP"].containerPort: expected numeric (int or float), got string',
        "  .spec.replicas: expected numeric (int or float), got map[string]interface {}",
        "  .spec.tolerations: expected list, got &{map[key:x]}",
        "  .spec.selector.matchLabel: field not declared in schema",
      ].join("\n"),
    },
    {
      name: "a list and a text where a map belongs",
      config: { metadata: { name: "a", labels: ["b"] }, spec: "c" },
      message: [
        "failed to create typed patch object (/a; /v1, Kind=ConfigMap): errors:",
        "  .metadata.labels: expected map, got &{[b]}",
        "  .spec: expected map, got &{c}",
      ].join("\n"),
    },
    {
      name: "elements that are no maps",
      config: { ...named, spec: { containers: [null, "c"] } },
      message:
        "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .spec.containers: element 0: associative list with keys may not have a null element",
    },
    {
      name: "an element without its key",
      config: { ...named, spec: { containers: [{ image: "x" }] } },
      message: /\.spec\.containers: element 0: associative list with keys has an element that omits key field "name"/,
    },
    {
      name: "a number that does not fit its field",
      config: { ...named, spec: { replicas: 2.5 } },
      message: /^failed to convert new object \(\/a; \/v1, Kind=ConfigMap\) to proper version: json: cannot unmarshal/,
    },
  ])("refuses $name", ({ config, message }) => {
    expect(() => applied(pod, undefined, config)).toThrow(message);
  });
});
