import { describe, expect, test } from "vitest";
import type { FieldInfo, TypeInfo } from "../machinery/type-info.ts";
import { lookupAnyType, lookupType, typeFacts } from "./type-info.ts";

function field(type: string, ...path: readonly string[]): FieldInfo | undefined {
  let info: TypeInfo | undefined = lookupType(type);
  let found: FieldInfo | undefined;
  for (const name of path) {
    while (info?.kind === "list" || info?.kind === "map") info = info.kind === "list" ? info.item : info.value;
    found = info?.kind === "struct" ? info.fields.get(name) : undefined;
    info = found?.type;
  }
  return found;
}

describe("the served API's types", () => {
  test("a struct is found by its full name, and the same value each time", () => {
    expect(lookupType("core/v1.Pod")?.name).toBe("core/v1.Pod");
    expect(lookupType("core/v1.Pod")).toBe(lookupType("core/v1.Pod"));
    expect(lookupType("core/v1.Nothing")).toBeUndefined();
  });

  test("fields of inlined types stand among the struct's own", () => {
    const pod = lookupType("core/v1.Pod")!;
    expect([...pod.fields.keys()]).toEqual(["kind", "apiVersion", "metadata", "spec", "status"]);
    expect(field("core/v1.Volume", "emptyDir", "sizeLimit")).toMatchObject({
      pointer: true,
      type: { scalar: "quantity" },
    });
  });

  test("inlined types keep their protobuf place among the members", () => {
    const volume = lookupType("core/v1.Volume")!;
    expect(volume.members.map(({ name, inline, proto }) => [name, inline, proto])).toEqual([
      ["name", false, 1],
      ["", true, 2],
    ]);
  });

  test("list keys, merge keys and defaults come along", () => {
    expect(field("core/v1.Container", "ports")).toMatchObject({
      listType: "map",
      listMapKeys: ["containerPort", "protocol"],
      patchStrategy: ["merge"],
      patchMergeKey: "containerPort",
    });
    expect(field("core/v1.ContainerPort", "protocol")?.default).toBe("TCP");
    expect(lookupType("meta/v1.LabelSelector")?.atomic).toBe(true);
  });

  test("a type may contain itself", () => {
    const schema = lookupType("apiextensions/v1.JSONSchemaProps")!;
    const properties = schema.fields.get("properties")!.type;
    expect(properties.kind === "map" && properties.value).toBe(schema);
  });

  test("a field behind a gate that is on is there", () => {
    expect(field("core/v1.Container", "resizePolicy")).toBeDefined();
    expect(field("core/v1.PodSpec", "hostnameOverride")).toBeDefined();
  });

  test("a field behind a gate that is off is known, and switched off", () => {
    expect(field("core/v1.ContainerStatus", "stopSignal")).toBeUndefined();
    expect(lookupType("core/v1.ContainerStatus")?.disabled?.has("stopSignal")).toBe(true);
  });

  test("fields and types of later releases are unknown", () => {
    expect(field("core/v1.PodSpec", "schedulingGroup")).toBeUndefined();
    expect(lookupType("core/v1.PodSpec")?.disabled?.has("schedulingGroup")).toBe(false);
    expect(lookupType("scheduling/v1alpha2.Workload")).toBeUndefined();
    expect(lookupAnyType("scheduling/v1alpha2.Workload")).toBeDefined();
  });

  test("types that later releases forgot are there", () => {
    expect(field("apps/v1alpha1.PetSet", "spec", "template", "spec", "containers")).toMatchObject({ listType: "map" });
    expect(lookupType("extensions/v1beta1.ThirdPartyResource")?.fields.has("versions")).toBe(true);
    expect(lookupType("extensions/v1beta1.Ingress")).toBeDefined();
  });

  test("facts beside the fields tell resources, scope and releases", () => {
    expect(typeFacts("core/v1.Node")).toMatchObject({ resource: true, cluster: true });
    expect(typeFacts("extensions/v1beta1.Deployment")?.removed).toBe("1.16");
  });
});
