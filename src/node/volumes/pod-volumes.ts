import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PersistentVolume, Pod, Volume } from "../../api/generated/core-v1.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault, faultCode } from "../../lib/fault.ts";
import type { ReadyVolume } from "../pods/container-config.ts";
import type { Volumes } from "../pods/pod-services.ts";
import { unmountBelow } from "../runtime/mounts.ts";
import type { ClaimedVolume } from "../server/volume-figures.ts";
import { writeAtomically } from "./atomic-files.ts";
import { type ContentSources, contentsOf } from "./contents.ts";
import { hostPath } from "./host-path.ts";
import { memorySizeOf } from "./memory-size.ts";
import { giveToGroup } from "./ownership.ts";
import { subPath } from "./sub-path.ts";

const execute = promisify(execFile);

export interface PodVolumesOptions {
  /** Each pod has a folder here: `<uid>/volumes/<plugin>/<name>`. */
  readonly folder: string;
  /** One tmpfs for everything that must not come onto a disk: secrets, tokens, projected and downward API volumes. */
  readonly memoryFolder: string;
  /** `fresh` asks for what is in the API now; otherwise a look of some seconds ago will do. */
  readonly sources: (pod: Pod, options: { readonly fresh: boolean }) => ContentSources;
  /** The volume that a claim of the pod's namespace is bound to. Throws Fault `missing` while there is none. */
  readonly claimed: (pod: Pod, claim: string) => Promise<PersistentVolume>;
  readonly clock: Clock;
  /** Makes nothing, only looks whether everything is there: for containers that have no files. */
  readonly dry?: boolean;
}

