import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import { type BuildOptions, type BuiltImage, buildImage } from "./build.ts";
import { type ImageSpec, readImageSpec } from "./image-spec.ts";
import { type ContainerdTarget, importImage, missingImages } from "./import.ts";

/** The image specifications among the given files and directly in the given folders (`*.yaml`, `*.yml`), by image name. */
export async function readImageSpecs(places: readonly string[]): Promise<readonly ImageSpec[]> {
  const specs = new Map<string, ImageSpec>();
  for (const place of places) {
    for (const file of await specFiles(place)) {
      const spec = await readImageSpec(file);
      if (specs.has(spec.name)) throw new Fault("invalid", `${file}: another specification makes ${spec.name} already`);
      specs.set(spec.name, spec);
    }
  }
  return [...specs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Builds every image of the given files and folders, one after the other so that they share layers. The first that fails is named by its Fault. */
export async function buildAll(places: readonly string[], options: BuildOptions): Promise<readonly BuiltImage[]> {
  const built: BuiltImage[] = [];
  for (const spec of await readImageSpecs(places)) {
    try {
      built.push(await buildImage(spec, options));
    } catch (cause) {
      throw new Fault(faultCode(cause) ?? "internal", `cannot build ${spec.name}: ${errorMessage(cause)}`, { cause });
    }
  }
  return built;
}

/** Brings images into a containerd that does not hold them yet; says of each whether it had to be imported. */
export async function loadAll(
  images: readonly BuiltImage[],
  target: ContainerdTarget,
  onProgress?: (image: BuiltImage, imported: boolean) => void,
): Promise<void> {
  const missing = await missingImages(target, images);
  for (const image of images) {
    const imported = missing.includes(image);
    if (imported) await importImage(target, image.path);
    onProgress?.(image, imported);
  }
}

async function specFiles(place: string): Promise<readonly string[]> {
  const info = await stat(place).catch((cause: unknown) => {
    throw new Fault("missing", `cannot read ${place}: ${errorMessage(cause)}`, { cause });
  });
  if (!info.isDirectory()) return [place];
  const names = (await readdir(place)).filter((name) => /\.ya?ml$/.test(name)).sort();
  if (names.length === 0) throw new Fault("missing", `there is no image specification (*.yaml) in ${place}`);
  return names.map((name) => join(place, name));
}
