import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, busyboxImage, pauseImage } from "./build.ts";
import { parseImageSpec } from "./image-spec.ts";
import { ensureImported, importedImages } from "./import.ts";

/* Needs root, containerd, busybox-static and Debian's mirror. Everything it makes lies in one folder and ends with the test. */

let folder = "";
let containerd: ChildProcess | undefined;
const target = () => ({ address: join(folder, "containerd.sock") });

/** A name of this run alone: runc remembers those of runs that were killed. */
const pauseTask = () => basename(folder);

function ctr(...args: string[]): string {
  return execFileSync("ctr", ["--address", target().address, "--namespace", "k8s.io", ...args]).toString("utf8");
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "navarch-images-"));
  const config = [
    "version = 2",
    `root = "${folder}/root"`,
    `state = "${folder}/state"`,
    'disabled_plugins = ["io.containerd.internal.v1.opt"]',
    "[grpc]",
    `address = "${target().address}"`,
    '[plugins."io.containerd.grpc.v1.cri"]',
    `sandbox_image = "${pauseImage.name}"`,
    "restrict_oom_score_adj = true",
    'stream_server_port = "0"',
    '[plugins."io.containerd.grpc.v1.cri".cni]',
    `conf_dir = "${folder}/net.d"`,
  ];
  writeFileSync(join(folder, "config.toml"), config.join("\n"));
  containerd = spawn("containerd", ["--config", join(folder, "config.toml")], { stdio: "ignore" });
  for (let round = 0; ; round++) {
    try {
      ctr("version");
      break;
    } catch (error) {
      if (round > 100) throw error;
      await sleep(100);
    }
  }
}, 60_000);

afterAll(async () => {
  if (containerd) {
    const exit = new Promise((resolve) => containerd?.once("exit", resolve));
    containerd.kill("SIGTERM");
    await exit;
  }
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Asks pause to end; it may have ended meanwhile. */
function askToEnd(): void {
  try {
    ctr("tasks", "kill", "--signal", "SIGTERM", pauseTask());
  } catch {
    // The list tells whether it has.
  }
}

describe("images in a real containerd", () => {
  test("busybox runs, and CRI knows pause and busybox as its own", async () => {
    for (const spec of [pauseImage, busyboxImage]) {
      const image = await buildImage(spec, { cacheDir: join(folder, "cache") });
      expect(await ensureImported(target(), image)).toBe(true);
      expect(await ensureImported(target(), image)).toBe(false);
      for (
        let round = 0;
        !ctr("images", "list", `name==${spec.name}`).includes("io.cri-containerd.image=managed");
        round++
      ) {
        if (round > 100) throw new Error(`CRI never saw ${spec.name}`);
        await sleep(50);
      }
    }
    expect(ctr("run", "--rm", busyboxImage.name, "navarch-busybox", "sh", "-c", "echo $((6 * 7)) | cat; id -un")).toBe(
      "42\nroot\n",
    );
  }, 60_000);

  test("pause is the first process of its own pid namespace and still ends at once when asked to", async () => {
    ctr("run", "--detach", pauseImage.name, pauseTask());
    // Who has only just begun does not hear a signal yet: it is asked until it does.
    for (let round = 0; !ctr("tasks", "list").includes("STOPPED"); round++) {
      if (round % 10 === 0) askToEnd();
      if (round > 100) throw new Error("pause did not end");
      await sleep(50);
    }
    ctr("containers", "delete", pauseTask());
  }, 60_000);

  test("a program on Debian's packages finds its libraries, and so does Node", async () => {
    const redis = parseImageSpec(
      { name: "navarch.local/redis-test:1", from: [{ busybox: true }, { packages: ["redis-server"] }] },
      "/",
    );
    const program = parseImageSpec(
      {
        name: "navarch.local/node-test:1",
        from: { node: true },
        files: [{ path: "/app/main.ts", content: "const n: number = 6 * 7; console.log(n);" }],
        entrypoint: ["node", "/app/main.ts"],
      },
      "/",
    );
    for (const spec of [redis, program])
      await ensureImported(target(), await buildImage(spec, { cacheDir: join(folder, "cache") }));
    expect([...(await importedImages(target())).keys()]).toEqual(expect.arrayContaining([redis.name, program.name]));
    expect(ctr("run", "--rm", redis.name, "navarch-redis", "redis-server", "--version")).toContain("Redis server v=7");
    expect(ctr("run", "--rm", program.name, "navarch-node")).toBe("42\n");
  }, 300_000);
});
