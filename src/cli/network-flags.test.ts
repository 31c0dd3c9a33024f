import { expect, test } from "vitest";
import { networkWishes } from "./network-flags.ts";

test.each([
  [{}, {}],
  [{ podRange: "10.1.0.0/16" }, { network: { podRange: "10.1.0.0/16" } }],
  [
    {
      apiserverArg: { "service-cluster-ip-range": "10.2.0.0/16", "api-audiences": "a" },
      controllerManagerArg: { "cluster-cidr": "10.1.0.0/16" },
    },
    { network: { podRange: "10.1.0.0/16", serviceRange: "10.2.0.0/16" }, apiServerFlags: { "api-audiences": "a" } },
  ],
  [
    { podRange: "10.3.0.0/16", controllerManagerArg: { "cluster-cidr": "10.1.0.0/16", "node-monitor-period": "1s" } },
    { network: { podRange: "10.3.0.0/16" }, controllerFlags: { "node-monitor-period": "1s" } },
  ],
])("%j wishes %j", (flags, wishes) => {
  expect(networkWishes(flags)).toEqual(wishes);
});
