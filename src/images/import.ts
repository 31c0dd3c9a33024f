import { Fault } from "../lib/fault.ts";
import type { BuiltImage } from "./build.ts";
import { type RunCommand, runCommand } from "./command.ts";

/** A containerd to import into. */
export interface ContainerdTarget {
  /** The path of containerd's socket. */
  readonly address: string;
  /** Containerd's own namespace; Kubernetes' is `k8s.io`. */
  readonly namespace?: string;
  /** The snapshotter to unpack for; containerd's default without it. */
  readonly snapshotter?: string;
  readonly signal?: AbortSignal;
  readonly run?: RunCommand;
}

/** Imports and unpacks every image of an archive, and resolves to their names. CRI sees them at once in the namespace `k8s.io`. */
export async function importImage(target: ContainerdTarget, archive: string): Promise<readonly string[]> {
  const snapshotter = target.snapshotter ? ["--snapshotter", target.snapshotter] : [];
  const said = await ctr(target, ["images", "import", "--digests=false", ...snapshotter, archive]);
  const names = [...said.matchAll(/^unpacking (\S+) /gm)].map((match) => match[1]!);
  if (names.length === 0) throw new Fault("corrupt", `${archive} holds no image for this machine`);
  return names;
}

/** The names of the images that this containerd holds, with the digests of their manifests. */
export async function importedImages(target: ContainerdTarget): Promise<ReadonlyMap<string, string>> {
  const table = await ctr(target, ["images", "list"]);
  const rows = table.trim().split("\n").slice(1);
  return new Map(
    rows.flatMap((row) => {
      const [name, , digest] = row.split(/\s+/);
      return name && digest ? [[name, digest] as const] : [];
    }),
  );
}

/** Imports an image only if containerd does not hold this very one under all its names yet; resolves to whether it was imported. */
export async function ensureImported(target: ContainerdTarget, image: ImportableImage): Promise<boolean> {
  const [missing] = await missingImages(target, [image]);
  if (missing) await importImage(target, image.path);
  return missing !== undefined;
}

/** What importing needs to know of a built image. */
export type ImportableImage = Pick<BuiltImage, "name" | "aliases" | "digest" | "path">;

/** Those images that containerd does not hold under all their names. */
export async function missingImages<T extends ImportableImage>(
  target: ContainerdTarget,
  images: readonly T[],
): Promise<readonly T[]> {
  const present = await importedImages(target);
  return images.filter((image) => ![image.name, ...image.aliases].every((name) => present.get(name) === image.digest));
}

async function ctr(target: ContainerdTarget, args: readonly string[]): Promise<string> {
  const run = target.run ?? runCommand;
  return await run("ctr", ["--address", target.address, "--namespace", target.namespace ?? "k8s.io", ...args], {
    signal: target.signal,
  });
}