/** emptyDir, hostPath, configMap, secret, downwardAPI, projected, image and claimed volumes. Secrets and tokens lie in memory only. */
export class PodVolumes implements Volumes {
  readonly #options: PodVolumesOptions;
  #memory: Promise<void> | undefined;
  /** Where claimed volumes are, by pod and name. */
  readonly #claims = new Map<string, Map<string, ClaimedVolume>>();

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
    for (const volume of pod.spec.volumes ?? [])
      if (isContent(volume)) await this.#content(pod, volume, { fresh: false });
  }

  async unmount(uid: string): Promise<void> {
    this.#claims.delete(uid);
    const { folder, memoryFolder } = this.#options;
    const volumes = join(folder, uid, "volumes");
    if (existsSync(volumes)) {
      await unmountBelow(volumes);
      rmSync(volumes, { recursive: true, force: true });
    }
    rmSync(join(memoryFolder, uid), { recursive: true, force: true });
  }

  /** Unmounts what is mounted for any pod; what lies on disk stays. */
  async detachAll(): Promise<void> {
    await unmountBelow(this.#options.folder);
    await unmountBelow(this.#options.memoryFolder);
    this.#memory = undefined;
  }

  async list(): Promise<readonly string[]> {
    const { folder, memoryFolder } = this.#options;
    return [...new Set([folder, memoryFolder].flatMap((place) => (existsSync(place) ? readdirSync(place) : [])))];
  }

  subPath(volume: ReadyVolume, path: string): string {
    return subPath(volume, path);
  }

  async claims(pod: Pod): Promise<readonly ClaimedVolume[]> {
    if (this.#options.dry) return [];
    const found = await Promise.all(
      (pod.spec.volumes ?? []).map(async ({ name, persistentVolumeClaim, ephemeral }) => {
        if (!persistentVolumeClaim && !ephemeral) return undefined;
        const known = this.#claims.get(pod.metadata.uid)?.get(name);
        if (known) return known;
        const claim = persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${name}`;
        const volume = await this.#options.claimed(pod, claim).catch(() => undefined);
        const path = volume?.spec.local?.path ?? volume?.spec.hostPath?.path;
        return path ? this.#remember(pod, { name, claim, path }) : undefined;
      }),
    );
    return found.filter((each) => each !== undefined);
  }

  #remember(pod: Pod, volume: ClaimedVolume): ClaimedVolume {
    const { uid } = pod.metadata;
    const own = this.#claims.get(uid) ?? new Map<string, ClaimedVolume>();
    this.#claims.set(uid, own.set(volume.name, volume));
    return volume;
  }

  async #ready(pod: Pod, volume: Volume): Promise<ReadyVolume> {
    const { name, hostPath: source, persistentVolumeClaim: claim } = volume;
    if (this.#options.dry && (source || volume.emptyDir)) return { path: this.#options.folder, readonly: false };
    if (source) return { path: hostPath(source, name), readonly: false };
    if (volume.emptyDir) return { path: await this.#emptyDir(pod, volume), readonly: false };
    if (isContent(volume)) return { path: await this.#content(pod, volume, { fresh: true }), readonly: true };
    if (volume.image) return { path: "", readonly: true, image: volume.image.reference ?? "" };
    if (claim) return await this.#claim(pod, volume, claim.claimName, claim.readOnly ?? false);
    if (volume.ephemeral) return await this.#claim(pod, volume, `${pod.metadata.name}-${name}`, false);
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "nothing";
    throw setUpFault("unsupported", name, `volumes of type ${kind} are not supported on this node`);
  }

  #folder(pod: Pod, plugin: string, name: string): string {
    return join(this.#options.folder, pod.metadata.uid, "volumes", `kubernetes.io~${plugin}`, name);
  }

  async #emptyDir(pod: Pod, volume: Volume): Promise<string> {
    const { name, emptyDir } = volume;
    const path = this.#folder(pod, "empty-dir", name);
    const { medium } = emptyDir ?? {};
    if (medium && medium !== "Memory")
      throw setUpFault("unsupported", name, `medium ${medium} is not supported on this node`);
    const { allocatable } = this.#options.sources(pod, { fresh: false });
    const size = memorySizeOf(pod, volume, allocatable.memory);
    const fresh = medium === "Memory" ? await mountTmpfs(path, size) : !existsSync(path);
    mkdirSync(path, { recursive: true });
    if (fresh) {
      chmodSync(path, 0o777);
      giveToGroup(path, pod.spec.securityContext);
    }
    return path;
  }

  async #claim(pod: Pod, { name }: Volume, claim: string, readonly: boolean): Promise<ReadyVolume> {
    const volume = await this.#options.claimed(pod, claim);
    const { hostPath: ofHost, local, volumeMode } = volume.spec;
    if (volumeMode === "Block") throw setUpFault("unsupported", name, "block volumes are not supported on this node");
    if (this.#options.dry) return { path: this.#options.folder, readonly };
    if (ofHost) return { path: hostPath(ofHost, name), readonly };
    if (!local) {
      const kinds = Object.keys(volume.spec).filter((key) =>
        /^(csi|nfs|iscsi|fc|rbd|cephfs|cinder|flexVolume)$/.test(key),
      );
      throw setUpFault(
        "unsupported",
        volume.metadata.name,
        `${kinds[0] ?? "its kind of volume"} is not supported on this node`,
      );
    }
    if (!existsSync(local.path))
      throw setUpFault("missing", volume.metadata.name, `path "${local.path}" does not exist`);
    if (!readonly) giveToGroup(local.path, pod.spec.securityContext);
    return { path: local.path, readonly };
  }

  async #content(pod: Pod, volume: Volume, options: { readonly fresh: boolean }): Promise<string> {
    const { sources, clock, memoryFolder, dry } = this.#options;
    let files: Awaited<ReturnType<typeof contentsOf>>;
    try {
      files = await contentsOf(pod, volume, sources(pod, options));
    } catch (error) {
      const code = faultCode(error);
      throw code === "missing" || code === "invalid" ? setUpFault(code, volume.name, errorMessage(error)) : error;
    }
    if (dry) return memoryFolder;
    const plugin = Object.keys(volume)
      .find((key) => key !== "name")!
      .toLowerCase();
    const inMemory = !volume.configMap;
    if (inMemory) await this.#mountMemory();
    const path = inMemory
      ? join(memoryFolder, pod.metadata.uid, plugin, volume.name)
      : this.#folder(pod, plugin, volume.name);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    const group = pod.spec.securityContext?.fsGroup;
    const shared = [...(files ?? [])].map(([name, file]) => [name, { ...file, mode: file.mode | 0o440 }] as const);
    writeAtomically(path, group === undefined ? files! : new Map(shared), {
      ...(group === undefined ? {} : { group }),
      now: clock.now(),
    });
    return path;
  }

  /** One mount for the whole node: a mount per volume would be two processes more per pod. */
  async #mountMemory(): Promise<void> {
    this.#memory ??= mountTmpfs(this.#options.memoryFolder).then(() => {});
    try {
      await this.#memory;
    } catch (error) {
      this.#memory = undefined;
      throw error;
    }
  }
}

function setUpFault(code: "missing" | "unsupported" | "invalid", volume: string, what: string): Fault {
  return new Fault(code, `MountVolume.SetUp failed for volume "${volume}" : ${what}`);
}

function isContent({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return Boolean(configMap ?? secret ?? downwardAPI ?? projected);
}

/** Mounts a file system in memory, unless there is one; says whether it had to. */
async function mountTmpfs(path: string, size?: number): Promise<boolean> {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  // A folder with a file system of its own has another device than its parent.
  if (statSync(path).dev !== statSync(join(path, "..")).dev) return false;
  const options = ["mode=0755", ...(size === undefined ? [] : [`size=${size}`])];
  await execute("mount", ["-t", "tmpfs", "-o", options.join(","), "tmpfs", path]);
  return true;
}
