/**
 * An unmodified kubectl of a newer Debian suite, fetched from the mirror that this machine already uses and unpacked into
 * a cache folder; never one that happens to be installed. Run directly, it prints the path.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const suite = "trixie";
const cache = join(import.meta.dirname, "../../../.cache/kubectl");
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The path of the fetched program; fetches it on first use. */
export function kubectlPath(): string {
  const path = join(cache, suite, "usr/bin/kubectl");
  if (existsSync(path)) return path;
  const work = join(cache, `work-${process.pid}`);
  for (const folder of ["lists/partial", "archives/partial", "unpacked"])
    mkdirSync(join(work, folder), { recursive: true });
  try {
    writeFileSync(join(work, "status"), "");
    writeFileSync(join(work, "sources.list"), `deb [signed-by=${keyring}] ${mirror()} ${suite} main\n`);
    const settings = [
      `Dir::Etc::sourcelist=${work}/sources.list`,
      "Dir::Etc::sourceparts=-",
      `Dir::State::lists=${work}/lists`,
      `Dir::State::status=${work}/status`,
      `Dir::Cache=${work}`,
      "APT::Sandbox::User=root",
    ].flatMap((setting) => ["-o", setting]);
    const run = (...args: string[]) =>
      execFileSync("apt-get", [...settings, ...args], { cwd: work, stdio: ["ignore", "ignore", "inherit"] });
    run("update", "-q");
    run("download", "-q", `kubectl/${suite}`);
    const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
    if (!archive) throw new Error("apt-get downloaded no kubectl");
    execFileSync("dpkg-deb", ["-x", archive, "unpacked"], { cwd: work });
    rmSync(join(cache, suite), { recursive: true, force: true });
    renameSync(join(work, "unpacked"), join(cache, suite));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}

/** The address of the Debian mirror in this machine's own sources. */
function mirror(): string {
  const format = "$(REPO_URI) $(RELEASE)";
  const targets = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    encoding: "utf8",
  });
  const main = targets.split("\n").find((line) => /\/debian\/? \w+$/.test(line));
  if (!main) throw new Error("this machine's apt sources name no Debian mirror; run: apt-get update");
  return main.split(" ")[0]!;
}

if (import.meta.main) console.log(kubectlPath());
