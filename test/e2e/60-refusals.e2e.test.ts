import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { newPlace, TestCluster } from "./tools/cluster.ts";
import { eventually } from "./tools/eventually.ts";
import { machineState } from "./tools/machine-state.ts";
import { run } from "./tools/processes.ts";

/** A cluster of its own that no spec but one uses. */
function newCluster(name: string): TestCluster {
  const cluster = new TestCluster(newPlace(name));
  onTestFinished(() => cluster.remove());
  return cluster;
}

/** A cluster whose start is refused: what it said, once it has ended. */
async function refusal(cluster: TestCluster, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.navarch(["up", "--yes", "--name", cluster.place.name, ...args]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr, "a defect would show a trace").not.toMatch(/^ +at /m);
  return stderr;
}

const simulated = ["--runtime", "simulated"];

describe("a start that cannot be", () => {
  test("a port in use is named, with what to do", async () => {
    const cluster = newCluster("e2e-port");
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const said = await refusal(cluster, ...simulated, "--api-port", String(port));
    expect(said).toContain(`port ${port} (the API server) is in use by another process`);
    expect(said).toContain("--api-port");
    expect(said).toContain(`ss -ltnp 'sport = :${port}'`);
  });

  test("another user than root is told so, and nothing is simulated behind their back", async () => {
    const cluster = newCluster("e2e-user");
    chmodSync(cluster.place.folder, 0o777);
    const { code, stderr } = await run(
      "setpriv",
      [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        // Wherever the checkout lies, it can be read.
        "--inh-caps=+dac_read_search",
        "--ambient-caps=+dac_read_search",
        process.execPath,
        join(import.meta.dirname, "../../bin/navarch.js"),
        ...["up", "--yes", "--name", cluster.place.name],
      ],
      { env: cluster.env },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/real containers need root.*\n.*run it with sudo/);
    expect(stderr).toContain("navarch up --runtime simulated");
    expect(stderr).not.toContain("Ready");
  });

  test("a machine on which nothing can be installed is told what is missing and how to get it", async () => {
    const cluster = newCluster("e2e-bare");
    const said = await bareMachine(cluster);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/these programs are missing and there is no apt-get to install them: containerd, /);
    expect(said.stderr).toContain("install them with this system's package manager");
  });

  test("a name that cannot be is refused with what it may be", async () => {
    const cluster = newCluster("e2e-name");
    const { code, stderr } = await cluster.navarch(["up", "--name", "Not_A_Name"]);
    expect(code).toBe(1);
    expect(stderr).toContain("a cluster's name has at most 20 lower-case letters, digits and dashes");
  });

  test("an unknown example and an unknown flag are refused with what there is", async () => {
    const cluster = newCluster("e2e-flag");
    expect(await refusal(cluster, "--example", "nothing")).toContain('no example "nothing"; there is: guestbook');
    const flag = await cluster.navarch(["up", "--colour"]);
    expect(flag.code).toBe(1);
    expect(flag.stderr).toContain("unknown option '--colour'");
  });
});

const nodeOf = (cluster: TestCluster) => cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}");

describe("a simulated cluster", () => {
  test("says on its first line that containers are not real, works, and is not started twice", async () => {
    const cluster = newCluster("e2e-sim");
    const said = await cluster.up(...simulated);
    expect(said.split("\n")[0]).toMatch(/^SIMULATED: containers are not real/);
    await cluster.kubectl("create", "deployment", "web", "--image=anything", "--replicas=3");
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
    // The node is reached, wherever its address leads on this machine.
    await cluster.kubectl("logs", "deployment/web");
    expect(await cluster.kubectl("get", "--raw", `/api/v1/nodes/${await nodeOf(cluster)}/proxy/healthz`)).toBe("ok");
    expect(await refusal(cluster, ...simulated)).toMatch(
      /is running already \(process \d+\); end it with: navarch down/,
    );
    const running = await cluster.navarch(["status", "--name", cluster.place.name, "-o", "json"]);
    expect(JSON.parse(running.stdout)).toMatchObject({ state: "running", nodes: [{ state: "Ready" }] });
    await cluster.interrupt();
    const stopped = await cluster.navarch(["status", "--name", cluster.place.name]);
    expect(stopped).toMatchObject({ code: 3 });
    expect(await refusal(cluster, "--runtime", "cri")).toContain("was made with --runtime simulated");
  });
});

