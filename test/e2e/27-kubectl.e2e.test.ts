import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubectlPath } from "./tools/kubectl.ts";
import { run, start } from "./tools/processes.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";
import { images } from "./tools/workloads.ts";

/** Our own kubectl beside an unmodified one, where containers are needed. */
const cluster = sharedCluster();
const ns = ownNamespace(cluster, "our-kubectl");
const own = join(import.meta.dirname, "../../bin/navarch.js");
const folder = mkdtempSync(join(tmpdir(), "navarch-kubectl-e2e-"));
const options = { env: cluster.env, cwd: folder };

const ours = (words: readonly string[], input?: string) =>
  run(process.execPath, [own, "kubectl", "-n", ns, ...words], { ...options, input });
const theirs = (words: readonly string[], input?: string) =>
  run(kubectlPath(), ["-n", ns, ...words], { ...options, input });

const script =
  'trap "exit 0" TERM; mkdir -p /srv/d; echo hi > /srv/d/a; ln -s /etc/passwd /srv/d/link; while :; do sleep 0.2; done';
/** containerd passes input on before it listens to what comes out: what a program says at once, nobody may hear. */
const joined = "sleep 0.5";
const container = (name: string, command: string) => ({ name, image: images.busybox, command: ["sh", "-c", command] });

beforeAll(async () => {
  await cluster.apply(
    ns,
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "two", labels: { app: "two" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          container("main", script),
          {
            ...container("web", "mkdir /w; echo hello > /w/index.html; exec httpd -f -p 8080 -h /w"),
            ports: [{ name: "http", containerPort: 8080 }],
          },
        ],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "two" },
      spec: { selector: { app: "two" }, ports: [{ name: "web", port: 80, targetPort: "http" }] },
    },
  );
  await cluster.kubectl("-n", ns, "wait", "pod/two", "--for=condition=Ready", "--timeout=60s");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("exec", () => {
  test.each([
    {
      name: "what a command says, its errors and its code",
      words: ["two", "-c", "web", "--", "sh", "-c", "echo o; echo e >&2; exit 7"],
    },
    { name: "which container was taken", words: ["two", "--", "hostname"] },
    { name: "nothing of that with --quiet", words: ["-q", "two", "--", "hostname"] },
    { name: "a pod of a service", words: ["svc/two", "--", "hostname"] },
    { name: "a container that is not there", words: ["two", "-c", "none", "--", "true"] },
    { name: "that input is no terminal", words: ["two", "-it", "--", "echo", "x"] },
  ])("tells as kubectl: $name", async ({ words }) => {
    const [our, their] = await Promise.all([ours(["exec", ...words]), theirs(["exec", ...words])]);
    expect(our).toEqual(their);
  });

  test("passes input on to its end", async () => {
    const input = `${"line\n".repeat(20_000)}last\n`;
    const ran = await ours(["exec", "-i", "two", "-c", "main", "--", "sh", "-c", "wc -l; echo over"], input);
    expect(ran).toMatchObject({ code: 0, stdout: "20001\nover\n" });
  });

  test("gives a shell on a terminal of the right size", async () => {
    const words = [process.execPath, own, "kubectl", "-n", ns, "exec", "-it", "two", "-c", "main", "--", "sh"];
    const command = `stty rows 33 cols 99; ${words.join(" ")}`;
    await using shell = start("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
      ...options,
      env: { ...cluster.env, TERM: "xterm" },
    });
    await shell.says(/[#$] /);
    shell.write("stty size; exit 5\n");
    await shell.says(/^33 99/m);
    expect(await shell.ended).toBe(5);
  });
});

describe("cp", () => {
  test("carries a folder there and back, links left out with the same warning as kubectl's", async () => {
    mkdirSync(join(folder, "out/deep"), { recursive: true });
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 251));
    writeFileSync(join(folder, "out/deep/big"), bytes);
    symlinkSync("deep/big", join(folder, "out/link"));
    expect(await ours(["cp", "out", "two:/tmp/in", "-c", "main"])).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const back = await ours(["cp", "two:/tmp/in", "back", "-c", "main"]);
    expect(back.code).toBe(0);
    expect(readFileSync(join(folder, "back/deep/big")).equals(bytes)).toBe(true);
    rmSync(join(folder, "back"), { recursive: true });
    const reference = await theirs(["cp", "two:/tmp/in", "back", "-c", "main"]);
    expect(back.stderr).toBe(reference.stderr);
  });

  test("writes nothing through a link that leads out of the target", async () => {
    const outside = join(folder, "outside");
    mkdirSync(outside);
    mkdirSync(join(folder, "trap"));
    symlinkSync(outside, join(folder, "trap/deep"));
    const ran = await ours(["cp", "two:/tmp/in", "trap", "-c", "main"]);
    expect(ran.stderr).toContain('warning: file "trap/deep/big" is outside target destination, skipping');
    expect(() => readFileSync(join(outside, "big"))).toThrow("ENOENT");
  });
});

