import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve, sep } from "node:path";
import { promisify } from "node:util";
import type { HostPathVolumeSource, Pod, Volume } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { quantityValue } from "../../machinery/quantity.ts";
import type { ReadyVolume } from "../pods/container-config.ts";
import type { Volumes } from "../pods/pod-services.ts";
import { writeAtomically } from "./atomic-files.ts";
import { type ContentSources, contentsOf } from "./contents.ts";

const execute = promisify(execFile);

export interface PodVolumesOptions {
  /** Each pod has a folder here: `<uid>/volumes/<plugin>/<name>`. */
  readonly folder: string;
  readonly sources: (pod: Pod) => ContentSources;
  readonly clock: Clock;
}

/** emptyDir, hostPath, configMap, secret, downwardAPI and projected volumes. Secrets and tokens lie on tmpfs only. */
export class PodVolumes implements Volumes {
  readonly #options: PodVolumesOptions;

  constructor(options: PodVolumesOptions) {
    this.#options = options;
  }

  async mount(pod: Pod): Promise<ReadonlyMap<string, ReadyVolume>> {
    const ready = await Promise.all(
      (pod.spec.volumes ?? []).map(async (volume) => [volume.name, await this.#ready(pod, volume)] as const),
    );
    return new Map(ready);
  }

  async refresh(pod: Pod): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) if (isContent(volume)) await this.#ready(pod, volume);
  }

  async unmount(uid: string): Promise<void> {
    const folder = join(this.#options.folder, uid);
    await detach(folder);
    rmSync(join(folder, "volumes"), { recursive: true, force: true });
  }

  /** Unmounts what is mounted for any pod; what lies on disk stays. */
  async detachAll(): Promise<void> {
    await detach(this.#options.folder);
  }

  async list(): Promise<readonly string[]> {
    const { folder } = this.#options;
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  subPath(volume: ReadyVolume, path: string): string {
    const target = resolve(volume.path, path);
    const root = realpathSync(volume.path);
    if (target !== volume.path && !target.startsWith(volume.path + sep)) {
      throw new Fault("invalid", `subPath ${path} must not leave its volume`);
    }
    if (!existsSync(target) && !volume.readonly) {
      mkdirSync(target, { recursive: true, mode: 0o750 });
      chmodSync(target, statSync(volume.path).mode & 0o7777);
    }
    if (!existsSync(target)) throw new Fault("invalid", `subPath ${path} is not in its volume`);
    // A link inside the volume may point anywhere: what counts is where it ends.
    const real = realpathSync(target);
    if (real !== root && !real.startsWith(root + sep))
      throw new Fault("invalid", `subPath ${path} must not leave its volume`);
    return real;
  }

  async #ready(pod: Pod, volume: Volume): Promise<ReadyVolume> {
    if (volume.hostPath) return { path: hostPath(volume.hostPath), readonly: false };
    if (volume.emptyDir) return { path: await this.#emptyDir(pod, volume), readonly: false };
    if (isContent(volume)) return { path: await this.#content(pod, volume), readonly: true };
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "nothing";
    throw new Fault(
      "unsupported",
      `MountVolume.SetUp failed for volume "${volume.name}" : volumes of type ${kind} are not supported on this node`,
    );
  }

  #folder(pod: Pod, plugin: string, name: string): string {
    return join(this.#options.folder, pod.metadata.uid, "volumes", `kubernetes.io~${plugin}`, name);
  }

  async #emptyDir(pod: Pod, volume: Volume): Promise<string> {
    const path = this.#folder(pod, "empty-dir", volume.name);
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    const fresh = !existsSync(path);
    if (medium === "Memory") await mountTmpfs(path, sizeLimit ? quantityValue(sizeLimit) : undefined);
    else if (medium)
      throw new Fault(
        "unsupported",
        `MountVolume.SetUp failed for volume "${volume.name}" : medium ${medium} is not supported on this node`,
      );
    else mkdirSync(path, { recursive: true, mode: 0o777 });
    if (fresh) {
      chmodSync(path, 0o777);
      giveToGroup(path, pod);
    }
    return path;
  }

  async #content(pod: Pod, volume: Volume): Promise<string> {
    const plugin = volume.configMap
      ? "configmap"
      : volume.secret
        ? "secret"
        : volume.downwardAPI
          ? "downward-api"
          : "projected";
    const path = this.#folder(pod, plugin, volume.name);
    let files: Awaited<ReturnType<typeof contentsOf>>;
    try {
      files = await contentsOf(pod, volume, this.#options.sources(pod));
    } catch (error) {
      if (error instanceof Fault && error.code === "missing")
        throw new Fault("missing", `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`);
      throw error;
    }
    if (volume.configMap) mkdirSync(path, { recursive: true, mode: 0o755 });
    else await mountTmpfs(path, undefined);
    const group = pod.spec.securityContext?.fsGroup;
    const written =
      group === undefined
        ? files!
        : new Map([...files!].map(([name, file]) => [name, { ...file, mode: file.mode | 0o040 }]));
    writeAtomically(path, written, { ...(group === undefined ? {} : { group }), now: this.#options.clock.now() });
    return path;
  }
}

function isContent({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return Boolean(configMap ?? secret ?? downwardAPI ?? projected);
}

function giveToGroup(path: string, pod: Pod): void {
  const group = pod.spec.securityContext?.fsGroup;
  if (group === undefined) return;
  chownSync(path, -1, group);
  chmodSync(path, 0o2777);
}

async function mountTmpfs(path: string, bytes: number | undefined): Promise<void> {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  if (isMounted(path)) return;
  const size = bytes === undefined ? [] : ["-o", `size=${bytes}`];
  await execute("mount", ["-t", "tmpfs", ...size, "tmpfs", path]);
}

/** A folder with a file system of its own has another device than its parent. */
function isMounted(path: string): boolean {
  return statSync(path).dev !== statSync(join(path, "..")).dev;
}

async function detach(folder: string): Promise<void> {
  // The newest first: a mount may stand on another.
  for (const path of [...mountsBelow(folder)].reverse()) await execute("umount", [path]);
}

function mountsBelow(folder: string): readonly string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) =>
      (line.split(" ")[1] ?? "").replace(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((path) => path.startsWith(`${folder}/`));
}

/** A path of the node; what its `type` asks for is checked, or made. */
function hostPath({ path, type }: HostPathVolumeSource): string {
  const there = existsSync(path) ? statSync(path) : undefined;
  const fail = (what: string): never => {
    throw new Fault("missing", `MountVolume.SetUp failed : hostPath type check failed: ${path} is not ${what}`);
  };
  switch (type ?? "") {
    case "DirectoryOrCreate":
      if (!there) mkdirSync(path, { recursive: true, mode: 0o755 });
      else if (!there.isDirectory()) fail("a directory");
      break;
    case "Directory":
      if (!there?.isDirectory()) fail("a directory");
      break;
    case "FileOrCreate":
      if (!there) writeFileSync(path, "", { mode: 0o644 });
      else if (!there.isFile()) fail("a file");
      break;
    case "File":
      if (!there?.isFile()) fail("a file");
      break;
    case "Socket":
      if (!there?.isSocket()) fail("a socket file");
      break;
    case "CharDevice":
      if (!there?.isCharacterDevice()) fail("a character device");
      break;
    case "BlockDevice":
      if (!there?.isBlockDevice()) fail("a block device");
      break;
    default:
      // Without a type nothing is checked; a missing one is made as a directory, as container runtimes do.
      if (!there && !lexists(path)) mkdirSync(path, { recursive: true, mode: 0o755 });
  }
  return path;
}

function lexists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
