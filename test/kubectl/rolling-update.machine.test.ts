import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCluster } from "../../src/testing/start-cluster.ts";
import { runOurs } from "./tools/programs.ts";

/** `kubectl rolling-update` of 2016, on a cluster whose nodes are played. */
const opened = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), "navarch-rolling-"));
let kubeconfig = "";

const kubectl = (...words: string[]) =>
  runOurs({ words, cwd: folder, env: { HOME: folder, KUBECONFIG: kubeconfig, KUBECACHEDIR: folder } });
const quick = ["--update-period=10ms", "--poll-interval=50ms", "--timeout=60s"];

beforeAll(async () => {
  const cluster = opened.use(await startCluster({ https: true }));
  kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, cluster.kubeconfig);
});

afterAll(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

test("rolling-update exchanges the image pod by pod and keeps the name", async () => {
  await kubectl("run", "web", "--generator=run/v1", "--image=web:1", "--replicas=2");
  const ended = await kubectl("rolling-update", "web", "--image=web:2", ...quick);
  expect(ended.stderr).toBe("");
  const hash = /^Created (web-[0-9a-f]{32})$/m.exec(ended.stdout)?.[1];
  expect(ended.stdout).toBe(`Created ${hash}
Scaling up ${hash} from 0 to 2, scaling down web from 2 to 0 (keep 2 pods available, don't exceed 3 pods)
Scaling ${hash} up to 1
Scaling web down to 1
Scaling ${hash} up to 2
Scaling web down to 0
Update succeeded. Deleting old controller: web
Renaming ${hash} to web
replicationcontroller "web" rolling updated
`);
  const { stdout } = await kubectl(
    "get",
    "rc",
    "web",
    "-o",
    "jsonpath={.spec.template.spec.containers[0].image} {.spec.replicas}",
  );
  expect(stdout).toBe("web:2 2");
});

test("rolling-update goes on to the controller of a file, and --rollback turns round", async () => {
  await kubectl("run", "one", "--generator=run/v1", "--image=web:1", "--replicas=1");
  const two = {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name: "two" },
    spec: {
      replicas: 1,
      selector: { run: "two" },
      template: { metadata: { labels: { run: "two" } }, spec: { containers: [{ name: "two", image: "web:2" }] } },
    },
  };
  writeFileSync(join(folder, "two.json"), JSON.stringify(two));
  // Under way: the new one is there and has no pods yet.
  await kubectl("create", "-f", "two.json");
  await kubectl("scale", "rc", "two", "--replicas=0");
  const back = await kubectl("rolling-update", "one", "two", "--rollback", ...quick);
  expect(back).toMatchObject({ code: 0, stderr: "" });
  expect(back.stdout).toContain('Setting "one" replicas to 1\n');
  expect(back.stdout).toContain("Update succeeded. Deleting two\n");

  const ended = await kubectl("rolling-update", "one", "-f", "two.json", ...quick);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toContain(
    'Update succeeded. Deleting one\nreplicationcontroller "one" rolling updated to "two"\n',
  );
});

test("rolling-update says what is missing", async () => {
  expect((await kubectl("rolling-update")).stderr).toContain("Must specify the controller to update");
  expect((await kubectl("rolling-update", "web")).stderr).toContain("Must specify --filename or --image");
  expect((await kubectl("rolling-update", "nope", "--image=a")).stderr).toBe(
    'Error from server (NotFound): replicationcontrollers "nope" not found\n',
  );
});
