import { afterAll, beforeAll, beforeEach, inject } from "vitest";
import { TestCluster } from "./cluster.ts";
import { eventually } from "./eventually.ts";

/** The cluster that the specs share; a spec that fails tells what the cluster was like. */
export function sharedCluster(): TestCluster {
  const cluster = new TestCluster(inject("place"));
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error(await cluster.diagnosis()));
  });
  return cluster;
}

/** A namespace for the specs of one file, taken away after them. */
export function ownNamespace(cluster: TestCluster, name: string): string {
  beforeAll(async () => {
    await cluster.kubectl("create", "namespace", name);
    // As everywhere, pods can be made once the namespace has its service account.
    await eventually(`namespace ${name} has its service account`, () =>
      cluster.kubectl("get", "serviceaccount", "default", "-n", name),
    );
  });
  afterAll(async () => {
    await cluster.kubectl("delete", "namespace", name, "--wait=false");
    await eventually(`namespace ${name} is emptied and gone`, async () => {
      const left = await cluster.kubectl("get", "namespace", name, "--ignore-not-found", "-o", "yaml");
      if (left !== "") throw new Error(`${left}${await cluster.kubectl("get", "all", "-n", name)}`);
    });
  });
  return name;
}
