import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newCluster, writeCluster } from "../cluster/config.ts";
import { ensureCredentials } from "../cluster/credentials.ts";
import { openClusterStore } from "../cluster/history/cluster-store.ts";
import { saveSnapshot } from "../cluster/history/snapshots.ts";
import { systemClock } from "../lib/clock.ts";
import { seededRandom } from "../lib/random.ts";
import { addCommands } from "./commands.ts";

/** What changes nothing of a machine, and why; every other command can show first what it would do. */
const harmless: Readonly<Record<string, string>> = {
  "image ls": "reads",
  "store check": "reads",
  "certs check": "reads",
  why: "asks",
  "why access": "asks",
  status: "asks",
  history: "asks",
  diff: "asks",
  "config validate": "reads",
  "config render": "prints",
  "config export": "prints",
  "config schema": "prints",
  "snapshot save": "writes the one new file that it is told",
  "snapshot show": "reads",
  "token create": "makes one object of the cluster, which token delete takes away",
  "token list": "asks",
  "token delete": "deletes one object of the cluster",
  "token generate": "prints",
};

const parentOf = (program: Command, words: readonly string[]) =>
  words.reduce<Command | undefined>((at, word) => at?.commands.find((one) => one.name() === word), program);

function leaves(command: Command, path: readonly string[] = []): readonly string[] {
  return command.commands.flatMap((one) => {
    const words = [...path, one.name()];
    const itself = one.commands.length === 0 || one.registeredArguments.length > 0 ? [words.join(" ")] : [];
    return [...itself, ...leaves(one, words)];
  });
}

function newProgram(): Command {
  const program = new Command("navarch").enablePositionalOptions();
  addCommands(program);
  return program;
}

test("every command that changes the machine can show it first", () => {
  const program = newProgram();
  const withoutDryRun = leaves(program).filter(
    (words) => !parentOf(program, words.split(" "))?.options.some(({ long }) => long === "--dry-run"),
  );
  expect(withoutDryRun.toSorted()).toEqual(Object.keys(harmless).toSorted());
});

const folder = mkdtempSync(join(tmpdir(), "navarch-dry-run-"));
const data = join(folder, "data");
const random = seededRandom(1);

/** A stopped cluster with something in its store, and a snapshot of another that is gone. */
beforeAll(async () => {
  vi.stubEnv("NAVARCH_DATA", data);
  vi.stubEnv("KUBECONFIG", join(folder, "kubeconfig"));
  for (const name of ["stopped", "gone"]) {
    const config = newCluster({ name, runtime: "simulated" }, process.env);
    writeCluster(config);
    await ensureCredentials(config, { clock: systemClock, random });
    {
      await using store = await openClusterStore(config, { clock: systemClock, random });
      for (const key of ["a", "b"]) await store.commit({ key, value: Buffer.from(key), expected: 0n });
    }
    if (name === "stopped") continue;
    const file = join(folder, "gone.snap");
    await saveSnapshot({ config, file, transport: undefined, clock: systemClock, random });
    rmSync(config.dataDir, { recursive: true });
  }
  mkdirSync(join(folder, "cwd"));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Every file with its content; what a database notes about its readers is none. */
const everything = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "lock.mdb")
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((file) => [file, readFileSync(file).toString("base64")]);

test.each([
  ["up --name new --runtime simulated --dry-run", /^data +\S+\/new is made$/m],
  ["up --name new --runtime simulated --from GONE --dry-run", /podRange: 10\.\d+\.0\.0\/16$/m],
  ["down --name stopped --wipe --dry-run", /\/stopped and the context navarch-stopped would be deleted\n/],
  ["install --name new --dry-run", /^ExecStart=.* up --yes --name new$/m],
  ["uninstall --name new --dry-run", /^systemctl disable --now navarch-new\.service\n/],
  [
    "join https://192.0.2.1:6443 --token abcdef.0123456789abcdef --ca-cert CA --node-name n --name j --dry-run",
    /^cluster +https:\/\/192\.0\.2\.1:6443 is asked for two certificates, and gets the Node n$/m,
  ],
  [
    "snapshot restore GONE --name again --dry-run",
    /^2 keys would be written to \S+\/again\/store, as cluster again with pods in 10\./,
  ],
  ["store compact --name stopped --dry-run", /^history before revision \d+ would be forgotten\n$/],
  ["certs renew admin ingress --name stopped --dry-run", /^admin would be made anew\ningress would be made anew\n$/],
  ["image build --dry-run", /^\S+pause\S* would be built into /m],
])("navarch %s changes no file", async (line, told) => {
  const before = everything();
  const lines: string[] = [];
  const note = vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(`${text}\n`));
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  const words = line.replace("GONE", join(folder, "gone.snap")).replace("CA", join(data, "stopped/pki/ca.crt"));
  try {
    await newProgram().parseAsync(words.split(" "), { from: "user" });
  } finally {
    note.mockRestore();
    write.mockRestore();
  }
  expect(lines.join("")).toMatch(told);
  expect(everything()).toEqual(before);
});
