import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EtcdServer, startEtcd } from "../../src/store/etcd-server.ts";
import { freePort } from "../api/tools/live-server.ts";
import { newPlace, TestCluster } from "../e2e/tools/cluster.ts";
import { run } from "../e2e/tools/processes.ts";
import { allShown, pageText, root, shownCommands } from "./tools/shown-commands.ts";

/* Commands that pages show on lines of their own are typed here, on clusters without containers; test/e2e/15-documents types
those in `console` blocks, on a real one. */

/** What runs elsewhere, and where. */
const elsewhere: Readonly<Record<string, string>> = {
  "README.md: npm ci && npm start": "test/e2e/tools/shared-cluster.ts",
  "README.md: npm ci && npm test": "scripts/test.ts",
  "docs/tutorial.md: npm ci && npm start": "test/e2e/tools/shared-cluster.ts",
  "docs/how-to/service.md: navarch join https://192.0.2.10:6443 --token TOKEN": "test/e2e/70-nodes.e2e.test.ts",
  "examples/guestbook/README.md: navarch image build examples/guestbook/images": "test/e2e/10-guestbook.e2e.test.ts",
  "examples/guestbook/README.md: navarch image load navarch.local/guestbook:v1 navarch.local/redis:7":
    "test/e2e/10-guestbook.e2e.test.ts",
  "examples/guestbook/README.md: kubectl create -f examples/guestbook/": "test/e2e/10-guestbook.e2e.test.ts",
};

interface Page {
  readonly page: string;
  /** What a reader has done before. */
  readonly before?: readonly string[];
  /** What stands for another machine, or for more time than a test has. */
  readonly instead?: (command: string) => string;
  /** What succeeds right after a command of it. */
  readonly proofs?: Readonly<Record<string, string>>;
  /** What its script says. */
  readonly says?: RegExp;
  /** What is so in the end. */
  readonly after?: readonly [command: string, says: RegExp];
}

let etcd: readonly EtcdServer[];
let port: number;
beforeAll(async () => {
  etcd = await Promise.all([startEtcd(), startEtcd()]);
  port = await freePort();
});
afterAll(async () => {
  for (const server of etcd) await server[Symbol.asyncDispose]();
});

const typed: readonly Page[] = [
  {
    page: "docs/simulated-nodes.md",
    instead: (command) => command.replace("1000", "20"),
    after: ["kubectl get nodes --no-headers | wc -l", /^1$/m],
  },
  {
    page: "docs/history.md",
    before: ["navarch up", "kubectl create deployment web --image=any", "sleep 2"],
    instead: (command) => command.replace("5m", "1s").replace("http://10.0.0.1:2379", etcd[0]!.endpoints[0]!),
    proofs: { "navarch up --from monday.snap": "kubectl get deployment web" },
    after: ["navarch status copy -o json || true", /"state": "stopped"/],
  },
  {
    page: "docs/how-to/service.md",
    before: ["navarch up", "kubectl create configmap kept"],
    instead: (command) => command.replace("https://192.0.2.11:2379", etcd[1]!.endpoints[0]!),
    after: ["kubectl get configmap kept -o name; navarch status | cat", /^configmap\/kept\n(.*\n)*.* in etcd /],
  },
  {
    page: "docs/network-dual-stack.md",
    after: [
      "kubectl get service kubernetes -o jsonpath={.spec.clusterIPs}; navarch config export",
      /fd00:10:96::\/112/,
    ],
  },
  {
    page: "examples/aggregated-api/README.md",
    before: ["navarch up"],
    instead: (command) => command.replace("8443", String(port)),
    says: /^greeting\.example\.navarch\.dev\/hello created\n(.*\n)* +text: Good morning$/m,
  },
];

