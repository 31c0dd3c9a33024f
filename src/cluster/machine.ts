import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { Fault } from "../lib/fault.ts";

/** A Debian package and how to see that what it brings is there already, whoever brought it. */
interface Requirement {
  readonly package: string;
  readonly purpose: string;
  readonly present: (environment: Environment) => boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const systemFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The full path of a program, looked for in `$PATH` and the system's folders. */
export function findProgram(name: string, environment: Environment): string | undefined {
  const folders = [...(environment.PATH ?? "").split(delimiter).filter((folder) => folder !== ""), ...systemFolders];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const program = (name: string) => (environment: Environment) => findProgram(name, environment) !== undefined;

/** Folders where CNI plugins are kept: Debian's, then upstream's. */
export const cniFolders = ["/usr/lib/cni", "/opt/cni/bin"];

/** The folder with the CNI plugins that pods need. */
export function findCniPlugins(): string | undefined {
  return cniFolders.find((folder) =>
    ["bridge", "host-local", "loopback"].every((name) => isExecutable(join(folder, name))),
  );
}

const requirements: readonly Requirement[] = [
  { package: "containerd", purpose: "runs containers", present: program("containerd") },
  { package: "runc", purpose: "starts a container's process", present: program("runc") },
  {
    package: "containernetworking-plugins",
    purpose: "connects pods to the network",
    present: () => findCniPlugins() !== undefined,
  },
  { package: "nftables", purpose: "services and policies in the kernel", present: program("nft") },
  { package: "iproute2", purpose: "interfaces and routes", present: program("ip") },
  { package: "conntrack", purpose: "forgets connections of pods that are gone", present: program("conntrack") },
  { package: "busybox-static", purpose: "the image of small tools", present: program("busybox") },
];

/** One thing that stands in the way, and how a person gets past it. */
export interface Obstacle {
  readonly what: string;
  readonly mend: string;
}

export interface MachineReport {
  /** Nothing can start before these are gone. */
  readonly obstacles: readonly Obstacle[];
  /** Debian packages to be installed. */
  readonly missing: readonly { readonly package: string; readonly purpose: string }[];
}

export interface MachineNeeds {
  readonly dataDir: string;
  /** TCP ports on 127.0.0.1 that must be free. */
  readonly ports: readonly { readonly port: number; readonly purpose: string; readonly flag: string }[];
  /** False for simulated nodes: then neither root nor packages are needed. */
  readonly containers: boolean;
}

const minimumFreeBytes = 200 * 1024 * 1024;

/** Looks at the machine and changes nothing. */
export async function inspectMachine(needs: MachineNeeds, environment: Environment): Promise<MachineReport> {
  const obstacles: Obstacle[] = [];
  const missing = needs.containers ? requirements.filter((requirement) => !requirement.present(environment)) : [];
  if (needs.containers) obstacles.push(...containerObstacles(missing.length > 0, environment));
  for (const { port, purpose, flag } of needs.ports) {
    if (!(await portFree(port))) {
      obstacles.push({
        what: `port ${port} (${purpose}) is in use by another process`,
        mend: `stop that process (see it with: ss -ltnp 'sport = :${port}'), or choose another port with ${flag}`,
      });
    }
  }
  const free = freeBytes(needs.dataDir);
  if (free !== undefined && free < minimumFreeBytes) {
    obstacles.push({
      what: `only ${Math.floor(free / 1024 / 1024)} MiB are free where ${needs.dataDir} is kept`,
      mend: `free at least ${minimumFreeBytes / 1024 / 1024} MiB, or choose another place with --data-dir`,
    });
  }
  return { obstacles, missing: missing.map(({ package: name, purpose }) => ({ package: name, purpose })) };
}

function containerObstacles(installs: boolean, environment: Environment): readonly Obstacle[] {
  const simulated = "or try the control plane alone, without real containers: navarch up --runtime simulated";
  if (process.platform !== "linux") {
    return [
      {
        what: `real containers need Linux, and this is ${process.platform}`,
        mend: `use a Linux machine or virtual machine, ${simulated}`,
      },
    ];
  }
  const obstacles: Obstacle[] = [];
  if (process.getuid?.() !== 0) {
    obstacles.push({
      what: "real containers need root, and this is another user",
      mend: `run it with sudo, ${simulated}`,
    });
  }
  if (installs && !findProgram("apt-get", environment)) {
    const names = requirements
      .filter((requirement) => !requirement.present(environment))
      .map((requirement) => requirement.package);
    obstacles.push({
      what: `these programs are missing and there is no apt-get to install them: ${names.join(", ")}`,
      mend: `install them with this system's package manager, ${simulated}`,
    });
  }
  const filesystems = readFileSync("/proc/filesystems", "utf8");
  if (!/\boverlay\b/.test(filesystems)) {
    obstacles.push({ what: "the kernel has no overlay file system", mend: "load it with: modprobe overlay" });
  }
  if (!existsSync("/sys/fs/cgroup")) {
    obstacles.push({
      what: "no cgroup file system is mounted",
      mend: "mount one at /sys/fs/cgroup, as every Linux distribution does at start",
    });
  }
  return obstacles;
}

function portFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

function freeBytes(path: string): number | undefined {
  let folder = path;
  while (!existsSync(folder)) {
    if (dirname(folder) === folder) return undefined;
    folder = dirname(folder);
  }
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/**
 * Installs Debian packages without removing any. `progress` gets apt's lines. Throws `unavailable` with apt's last words
 * when it fails.
 */
export async function installPackages(
  names: readonly string[],
  environment: Environment,
  progress: (line: string) => void,
): Promise<void> {
  const apt = findProgram("apt-get", environment) ?? "apt-get";
  const settings = { ...environment, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const install = ["install", "-y", "--no-remove", "--no-install-recommends", ...names];
  if ((await run(apt, install, settings, progress)).code === 0) return;
  // A machine that was just set up may have no package lists yet.
  await run(apt, ["update"], settings, progress);
  const { code, last } = await run(apt, install, settings, progress);
  if (code !== 0) {
    throw new Fault(
      "unavailable",
      `apt-get could not install ${names.join(", ")} (${last}); run it by hand to see why: apt-get install --no-remove ${names.join(" ")}`,
    );
  }
}

function run(
  command: string,
  args: readonly string[],
  environment: Environment,
  progress: (line: string) => void,
): Promise<{ readonly code: number; readonly last: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let last = "";
    let rest = "";
    const lines = (chunk: Buffer) => {
      const parts = (rest + chunk.toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        if (line.trim() === "") continue;
        last = line.trim();
        progress(last);
      }
    };
    child.stdout.on("data", lines);
    child.stderr.on("data", lines);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, last }));
  });
}
