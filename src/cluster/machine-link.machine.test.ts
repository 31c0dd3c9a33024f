import { afterEach, expect, test } from "vitest";
import { type ClusterConfig, planCluster } from "./config.ts";
import { ensureLink, ip, linkName, removeLink } from "./machine-link.ts";

/** No cluster has this slot: they end at 31. */
const planned = (dataDir: string): ClusterConfig => ({
  ...planCluster({ name: "link", dataDir }, { NAVARCH_DATA: "/nowhere" }),
  nodeRange: "10.254.77.0/24",
});
const [mine, other] = [planned("/data/mine"), planned("/data/other")];
const stands = () => ip("link", "show", "dev", linkName(mine)).status === 0;

afterEach(() => {
  ip("link", "delete", "dev", linkName(mine));
});

test("a cluster's interface is neither taken over nor taken away by another that has the same range", () => {
  ensureLink(mine);
  ensureLink(mine);
  expect(() => ensureLink(other)).toThrow("navarch77 with 10.254.77.0/24 belongs to the cluster in /data/mine");
  removeLink(other);
  expect(stands()).toBe(true);
  removeLink(mine);
  expect(stands()).toBe(false);
});

test("an interface that says nothing, as a start that was cut short leaves it, is taken over", () => {
  ip("link", "add", "name", linkName(mine), "type", "bridge");
  ensureLink(other);
  expect(() => ensureLink(mine)).toThrow("/data/other");
  removeLink(other);
  expect(stands()).toBe(false);
});