test("every command on a line of its own is typed here or elsewhere", () => {
  const known = new Set(typed.map(({ page }) => page));
  const told = (page: string, command: string) => `${page}: ${command}`;
  const blocks = allShown().filter(({ form }) => form === "block");
  const loose = blocks.filter(({ page, command }) => !known.has(page) && !elsewhere[told(page, command)]);
  expect(loose.map(({ page, command }) => told(page, command))).toEqual([]);
  const shown = new Set(blocks.map(({ page, command }) => told(page, command)));
  expect(Object.keys(elsewhere).filter((one) => !shown.has(one))).toEqual([]);
});

describe.each(typed)("$page", ({ page, before = [], instead = (command) => command, proofs = {}, says, after }) => {
  const name = `doc${typed.findIndex((one) => one.page === page)}`;
  let cluster: TestCluster;
  let folder: string;
  let bin: string;

  beforeAll(() => {
    cluster = new TestCluster(newPlace(name));
    folder = cluster.place.folder;
    bin = join(folder, "bin");
    mkdirSync(bin);
    const program = `${process.execPath} ${join(root, "bin/navarch.js")}`;
    const named = `case "$* " in "kubectl "*|"snapshot show "*|*"--name "*|"status "*) exec ${program} "$@";; esac`;
    writeFileSync(join(bin, "navarch"), `#!/bin/sh\n${named}\nexec ${program} "$@" --name ${name}\n`);
    writeFileSync(join(bin, "kubectl"), `#!/bin/sh\nexec ${program} kubectl "$@"\n`);
    for (const each of ["navarch", "kubectl"]) chmodSync(join(bin, each), 0o755);
    saveFiles(page, folder);
  });
  afterAll(() => cluster.remove());

  const type = async (command: string) => {
    const [, flags] = /^navarch up\b(.*)$/.exec(command) ?? [];
    if (flags !== undefined) {
      const words = flags.split(" ").filter(Boolean);
      // It is started from elsewhere: files of the page have their whole path.
      const found = words.map((word) => (existsSync(join(folder, word)) ? join(folder, word) : word));
      return await cluster.up("--runtime", "simulated", ...found);
    }
    const env = { ...cluster.env, PATH: `${bin}:${process.env.PATH}` };
    const { code, stdout, stderr } = await run("bash", ["-e", "-o", "pipefail", "-c", command], { cwd: folder, env });
    // As diff does: 1 says that something differs.
    const good = command.startsWith("navarch diff") ? [0, 1] : [0];
    expect(good, `${command}\n${stdout}${stderr}`).toContain(code);
    return stdout;
  };

  test("what it shows can be typed", async () => {
    for (const command of before) await type(command);
    const script = shellBlock(page);
    const lines = shownCommands(page).filter(
      ({ form, command }) => form === "block" && !elsewhere[`${page}: ${command}`],
    );
    // What the script leaves running serves until it has been asked.
    if (script !== undefined) expect(await type(`trap 'kill %1' EXIT\n${instead(script)}`)).toMatch(says ?? /./);
    for (const { command } of script === undefined ? lines : []) {
      await type(instead(command));
      if (proofs[command]) await type(proofs[command]);
    }
    if (after) expect(await type(after[0])).toMatch(after[1]);
  }, 240_000);
});

/** A page's script, where it shows one. */
const shellBlock = (page: string) => /^```sh\n([\s\S]*?)^```/m.exec(pageText(page))?.[1];

/** The files that a page's commands read: its neighbours, and what it has its reader save. */
function saveFiles(page: string, folder: string): void {
  const [stages] = /^ {4}apiVersion: kwok[\s\S]*?(?=\n\n)/m.exec(pageText(page)) ?? [];
  if (stages) writeFileSync(join(folder, "life.yaml"), stages.replace(/^ {4}/gm, ""));
  if (!page.startsWith("examples/")) return;
  symlinkSync(join(root, dirname(page), "server.ts"), join(folder, "server.ts"));
  const manifest = readFileSync(join(root, dirname(page), "apiservice.yaml"), "utf8");
  writeFileSync(join(folder, "apiservice.yaml"), manifest.replace("8443", String(port)));
}
