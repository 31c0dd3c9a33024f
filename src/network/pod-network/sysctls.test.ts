import { expect, test } from "vitest";
import type { RunCommand } from "../machine/command.ts";
import { listeningToRouters, needIpv6 } from "./sysctls.ts";

/** A machine with these settings, and these interfaces' routes learnt from routers. */
function machine(settings: Readonly<Record<string, string>>, learnt: readonly string[] = []): RunCommand {
  return async ([program, file = ""]) => {
    if (program === "ip")
      return { code: 0, stdout: JSON.stringify(learnt.map((dev) => ({ dst: "default", dev }))), stderr: "" };
    const value = settings[file];
    return { code: value === undefined ? 1 : 0, stdout: value === undefined ? "" : `${value}\n`, stderr: "" };
  };
}

test("an interface whose routes the kernel has learnt from routers goes on listening to them", async () => {
  const settings = {
    "/proc/sys/net/ipv6/conf/eth0/accept_ra": "1",
    "/proc/sys/net/ipv6/conf/eth1.7/accept_ra": "0",
    "/proc/sys/net/ipv6/conf/eth2/accept_ra": "1",
  };
  expect(await listeningToRouters(machine(settings, ["eth0", "eth0", "eth1.7"]))).toEqual([
    { name: "net.ipv6.conf.eth0.accept_ra", value: "2" },
  ]);
});

test.each([
  ["without IPv6", {}, /this machine's kernel has no IPv6/],
  ["with IPv6 switched off", { "/proc/sys/net/ipv6/conf/all/disable_ipv6": "1" }, /has IPv6 switched off/],
])("a machine %s is no place for pods of both families", async (_, settings, says) => {
  await expect(needIpv6(machine(settings))).rejects.toThrow(says);
});

test("a machine with IPv6 is", async () => {
  await expect(needIpv6(machine({ "/proc/sys/net/ipv6/conf/all/disable_ipv6": "0" }))).resolves.toBeUndefined();
});
