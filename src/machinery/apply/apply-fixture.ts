import { type FactPackage, metaFacts, typeTable } from "../type-table.ts";

const facts: FactPackage = {
  group: "",
  package: "core/v1",
  types: {
    ConfigMap: {
      fields: [
        ["", "meta/v1.TypeMeta", 0, "i"],
        ["metadata", "meta/v1.ObjectMeta", 1, "oe"],
        ["data", "{}string", 2, "oe"],
      ],
    },
    Pod: {
      fields: [
        ["", "meta/v1.TypeMeta", 0, "i"],
        ["metadata", "meta/v1.ObjectMeta", 1, "oe"],
        ["spec", "core/v1.PodSpec", 2, "oe"],
        ["status", "core/v1.PodStatus", 3, "oe"],
      ],
    },
    PodSpec: {
      fields: [
        ["containers", "[]core/v1.Container", 2, "", { list: "map", keys: ["name"] }],
        ["replicas", "*int32", 3, "oe"],
        ["tolerations", "[]core/v1.Toleration", 4, "oe", { list: "atomic" }],
        ["selector", "*meta/v1.LabelSelector", 5, "oe"],
        ["volumes", "[]core/v1.Volume", 6, "oe", { list: "map", keys: ["name"] }],
        ["extra", "raw", 7, "oe"],
      ],
    },
    Container: {
      fields: [
        ["name", "string", 1, ""],
        ["image", "string", 2, "oe"],
        ["args", "[]string", 4, "oe", { list: "atomic" }],
        ["ports", "[]core/v1.Port", 6, "oe", { list: "map", keys: ["containerPort", "protocol"] }],
        ["resources", "core/v1.Resources", 8, "oe"],
      ],
    },
    Port: {
      fields: [
        ["name", "string", 1, "oe"],
        ["containerPort", "int32", 3, ""],
        ["protocol", "string", 4, "oe", { default: "TCP" }],
      ],
    },
    Resources: { fields: [["limits", "{}quantity", 1, "oe"]] },
    Toleration: { fields: [["key", "string", 1, "oe"]] },
    Volume: {
      fields: [
        ["name", "string", 1, ""],
        ["emptyDir", "*core/v1.EmptyDir", 2, "oe"],
      ],
    },
    EmptyDir: { fields: [["medium", "string", 1, "oe"]] },
    PodStatus: {
      fields: [
        ["ready", "int32", 1, "oe"],
        ["conditions", "[]core/v1.Condition", 2, "oe", { list: "map", keys: ["type"] }],
      ],
    },
    Condition: {
      fields: [
        ["type", "string", 1, ""],
        ["status", "string", 2, ""],
      ],
    },
  },
};

const lookup = typeTable([metaFacts, facts]);

/** A small ConfigMap and a small Pod, for the tests of this folder. */
export const configMapType = lookup("core/v1.ConfigMap")!;
export const podType = lookup("core/v1.Pod")!;
