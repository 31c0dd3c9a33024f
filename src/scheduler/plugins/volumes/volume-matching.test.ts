import { describe, expect, test } from "vitest";
import type { PersistentVolume } from "../../../api/generated/core-v1.ts";
import { sampleClaim, sampleVolume } from "./sample-volumes.ts";
import { chooseVolume, satisfies } from "./volume-matching.ts";

const node = { name: "n1", labels: { "kubernetes.io/hostname": "n1" } };
const nobody = () => false;
const claim = sampleClaim("c", { storageClassName: "s" });
const volume = (name: string, more: object = {}, nodes: string[] = []) =>
  sampleVolume(name, { storageClassName: "s", ...more }, nodes);
const chosen = (...volumes: PersistentVolume[]) => chooseVolume(claim, volumes, node, nobody)?.metadata.name;

describe("a volume satisfies a claim", () => {
  test.each([
    { name: "of its class, mode and size", of: volume("v"), given: claim, yes: true },
    { name: "not of another class", of: volume("v", { storageClassName: "t" }), given: claim, yes: false },
    { name: "not when it is smaller", of: volume("v", { capacity: { storage: "500Mi" } }), given: claim, yes: false },
    {
      name: "not without an access mode",
      of: volume("v"),
      given: sampleClaim("c", { storageClassName: "s", accessModes: ["ReadWriteMany"] }),
      yes: false,
    },
    { name: "not as a block device", of: volume("v", { volumeMode: "Block" }), given: claim, yes: false },
    {
      name: "not when its labels are others",
      of: volume("v"),
      given: sampleClaim("c", { storageClassName: "s", selector: { matchLabels: { a: "b" } } }),
      yes: false,
    },
    {
      name: "when its labels are selected",
      of: sampleVolume("v", { storageClassName: "s" }, [], { a: "b" }),
      given: sampleClaim("c", { storageClassName: "s", selector: { matchLabels: { a: "b" } } }),
      yes: true,
    },
  ])("$name", ({ of, given, yes }) => {
    expect(satisfies(of, given)).toBe(yes);
  });
});

describe("the volume that is chosen", () => {
  test("is the smallest that will do, on this node", () => {
    const sized = (name: string, storage: string, nodes: string[] = []) =>
      volume(name, { capacity: { storage } }, nodes);
    expect(chosen(sized("large", "9Gi"), sized("small", "1Gi"), sized("mid", "3Gi"))).toBe("small");
    expect(chosen(sized("small", "1Gi", ["n2"]), sized("mid", "3Gi", ["n1"]))).toBe("mid");
  });

  test("is one that was promised to the claim, before all others", () => {
    const promised = volume("v", { capacity: { storage: "9Gi" }, claimRef: { namespace: "default", name: "c" } });
    expect(chosen(volume("small"), promised)).toBe("v");
    const another = volume("v", { claimRef: { namespace: "default", name: "c", uid: "of an older claim" } });
    expect(chosen(another)).toBeUndefined();
  });

  test("is free", () => {
    expect(chosen({ ...volume("v"), status: { phase: "Released" } })).toBeUndefined();
    expect(chooseVolume(claim, [volume("v")], node, () => true)).toBeUndefined();
  });
});
