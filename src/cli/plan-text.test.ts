import { expect, test } from "vitest";
import { newCluster } from "../cluster/config.ts";
import { parseDescription } from "../cluster/description/description.ts";
import { planText } from "./plan-text.ts";

test("a plan names packages, folders, nodes and what is in the way, and ends with the whole description", () => {
  const config = newCluster({ name: "shop", dataDir: "/nowhere/shop", nodes: 3 }, { NAVARCH_DATA: "/nowhere" });
  const report = {
    missing: [{ package: "runc", purpose: "runs containers" }],
    obstacles: [{ what: "port 6443 is taken", mend: "choose another with --api-port" }],
  };
  const text = planText(config, report, "/root/.kube/config");
  for (const part of [
    /^package +runc is installed: runs containers$/m,
    /^in the way +port 6443 is taken: choose another with --api-port$/m,
    /^data +\/nowhere\/shop is made$/m,
    /^kubeconfig +\/root\/.kube\/config gets the context navarch-shop/m,
    /^node +\S+-2: a network namespace/m,
    /^node +\S+-3: /m,
  ]) {
    expect(text).toMatch(part);
  }
  expect(parseDescription(text.slice(text.indexOf("apiVersion:"))).description?.metadata.name).toBe("shop");
});

test("a simulated cluster changes nothing of the machine's network", () => {
  const config = newCluster(
    { name: "sim", dataDir: "/nowhere/sim", runtime: "simulated" },
    { NAVARCH_DATA: "/nowhere" },
  );
  expect(planText(config, { missing: [], obstacles: [] }, "/k")).not.toMatch(/^(interfaces|kernel|package)/m);
});
