import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually, throughout } from "./tools/eventually.ts";
import { hammer } from "./tools/hammer.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { webDeployment, webService } from "./tools/workloads.ts";

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "deployments");
const kubectl = (...args: readonly string[]) => cluster.kubectl("-n", ns, ...args);
const get = (...args: readonly string[]) => cluster.get("-n", ns, ...args);
const rolledOut = (name: string) => kubectl("rollout", "status", `deployment/${name}`, "--timeout=90s");
const podsOf = async (name: string) => (await get("pods", "-l", `app=${name}`)).items;

async function deploy(name: string, replicas: number): Promise<void> {
  await cluster.apply(ns, webDeployment(name, replicas));
  expect(await rolledOut(name)).toContain(`deployment "${name}" successfully rolled out`);
}

describe("apply", () => {
  test("makes what is not there, leaves alone what is the same, and changes what is not", async () => {
    const file = join(cluster.place.folder, "applied.json");
    writeFileSync(file, JSON.stringify(webDeployment("applied", 1)));
    expect(await kubectl("apply", "-f", file)).toBe("deployment.apps/applied created\n");
    expect(await kubectl("apply", "-f", file)).toBe("deployment.apps/applied unchanged\n");
    await rolledOut("applied");
    expect(await kubectl("apply", "-f", file)).toBe("deployment.apps/applied unchanged\n");
    writeFileSync(file, JSON.stringify(webDeployment("applied", 2)));
    expect(await kubectl("apply", "-f", file)).toBe("deployment.apps/applied configured\n");
    await rolledOut("applied");
    expect(await podsOf("applied")).toHaveLength(2);
    expect(await kubectl("diff", "-f", file)).toBe("");
  });

  test("on the server's side tells two managers apart that want the same field", async () => {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "contested" } };
    const applyAs = (manager: string, colour: string) =>
      cluster.tryKubectl(["apply", "-n", ns, "--server-side", `--field-manager=${manager}`, "-f", "-"], {
        input: JSON.stringify({ ...object, data: { colour } }),
      });
    expect((await applyAs("one", "blue")).stdout).toBe("configmap/contested serverside-applied\n");
    const refused = await applyAs("two", "red");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "one": .data.colour');
    expect((await get("configmap", "contested")).data).toEqual({ colour: "blue" });
  });
});

