import { describe, expect, it } from "vitest";
import { EndpointSlice } from "../discovery/endpoint-slice.ts";
import { created, faultsOf, faultsOfChange, received, row } from "../kind-fixture.ts";
import { ConfigMap } from "./config-map.ts";
import { Endpoints } from "./endpoints.ts";
import { Event } from "./event.ts";
import { LimitRange } from "./limit-range.ts";
import { Namespace } from "./namespace.ts";
import { Node } from "./node.ts";
import { PersistentVolume } from "./persistent-volume.ts";
import { PersistentVolumeClaim } from "./persistent-volume-claim.ts";
import { ReplicationController } from "./replication-controller.ts";
import { Secret } from "./secret.ts";

describe("a namespace", () => {
  it("is made active, held by its finalizer, and labelled with its own name", () => {
    const namespace = created(Namespace, { metadata: { name: "n" } });
    expect(namespace.spec.finalizers).toEqual(["kubernetes"]);
    expect(namespace.status).toEqual({ phase: "Active" });
    expect(namespace.metadata.labels).toEqual({ "kubernetes.io/metadata.name": "n" });
  });
});

describe("a node", () => {
  it("brings its status, and can give all that it has", () => {
    const node = created(Node, { status: { capacity: { cpu: "4" } } });
    expect(node.status?.allocatable).toEqual({ cpu: "4" });
  });

  it("shows whether it is ready, and what it is for", () => {
    const node = received(Node, {
      metadata: { labels: { "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "" } },
      spec: { unschedulable: true },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    });
    expect(row(Node, node)).toMatchObject({ Status: "Ready,SchedulingDisabled", Roles: "control-plane,worker" });
    expect(row(Node, received(Node, {}))).toMatchObject({ Status: "Unknown", Roles: "<none>" });
  });

  it("has no taint twice", () => {
    const taint = { key: "b", effect: "NoSchedule" };
    expect(faultsOf(Node, { spec: { taints: [{ key: "a", effect: "Maybe" }, taint, taint] } })).toEqual([
      'metadata.taints[0].effect: Unsupported value: "Maybe": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      'metadata.taints[2]: Duplicate value: {"key":"b","effect":"NoSchedule"}: taints must be unique by key and effect pair',
    ]);
  });
});

describe("a replication controller", () => {
  it("takes selector and labels from its template", () => {
    const labels = { app: "a" };
    const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
    const controller = created(ReplicationController, { spec: { template } });
    expect(controller.spec.selector).toEqual(labels);
    expect(controller.metadata.labels).toEqual(labels);
    expect(controller.spec.replicas).toBe(1);
    expect(faultsOf(ReplicationController, { spec: { template } })).toEqual([]);
  });
});

describe("a config map", () => {
  it.each([
    [{ data: { "..": "x" } }, "data[..]: Invalid value: \"..\": must not be '..'"],
    [
      { data: { a: "x" }, binaryData: { a: "AA==" } },
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ],
    [{ data: { a: "x".repeat(1024 * 1024 + 1) } }, "[]: Too long: may not be more than 1048576 bytes"],
  ])("is refused with wrong keys or too much in it", (sketch, fault) => {
    expect(faultsOf(ConfigMap, sketch)).toEqual([fault]);
  });

  it("stays as it is once it is immutable", () => {
    const before = { data: { a: "1" }, immutable: true };
    expect(faultsOfChange(ConfigMap, before, { data: { a: "2" } })).toEqual([
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ]);
  });
});

describe("a secret", () => {
  it("is opaque, and takes plain text into its data", () => {
    const secret = received(Secret, { data: { a: "MQ==", b: "Mg==" }, stringData: { b: "two" } });
    expect(secret.data).toEqual({ a: "MQ==", b: "dHdv" });
    expect(secret).not.toHaveProperty("stringData");
    expect(secret.type).toBe("Opaque");
  });

  it.each([
    ["kubernetes.io/tls", {}, ["data[tls.crt]: Required value", "data[tls.key]: Required value"]],
    [
      "kubernetes.io/dockerconfigjson",
      { stringData: { ".dockerconfigjson": "not json" } },
      [
        "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'o' in literal null (expecting 'u')",
      ],
    ],
    ["kubernetes.io/basic-auth", {}, ["data[%s][username]: Required value", "data[%s][password]: Required value"]],
    [
      "kubernetes.io/service-account-token",
      {},
      ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ],
  ])("of type %s needs its keys", (type, more, faults) => {
    expect(faultsOf(Secret, { type, ...more })).toEqual(faults);
  });
});

describe("endpoints", () => {
  it("need addresses, and names for more than one port", () => {
    const subsets = [{ ports: [{ port: 80 }, { port: 81 }] }];
    expect(faultsOf(Endpoints, { subsets })).toEqual([
      "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
      "subsets[0].ports[0].name: Required value",
      "subsets[0].ports[1].name: Required value",
    ]);
  });

  it("show three addresses, and how many more there are", () => {
    const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map((ip) => ({ ip }));
    const endpoints = received(Endpoints, { subsets: [{ addresses, ports: [{ port: 80 }] }] });
    expect(row(Endpoints, endpoints).Endpoints).toBe("10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...");
  });

  it("in slices have addresses of the slice's type", () => {
    const endpoints = [{ addresses: ["::1"] }, { addresses: [] }];
    expect(faultsOf(EndpointSlice, { addressType: "IPv4", endpoints, ports: [{ port: 1 }, { port: 2 }] })).toEqual([
      'endpoints[0].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
      "endpoints[1].addresses: Required value: must contain at least 1 address",
      'ports[1].name: Duplicate value: ""',
    ]);
  });
});

describe("an event", () => {
  it("lies in the namespace of what it is about", () => {
    expect(faultsOf(Event, { involvedObject: { kind: "Pod", name: "p", namespace: "elsewhere" } })).toEqual([
      'involvedObject.namespace: Invalid value: "elsewhere": does not match event.namespace',
    ]);
  });

  it("is one object under two names", () => {
    const mapping = Event.declaration.versions?.["events.k8s.io/v1"];
    const event = received(Event, { involvedObject: { kind: "Pod", name: "p" }, message: "M", count: 2 });
    const served = mapping?.fromStored(event);
    expect(served).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      note: "M",
      deprecatedCount: 2,
      regarding: { name: "p" },
    });
    expect(served && mapping?.toStored(served)).toEqual(event);
  });
});

