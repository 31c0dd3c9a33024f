import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";
import type { RunCommand } from "./command.ts";
import { folderEntries } from "./folder-source.ts";
import { fileEntry, type LayerEntry, mergeUsr } from "./layer-entry.ts";

/** One package at one version, as Debian's index describes it. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The size of the .deb file in bytes. */
  readonly size: number;
  /** Each inner list is one dependency: any of its names will do. */
  readonly depends: readonly (readonly string[])[];
  readonly provides: readonly string[];
  /** The index' own words, for tools that ask an image what is installed. */
  readonly record: string;
}

/** What a set of packages is made with: the machine's apt, in a folder of its own. */
export interface DebianOptions {
  /** Downloads and apt's state are kept here. */
  readonly folder: string;
  /** Which package lists to believe: the machine's as they are, or our own, fetched anew. */
  readonly lists: "machine" | "own";
  readonly run: RunCommand;
  readonly signal?: AbortSignal;
}

/*
 * Packages that others depend on only for their installation scripts, which are never run here: users, alternatives,
 * services and configuration questions are the image specification's business.
 */
const installationOnly: readonly string[] = [
  "adduser",
  "debconf",
  "debianutils",
  "dpkg",
  "gcc-12-base",
  "init-system-helpers",
  "lsb-base",
  "passwd",
  "perl",
  "perl-base",
  "sysvinit-utils",
  "ucf",
  "usrmerge",
];

/** The packages that programs of the named ones need at run time, sorted by name. */
export async function resolvePackages(
  names: readonly string[],
  without: readonly string[],
  options: DebianOptions,
): Promise<DebianPackage[]> {
  const apt = await aptArguments(options);
  if (options.lists === "own") await options.run("apt-get", ["update", "-q", ...apt], { signal: options.signal });
  // Against an empty status file, apt answers with everything that a bare root would need.
  const plan = ["install", "--yes", "--simulate", "--no-install-recommends", ...apt, ...names];
  const simulated = await options.run("apt-get", plan, { signal: options.signal });
  const versions = [...simulated.matchAll(/^Inst (\S+) \((\S+) /gm)].map((match) => `${match[1]}=${match[2]}`);
  const shown = await options.run("apt-cache", ["show", ...apt, ...versions], { signal: options.signal });
  return neededPackages(names, parsePackages(shown), new Set([...installationOnly, ...without]));
}

/** Reads stanzas of Debian's package index; of one package at one version, the first counts. */
export function parsePackages(stanzas: string): DebianPackage[] {
  const packages = new Map<string, DebianPackage>();
  for (const record of stanzas.split(/\n{2,}/)) {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(record)?.[1] ?? "";
    const name = field("Package");
    if (name === "" || packages.has(name)) continue;
    packages.set(name, {
      name,
      version: field("Version"),
      architecture: field("Architecture"),
      size: Number(field("Size")),
      depends: [field("Pre-Depends"), field("Depends")].flatMap(dependencies),
      provides: dependencies(field("Provides")).flat(),
      record: record.trim(),
    });
  }
  return [...packages.values()];
}

function dependencies(field: string): string[][] {
  return field
    .split(",")
    .map((group) => group.split("|").map((name) => name.trim().replace(/[\s:(].*$/, "")))
    .filter((group) => group[0] !== "");
}

/** Those of `all` that the named packages reach without passing through an unwanted one; naming a package makes it wanted. */
export function neededPackages(
  names: readonly string[],
  all: readonly DebianPackage[],
  unwanted: ReadonlySet<string>,
): DebianPackage[] {
  const providers = new Map<string, DebianPackage>();
  for (const one of all) for (const name of one.provides) providers.set(name, one);
  for (const one of all) providers.set(one.name, one);
  const needed = new Map<string, DebianPackage>();
  const visit = (one: DebianPackage): void => {
    if (needed.has(one.name)) return;
    needed.set(one.name, one);
    for (const alternatives of one.depends) {
      const chosen = alternatives.map((name) => providers.get(name)).find((found) => found !== undefined);
      if (chosen && !unwanted.has(chosen.name)) visit(chosen);
    }
  };
  for (const name of names) {
    const found = providers.get(name);
    if (!found) throw new Fault("missing", `Debian has no package ${name}`);
    visit(found);
  }
  return [...needed.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Fetches the packages that are not here yet and returns their files, in the order given. Apt checks them against Debian's signed index. */
export async function downloadPackages(packages: readonly DebianPackage[], options: DebianOptions): Promise<string[]> {
  const apt = await aptArguments(options);
  const folder = join(options.folder, "debs");
  const fileOf = (one: DebianPackage) =>
    join(folder, `${one.name}_${one.version.replaceAll(":", "%3a")}_${one.architecture}.deb`);
  const missing: DebianPackage[] = [];
  for (const one of packages) {
    const found = await stat(fileOf(one)).catch(() => undefined);
    if (found?.size !== one.size) missing.push(one);
  }
  if (missing.length > 0) {
    const wanted = missing.map((one) => `${one.name}=${one.version}`);
    await options.run("apt-get", ["download", "-q", ...apt, ...wanted], { cwd: folder, signal: options.signal });
  }
  return packages.map(fileOf);
}

/** The layer of the packages, unpacked below `scratch`: programs, libraries and data, without documentation and what only an init system reads. */
export async function packageEntries(
  packages: readonly DebianPackage[],
  files: readonly string[],
  options: DebianOptions & { readonly scratch: string },
): Promise<LayerEntry[]> {
  for (const file of files)
    await options.run("dpkg-deb", ["--extract", file, options.scratch], { signal: options.signal });
  const unpacked = await folderEntries(options.scratch, { skip: isLeftOut });
  const records = packages.map((one) => fileEntry(`/var/lib/dpkg/status.d/${one.name}`, `${one.record}\n`));
  return mergeUsr([...unpacked, ...records]);
}

const leftOut: readonly RegExp[] = [
  /^usr\/share\/(man|info|lintian|locale|bug|bash-completion|zsh|doc-base|menu|applications|icons|pixmaps|gcc)$/,
  // Licences stay: whoever passes an image on must pass them on.
  /^usr\/share\/doc\/[^/]+\/(?!copyright$)/,
  /^usr\/lib\/[^/]+\/gconv$/,
  /^(usr\/)?lib\/(systemd|udev|tmpfiles\.d|sysusers\.d)$/,
  /^etc\/(init\.d|cron\.[a-z]+|logrotate\.d|default|apparmor\.d|ufw)$/,
];

function isLeftOut(path: string): boolean {
  return leftOut.some((pattern) => pattern.test(path));
}

/** Apt as it is set up on the machine, but believing that nothing is installed and leaving the machine's own state alone. */
async function aptArguments(options: DebianOptions): Promise<string[]> {
  const state = join(options.folder, "apt");
  const status = join(state, "status");
  await Promise.all([
    mkdir(join(state, "lists", "partial"), { recursive: true }),
    mkdir(join(state, "cache", "archives", "partial"), { recursive: true }),
    mkdir(join(options.folder, "debs"), { recursive: true }),
  ]);
  await writeFile(status, "");
  return [
    ...["-o", `Dir::State::status=${status}`],
    ...["-o", `Dir::Cache=${join(state, "cache")}`],
    ...["-o", "Debug::NoLocking=1"],
    // The folder may lie where apt's own user cannot read.
    ...["-o", "APT::Sandbox::User=root"],
    ...(options.lists === "own" ? ["-o", `Dir::State::lists=${join(state, "lists")}`] : []),
  ];
}