describe("data that cannot be read", () => {
  /** A simulated cluster that has run once, and holds one ConfigMap. */
  async function stopped(name: string): Promise<TestCluster> {
    const cluster = newCluster(name);
    await cluster.up(...simulated);
    await cluster.kubectl("create", "configmap", "kept", "--from-literal=word=xyzzy");
    await cluster.interrupt();
    return cluster;
  }
  const description = (cluster: TestCluster) => join(cluster.dataDir, "cluster.json");

  test("of a later version is refused and left as it is", async () => {
    const cluster = await stopped("e2e-newer");
    const now = readFileSync(description(cluster), "utf8");
    const newer = now.replace('"format": 1', '"format": 999');
    expect(newer).not.toBe(now);
    writeFileSync(description(cluster), newer);
    expect(await refusal(cluster)).toMatch(/was written by a later Navarch \(format 999; this one knows up to \d+\)/);
    expect(readFileSync(description(cluster), "utf8")).toBe(newer);
    writeFileSync(description(cluster), now);
    await cluster.up();
    expect((await cluster.get("configmap", "kept")).data).toEqual({ word: "xyzzy" });
  });

  test("that describes no cluster is named, and what the message advises works", async () => {
    const cluster = await stopped("e2e-broken");
    writeFileSync(description(cluster), '{"format": 1, "clu');
    const said = await refusal(cluster);
    expect(said).toContain(`${description(cluster)} is damaged`);
    const advice = /with: navarch (down --wipe .*)$/m.exec(said)?.[1];
    const wiped = await cluster.navarch((advice ?? "no advice").split(" "));
    expect(wiped, wiped.stderr).toMatchObject({ code: 0 });
    await cluster.up(...simulated);
  });

  test.each([
    {
      name: "cut short",
      says: /was cut short at 20000 bytes/,
      // Behind the head, which is two pages of 8 KiB.
      damage: (file: string) => execFileSync("truncate", ["--size=20000", file]),
    },
    {
      name: "overwritten",
      says: /is damaged/,
      damage: (file: string) => writeFileSync(file, Buffer.alloc(20_000, 0xa5)),
    },
    { name: "emptied", says: /is missing or empty/, damage: (file: string) => writeFileSync(file, "") },
  ])("whose store was $name is refused by up and told of by store check", async ({ name, says, damage }) => {
    const cluster = await stopped(`e2e-${name.split(" ")[0]}`);
    const sound = await cluster.navarch(["store", "check", "--name", cluster.place.name]);
    expect(sound, sound.stdout).toMatchObject({ code: 0 });
    expect(sound.stdout).toMatch(/is sound: \d+ keys/);
    damage(join(cluster.dataDir, "store", "data.mdb"));
    const said = await refusal(cluster);
    expect(said).toMatch(says);
    expect(said).toContain("restore it from a backup, or move it away to start with an empty store");
    const checked = await cluster.navarch(["store", "check", "--name", cluster.place.name]);
    expect(checked).toMatchObject({ code: 1 });
    expect(checked.stdout).toMatch(/is damaged/);
  });
});

describe("a disk that is full", () => {
  test("before the start is said, with how much is needed and where else it could be", async () => {
    const cluster = newCluster("e2e-tiny");
    mountSmall(cluster, "20m");
    const said = await refusal(cluster, ...simulated);
    expect(said).toMatch(/only \d+ MiB are free where .* is kept\n.*free at least 200 MiB, or choose another place/);
  });

  test("while it runs refuses writes with a reason, serves reads, loses nothing, and takes writes again", async () => {
    const cluster = newCluster("e2e-full");
    mountSmall(cluster, "260m");
    await cluster.up(...simulated);
    await cluster.kubectl("create", "configmap", "kept", "--from-literal=word=xyzzy");
    const ballast = join(cluster.place.folder, "data", "ballast");
    await run("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"]);
    const acknowledged: string[] = [];
    const refused = await eventually("a write is refused", async () => {
      const name = `filler-${acknowledged.length}`;
      const literal = `--from-literal=text=${"x".repeat(100_000)}`;
      const { code, stderr } = await cluster.tryKubectl(["create", "configmap", name, literal]);
      if (code === 0) acknowledged.push(name);
      return code !== 0 && stderr;
    });
    expect(refused).toMatch(/no space left|disk is full|full/i);
    expect((await cluster.get("configmap", "kept")).data).toEqual({ word: "xyzzy" });
    rmSync(ballast);
    await eventually("writes are taken again", () => cluster.kubectl("create", "configmap", "after"));
    await cluster.interrupt();
    await cluster.up();
    const names = (await cluster.get("configmaps")).items.map(({ metadata }) => metadata.name);
    expect(names).toEqual(expect.arrayContaining(["kept", "after", ...acknowledged]));
  });

  function mountSmall(cluster: TestCluster, size: string): void {
    const data = join(cluster.place.folder, "data");
    mkdirSync(data, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", data]);
    cleanUp.push(() => execFileSync("umount", ["--lazy", data]));
  }
});

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const task of cleanUp.splice(0)) task();
});

/** Runs `navarch up` where no program but Node can be found; what is mounted for that is seen by nobody else. */
async function bareMachine(cluster: TestCluster) {
  const inside = [
    "mount -t tmpfs tmpfs /usr/sbin",
    "mount -t tmpfs tmpfs /usr/local/sbin",
    "mount -t tmpfs tmpfs /usr/bin",
    `exec ${process.execPath} ${join(import.meta.dirname, "../../bin/navarch.js")} up --yes --name ${cluster.place.name}`,
  ];
  return await run("unshare", ["--mount", "sh", "-c", inside.join(" && ")], {
    env: { ...cluster.env, PATH: "/usr/bin:/bin" },
  });
}

test("no process of these clusters is left", () => {
  const left = [...machineState()].filter((line) => /^process: .*\/navarch-e2e-\w+-\w{6}\/data/.test(line));
  expect(left).toEqual([]);
});
