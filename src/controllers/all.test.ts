import { expect, test } from "vitest";
import type { ApiSwitches } from "../api/optional-kinds.ts";
import { allControllers } from "./all.ts";

function collected(switches?: ApiSwitches): readonly string[] {
  const all = allControllers({
    rootCa: "",
    nodeRanges: { podRange: "10.244.0.0/16" },
    nodeAddresses: [],
    ...(switches ? { switches } : {}),
  });
  const collector = all.find(({ name }) => name === "garbagecollector");
  return (collector?.reads ?? []).map(({ plural }) => plural);
}

test("objects of kinds that are switched on are collected, those of kinds that are switched off are not asked for", () => {
  expect(collected()).toContain("cronjobs");
  expect(collected()).not.toContain("clustertrustbundles");
  const switches = { gates: { ClusterTrustBundle: true }, runtime: { "api/beta": true, "batch/v1/cronjobs": false } };
  expect(collected(switches)).toContain("clustertrustbundles");
  expect(collected(switches)).not.toContain("cronjobs");
});