describe("port-forward", () => {
  test("to a service leads by its port's name to the pod's", async () => {
    await using forwarding = start(
      process.execPath,
      [own, "kubectl", "-n", ns, "port-forward", "svc/two", ":web"],
      options,
    );
    const port = Number((await forwarding.says(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/))[1]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hello\n");
    await forwarding.says(new RegExp(`^Handling connection for ${port}$`, "m"));
  });

  test("tells when the pod refuses a connection, and ends", async () => {
    await using forwarding = start(process.execPath, [own, "kubectl", "-n", ns, "port-forward", "two", ":9"], options);
    const port = Number((await forwarding.says(/Forwarding from 127\.0\.0\.1:(\d+) -> 9/))[1]);
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    await once(socket, "close");
    expect(await forwarding.ended).toBe(1);
    expect(forwarding.stderr).toMatch(/an error occurred forwarding \d+ -> 9: .*\nerror: lost connection to pod\n$/s);
  });
});

describe("proxy", () => {
  test("serves files beside the API, and refuses other names than localhost", async () => {
    mkdirSync(join(folder, "www"));
    writeFileSync(join(folder, "www/index.html"), "<h1>hello</h1>\n");
    await using proxy = start(process.execPath, [own, "kubectl", "proxy", "--port=0", "--www=www"], options);
    const base = `http://${(await proxy.says(/Starting to serve on (\S+)/))[1]}`;
    expect(await (await fetch(`${base}/static/`)).text()).toBe("<h1>hello</h1>\n");
    const pods = (await (await fetch(`${base}/api/v1/namespaces/${ns}/pods`)).json()) as { readonly kind: string };
    expect(pods.kind).toBe("PodList");
    expect((await fetch(`${base}/api/v1/namespaces/${ns}/pods/two/exec`)).status).toBe(403);
    proxy.kill("SIGTERM");
    await proxy.ended;
  });
});

describe("debug", () => {
  test("puts a container into a running pod and joins it", async () => {
    const words = ["debug", "two", `--image=${images.busybox}`, "--profile=general", "--target=main"];
    const script = ["-c", "dbg", "-i", "--", "sh", "-c", "read line; echo got $line"];
    await using joined = start(process.execPath, [own, "kubectl", "-n", ns, ...words, ...script], options);
    await joined.says(/press(ing)? enter/);
    joined.write("a word\n");
    await joined.says(/^got a word$/m);
    // Where input may come more than once, containerd ends a session with the input.
    joined.endInput();
    expect(await joined.ended).toBe(0);
  });
});

describe("run", () => {
  test.each([
    { name: "ours", kubectl: ours },
    { name: "an unmodified one", kubectl: theirs },
  ])("$name hands input to a new pod, shows what it says, ends as it does and takes it away", async ({ kubectl }) => {
    const words = ["run", "once", `--image=${images.busybox}`, "--restart=Never", "--rm", "-i", "-q"];
    const { code, stdout } = await kubectl(
      [...words, "--", "sh", "-c", `read word; ${joined}; echo it was $word; exit 3`],
      "four\n",
    );
    expect(stdout).toContain("it was four\n");
    expect(code).toBe(3);
    expect((await theirs(["get", "pod", "once", "--ignore-not-found", "-o", "name"])).stdout).toBe("");
  });
});
