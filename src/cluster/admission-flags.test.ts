import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { admissionFromFlags } from "./admission-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-admission-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("flags name plugins and a file, which names others beside itself", () => {
  const file = join(folder, "admission.yaml");
  writeFileSync(file, "kind: AdmissionConfiguration\nplugins: [{name: EventRateLimit, path: limits.yaml}]\n");
  writeFileSync(join(folder, "limits.yaml"), "limits: [{type: User, qps: 5, burst: 10}]\n");
  const settings = admissionFromFlags({
    "enable-admission-plugins": "AlwaysPullImages, EventRateLimit",
    "disable-admission-plugins": "Priority",
    "admission-control-config-file": file,
  });
  expect(settings).toEqual({
    enable: ["AlwaysPullImages", "EventRateLimit"],
    disable: ["Priority"],
    configuration: { eventLimits: [{ type: "User", qps: 5, burst: 10 }] },
  });
});

test("a file that is not there is named", () => {
  const missing = join(folder, "missing.yaml");
  expect(() => admissionFromFlags({ "admission-control-config-file": missing })).toThrow(missing);
});
