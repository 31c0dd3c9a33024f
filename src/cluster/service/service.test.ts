import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Transport } from "../../client/transport.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { unitName, unitText } from "./unit.ts";
import { keepAlive } from "./watchdog.ts";

const wishes = {
  name: "shop",
  node: "/bin/sh",
  program: "/opt/nav arch/bin/navarch.js",
  args: ["--config", "/etc/100%/$HOME/cluster.yaml"],
  home: "/root",
  environment: { NAVARCH_DATA: "/srv/data" },
};

test("a unit runs up at boot, restarts it when it fails and not when somebody ends it, and takes odd paths literally", () => {
  const text = unitText(wishes);
  expect(text).toContain(
    'ExecStart=/bin/sh "/opt/nav arch/bin/navarch.js" up --yes --name shop --config /etc/100%%/$$HOME/cluster.yaml\n',
  );
  expect(text).toContain("Restart=on-failure\n");
  expect(text).toContain("Environment=NAVARCH_DATA=/srv/data\n");
  expect(() => unitText({ ...wishes, home: "/root\nExecStart=/bin/evil" })).toThrow("has a line break");
});

test.skipIf(!existsSync("/usr/bin/systemd-analyze"))("systemd finds nothing wrong with a unit", () => {
  const folder = mkdtempSync(join(tmpdir(), "navarch-unit-"));
  try {
    const file = join(folder, unitName("shop"));
    writeFileSync(file, unitText(wishes));
    const told = execFileSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8", stdio: "pipe" });
    expect(told).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the watchdog hears of health only while the API server is ready", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const warned: string[] = [];
  const stopping = new AbortController();
  const answers: (number | Error)[] = [503, 200, 200, new Error("refused"), 200];
  const transport: Transport = {
    async send() {
      const next = answers.shift() ?? 200;
      if (next instanceof Error) throw next;
      const nothing = async function* (): AsyncGenerator<never> {};
      return { status: next, headers: {}, value: async () => undefined, events: nothing, bytes: nothing };
    },
    async [Symbol.asyncDispose]() {},
  };
  const notify = async (state: string) => {
    told.push(state);
  };
  const warn = (text: string) => warned.push(text);
  const running = keepAlive({ transport, notify, clock, interval: 1000, warn, signal: stopping.signal });
  await clock.pass(4500, () => new Promise<void>((resolve) => setImmediate(resolve)));
  stopping.abort();
  await running;
  expect(told).toEqual(["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
  expect(warned).toEqual(["the API server is not ready (503)", "the API server does not answer: refused"]);
});
