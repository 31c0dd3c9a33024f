import { expect, test } from "vitest";
import type { PodSpec } from "../../api/generated/core-v1.ts";
import { samplePod } from "../testing/samples.ts";
import { checkedPatterns, refusedSysctl } from "./sysctls.ts";

const refusal = (name: string, allowed: readonly string[] = [], spec: Partial<PodSpec> = {}) =>
  refusedSysctl(samplePod({ ...spec, securityContext: { sysctls: [{ name, value: "1" }] } }), allowed);

test.each([
  { name: "a safe one passes", sysctl: "kernel.shm_rmid_forced" },
  { name: "a safe one passes with slashes", sysctl: "net/ipv4/tcp_syncookies" },
  { name: "another is refused", sysctl: "kernel.msgmax", why: "not allowlisted" },
  { name: "another passes by its name", sysctl: "kernel.msgmax", allowed: ["kernel.msgmax"] },
  { name: "another passes by its beginning", sysctl: "net.core.somaxconn", allowed: ["net.*"] },
  {
    name: "a beginning stands for itself only",
    sysctl: "kernel.sem",
    allowed: ["kernel.msg*"],
    why: "not allowlisted",
  },
  {
    name: "the host's network is the host's",
    sysctl: "net.ipv4.tcp_syncookies",
    spec: { hostNetwork: true },
    why: "not allowed with host net enabled",
  },
  {
    name: "the host's memory is the host's",
    sysctl: "kernel.shm_rmid_forced",
    spec: { hostIPC: true },
    why: "not allowed with host ipc enabled",
  },
])("$name", ({ sysctl, allowed, spec, why }) => {
  const expected = why && { reason: "SysctlForbidden", message: `forbidden sysctl: "${sysctl}" ${why}` };
  expect(refusal(sysctl, allowed, spec)).toEqual(expected);
});

test("an administrator lets only that pass which belongs to one pod alone", () => {
  expect(checkedPatterns(["kernel.msg*", "net.core.somaxconn", "fs/mqueue/*"])).toHaveLength(3);
  expect(() => checkedPatterns(["vm.swappiness"])).toThrow(
    'the sysctls "vm.swappiness" are not known to be namespaced',
  );
  expect(() => checkedPatterns(["kernel.msg**"])).toThrow("is no name of a sysctl");
});
