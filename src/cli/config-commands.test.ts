import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, expect, test, vi } from "vitest";
import { addConfigCommands } from "./config-commands.ts";

const folder = mkdtempSync(join(tmpdir(), "navarch-config-commands-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function validate(spec: object): Promise<string> {
  vi.stubEnv("NAVARCH_DATA", folder);
  const file = join(folder, "cluster.yaml");
  const said: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text: string) => void said.push(text));
  try {
    writeFileSync(
      file,
      JSON.stringify({ apiVersion: "navarch/v1alpha1", kind: "Cluster", metadata: { name: "shop" }, spec }),
    );
    const program = new Command();
    addConfigCommands(program);
    await program.parseAsync(["config", "validate", file], { from: "user" });
    return said.join("\n").replaceAll(folder, "");
  } catch (error) {
    return String(error).replaceAll(folder, "");
  } finally {
    log.mockRestore();
    vi.unstubAllEnvs();
  }
}

test.each([
  [{}, "/cluster.yaml is sound"],
  [{ nodse: {} }, '/cluster.yaml:1:87: unrecognized key "nodse" in spec; did you mean "nodes"?'],
  [{ network: { podRange: "10.1.0.0/99" } }, "/cluster.yaml: "],
  [{ network: { podRange: "10.1.0.0/16", serviceRange: "10.1.0.0/16" } }, "/cluster.yaml: "],
  [{ runtime: "simulated", nodes: { count: 3 } }, "/cluster.yaml: --nodes is for real containers"],
  [{ nodes: { flags: { "max-pods": "many" } } }, "/cluster.yaml: "],
])("validate says of %j what a schema knows, and what only the whole shows", async (spec, told) => {
  expect(await validate(spec)).toContain(told);
});