describe("a limit range", () => {
  it("makes the most that a container may use what it gets and asks for", () => {
    const limits = [{ type: "Container", max: { cpu: "2", memory: "1Gi" }, default: { memory: "512Mi" } }];
    expect(received(LimitRange, { spec: { limits } }).spec.limits[0]).toMatchObject({
      default: { cpu: "2", memory: "512Mi" },
      defaultRequest: { cpu: "2", memory: "512Mi" },
    });
  });

  it("has its values in order", () => {
    const limits = [{ type: "Container", min: { cpu: "2" }, max: { cpu: "1" } }];
    expect(faultsOf(LimitRange, { spec: { limits } })).toEqual([
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "1": min value 2 is greater than default value 1',
    ]);
  });
});

describe("storage", () => {
  const claim = { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } };

  it("of a volume needs a size, a mode and a source", () => {
    expect(faultsOf(PersistentVolume, { spec: {} })).toEqual([
      "spec.accessModes: Required value",
      "spec.capacity: Required value",
      'spec.capacity: Unsupported value: "null": supported values: "storage"',
      "spec: Required value: must specify a volume type",
    ]);
  });

  it("that is claimed stays as it was asked for until it is bound", () => {
    const larger = { spec: { ...claim.spec, resources: { requests: { storage: "2Gi" } } } };
    expect(faultsOfChange(PersistentVolumeClaim, claim, larger)[0]).toContain(
      "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    );
    const bound = { ...created(PersistentVolumeClaim, claim), status: { phase: "Bound" as const } };
    const next = { ...received(PersistentVolumeClaim, larger), status: bound.status };
    expect(PersistentVolumeClaim.declaration.validateUpdate?.(next, bound)).toEqual([]);
    expect(PersistentVolumeClaim.declaration.validateUpdate?.(bound, next)).toMatchObject([
      { field: "spec.resources.requests.storage", message: "Forbidden: field can not be less than previous value" },
    ]);
  });

  it("that is claimed may be given its volume once", () => {
    expect(faultsOfChange(PersistentVolumeClaim, claim, { spec: { ...claim.spec, volumeName: "v" } })).toEqual([]);
  });
});
