#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: finds the runtime this version is made for, and starts the program.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const oldest = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Called by that name, or by "navarch kubectl", it is kubectl: a program of its own that loads nothing of the rest.
const kubectl = process.argv[2] === "kubectl" || /^kubectl(\.\w+)?$/.test(basename(process.argv[1] ?? ""));
const name = kubectl ? join("kubectl", "process") : "main";
const built = join(root, "dist", "src", "cli", `${name}.js`);
const source = join(root, "src", "cli", `${name}.ts`);
// A checkout has both when it was built: what is being worked on wins.
const main = existsSync(source) ? source : built;
const major = Number(process.versions.node.split(".")[0]);

if (major >= oldest) {
  // Compiled code is kept from start to start; the processes that this one starts share it.
  nodeModule.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  await import(main);
} else {
  const pinned = findPinned();
  if (!pinned) {
    console.error(
      `navarch: Node ${oldest} or later is needed and this is ${process.version}; run "npm ci" in ${root} to get it`,
    );
    process.exit(1);
  }
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

function findPinned() {
  try {
    const manifest = createRequire(import.meta.url).resolve("node/package.json");
    const binary = join(dirname(manifest), "bin", "node");
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}