describe("rollout", () => {
  test("a change is rolled out, its history is told, and undo brings the former state back", async () => {
    await deploy("rolling", 2);
    await kubectl("set", "env", "deployment/rolling", "RELEASE=2");
    await rolledOut("rolling");
    const release = async () => {
      const { spec } = await get("deployment", "rolling");
      return spec.template.spec.containers[0].env[0].value;
    };
    expect(await release()).toBe("2");
    expect(await kubectl("rollout", "history", "deployment/rolling")).toMatch(/^1 +<none>\n2 +<none>$/m);
    expect(await kubectl("rollout", "undo", "deployment/rolling")).toContain("rolled back");
    await rolledOut("rolling");
    expect(await release()).toBe("1");
    expect(await kubectl("rollout", "history", "deployment/rolling")).toMatch(/^2 +<none>\n3 +<none>$/m);
  });

  test("rollout restart replaces every pod; a paused deployment does not roll", async () => {
    await deploy("paused", 1);
    const before = (await podsOf("paused"))[0]!.metadata.uid;
    await kubectl("rollout", "pause", "deployment/paused");
    await kubectl("set", "env", "deployment/paused", "RELEASE=2");
    await throughout(
      "no pod is replaced",
      async () => expect((await podsOf("paused")).map(({ metadata }) => metadata.uid)).toEqual([before]),
      { within: 1500 },
    );
    await kubectl("rollout", "resume", "deployment/paused");
    await rolledOut("paused");
    await eventually("its pod is another", async () => {
      expect((await podsOf("paused")).map(({ metadata }) => metadata.uid)).not.toContain(before);
    });
    const second = (await podsOf("paused"))[0]!.metadata.uid;
    await kubectl("rollout", "restart", "deployment/paused");
    await rolledOut("paused");
    await eventually("its pod is a third", async () => {
      expect((await podsOf("paused")).map(({ metadata }) => metadata.uid)).not.toContain(second);
    });
  });

  test("a missing image shows ErrImagePull, then ImagePullBackOff, names the image, keeps the old pods, and undo mends it", async () => {
    const image = "registry.invalid/no-such-program:v9";
    await deploy("pulling", 2);
    const old = (await podsOf("pulling")).map(({ metadata }) => metadata.name).sort();
    await using watching = cluster.startKubectl("-n", ns, "get", "pods", "-l", "app=pulling", "-w");
    await kubectl("set", "image", "deployment/pulling", `web=${image}`);
    await watching.says(/0\/1 +ErrImagePull /);
    await watching.says(/0\/1 +ImagePullBackOff /);
    expect(watching.stdout).toMatch(/ErrImagePull[\s\S]*ImagePullBackOff/);
    await eventually("events name the image", async () => {
      const events = await kubectl("get", "events", "--field-selector=type=Warning");
      expect(events).toMatch(new RegExp(`Failed .*Failed to pull image "${image}": `));
    });
    expect(await kubectl("get", "events")).toMatch(new RegExp(`BackOff .*Back-off pulling image "${image}"`));
    const serving = (await podsOf("pulling")).filter(({ status }) => status.containerStatuses?.[0]?.ready);
    expect(serving.map(({ metadata }) => metadata.name).sort()).toEqual(old);
    const stuck = await cluster.tryKubectl(["-n", ns, "rollout", "status", "deployment/pulling", "--timeout=1s"]);
    expect(stuck.code).toBe(1);

    await kubectl("rollout", "undo", "deployment/pulling");
    await rolledOut("pulling");
    await eventually("only the old pods are left", async () => {
      expect((await podsOf("pulling")).map(({ metadata }) => metadata.name).sort()).toEqual(old);
    });
  });

  test("no request to the Service fails while its pods are replaced and while their number changes", async () => {
    await deploy("hammered", 3);
    await cluster.apply(ns, webService("hammered"));
    const { spec } = await get("service", "hammered");
    const url = `http://${spec.clusterIP}/env`;
    await eventually("the Service answers", async () => expect((await fetch(url)).status).toBe(200));
    const answeredBy = (release: string) => (body: string) => body.includes(`"RELEASE": "${release}"`);
    await using hammering = hammer(url, { connections: 6 });
    await hammering.sees(answeredBy("1"));
    for (const release of ["2", "3"]) {
      await kubectl("set", "env", "deployment/hammered", `RELEASE=${release}`);
      await rolledOut("hammered");
      await hammering.sees(answeredBy(release));
    }
    await kubectl("scale", "deployment/hammered", "--replicas=1");
    await eventually("one pod is left", async () => expect(await podsOf("hammered")).toHaveLength(1));
    const { answered, failures } = await hammering.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(300);
  });
});

describe("controllers", () => {
  test("a ReplicaSet's pod that is deleted is replaced, and one that loses its label is let go", async () => {
    await deploy("kept", 2);
    const [first, second] = await podsOf("kept");
    await kubectl("delete", "pod", first!.metadata.name);
    await kubectl("label", "pod", second!.metadata.name, "app-", "--overwrite");
    await eventually("there are two others", async () => {
      const names = (await podsOf("kept")).map(({ metadata }) => metadata.name);
      expect(names).toHaveLength(2);
      expect(names).not.toContain(first!.metadata.name);
      expect(names).not.toContain(second!.metadata.name);
    });
    expect((await get("pod", second!.metadata.name)).metadata).not.toHaveProperty("ownerReferences");
    await kubectl("delete", "pod", second!.metadata.name, "--wait=false");
  });

  test("deleting a Deployment takes its ReplicaSets and pods with it, unless they are to be orphans", async () => {
    await deploy("owner", 1);
    await kubectl("delete", "deployment", "owner");
    await eventually("nothing is left", async () => {
      expect((await get("replicasets,pods", "-l", "app=owner")).items).toEqual([]);
    });
    await deploy("orphaned", 1);
    await kubectl("delete", "deployment", "orphaned", "--cascade=orphan");
    await throughout("its pod stays", async () => expect(await podsOf("orphaned")).toHaveLength(1), { within: 1500 });
    await kubectl("delete", "replicasets", "-l", "app=orphaned");
  });

  test("deleting a namespace empties it", async () => {
    await kubectl("create", "namespace", "emptied");
    await eventually("it can be used", () => cluster.kubectl("get", "sa", "default", "-n", "emptied"));
    await cluster.apply("emptied", webDeployment("inner", 1), webService("inner"));
    await kubectl("delete", "namespace", "emptied", "--timeout=90s");
    expect(await kubectl("get", "namespace", "emptied", "--ignore-not-found")).toBe("");
    expect((await cluster.get("pods,services,deployments", "-n", "emptied")).items).toEqual([]);
  });
});
