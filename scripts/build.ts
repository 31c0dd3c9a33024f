import { spawnSync } from "node:child_process";
import { globSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Emits `dist/`: JavaScript, declarations and the JSON tables, without a trace of an earlier build. */
const root = join(import.meta.dirname, "..");
rmSync(join(root, "dist"), { recursive: true, force: true });
const { status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

// The compiler emits the JSON files that modules import; one that is read in another way would be missed.
const missed = globSync("src/**/*.json", { cwd: root }).filter(
  (file) => globSync(join("dist", file), { cwd: root }).length === 0,
);
if (missed.length > 0) {
  console.error(`not in dist: ${missed.join(", ")}`);
  process.exit(1);
}
