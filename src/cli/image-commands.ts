import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type ClusterConfig, planCluster } from "../cluster/config.ts";
import { containerdAddress, imageCache } from "../cluster/images.ts";
import { localNodes } from "../cluster/local-nodes.ts";
import { type BuiltImage, buildImage, busyboxImage, listBuilt, pauseImage } from "../images/build.ts";
import { buildAll, loadAll, readImageSpecs } from "../images/catalogue.ts";
import { type ContainerdTarget, importedImages, importImage, missingImages } from "../images/import.ts";
import { Fault } from "../lib/fault.ts";
import { alignedTable } from "./flags.ts";

interface ImageFlags {
  readonly name: string;
  readonly refresh?: boolean;
  readonly dryRun?: boolean;
  readonly output?: string;
}

/** `navarch image build|load|ls`. */
export function addImageCommands(program: Command): void {
  const image = program
    .command("image")
    .description("build OCI images without Docker, and bring them into the cluster");

  image
    .command("build")
    .description("build images from specifications (files, or folders of *.yaml)")
    .argument("[places...]", "specifications; none builds the cluster's own pause and busybox images")
    .option("--refresh", "build even if nothing seems to have changed")
    .option("--dry-run", "say which images would be built; change nothing")
    .option("-o, --output <format>", "json for programs")
    .action(async (places: string[], flags: ImageFlags) => {
      if (flags.dryRun) {
        const specs = places.length > 0 ? await readImageSpecs(places) : [pauseImage, busyboxImage];
        for (const { name } of specs) console.log(`${name} would be built into ${imageCache(process.env)}`);
        return;
      }
      const options = {
        cacheDir: imageCache(process.env),
        refresh: flags.refresh ?? false,
        onProgress: ({ image: name, step, detail }: { image: string; step: string; detail: string }) =>
          process.stderr.write(`${name}: ${step} ${detail}\n`),
      };
      const built =
        places.length > 0
          ? await buildAll(places, options)
          : [await buildImage(pauseImage, options), await buildImage(busyboxImage, options)];
      print(built, flags.output);
    });

  image
    .command("load")
    .description("bring built images, or image archives, into a running cluster")
    .argument("<what...>", "names of built images, specifications, or archives (*.tar)")
    .option("--name <cluster>", "the cluster", "navarch")
    .option("--dry-run", "say what would be loaded; change nothing")
    .action(load);

  image
    .command("ls")
    .description("list the images that were built here, or that a running cluster holds")
    .option("--name <cluster>", "list what this cluster holds")
    .option("-o, --output <format>", "json for programs")
    .action(async (flags: { name?: string; output?: string }) => {
      if (!flags.name) return print(await listBuilt({ cacheDir: imageCache(process.env) }), flags.output);
      const [target] = runningContainerds(planCluster({ name: flags.name }, process.env));
      const held = [...(await importedImages(target))].map(([name, digest]) => ({ name, digest }));
      if (flags.output === "json") console.log(JSON.stringify(held, undefined, 2));
      else
        console.log(
          alignedTable([["IMAGE", "DIGEST"], ...held.map(({ name, digest }) => [name, digest.slice(0, 19)])]),
        );
    });
}

/** What is to be loaded: images that were built, specifications to build first, or an archive. */
type Load = { readonly built: BuiltImage } | { readonly place: string } | { readonly archive: string };

async function load(what: readonly string[], { name, dryRun }: ImageFlags): Promise<void> {
  const targets = runningContainerds(planCluster({ name }, process.env));
  const cacheDir = imageCache(process.env);
  const known = await listBuilt({ cacheDir });
  // All are looked for first, so that a slip in the last leaves nothing half done.
  const loads = what.map((each): Load => {
    const built = known.find((candidate) => candidate.name === each || candidate.aliases.includes(each));
    if (built) return { built };
    if (!existsSync(each))
      throw new Fault("missing", `${each} is neither a built image (navarch image ls shows them) nor a file here`);
    return each.endsWith(".tar") ? { archive: each } : { place: each };
  });
  for (const one of loads) {
    if (dryRun) await tell(one, targets[0]);
    else if ("archive" in one) {
      const [names = []] = await Promise.all(targets.map((target) => importImage(target, one.archive)));
      for (const each of names) console.log(`${each} loaded`);
    } else {
      const images = "built" in one ? [one.built] : await buildAll([one.place], { cacheDir });
      // Said of the first node, done on all.
      await Promise.all(targets.map((target, index) => loadAll(images, target, index === 0 ? report : undefined)));
    }
  }
}

async function tell(one: Load, target: ContainerdTarget): Promise<void> {
  if ("archive" in one) console.log(`the images in ${one.archive} would be loaded`);
  else if ("place" in one) {
    for (const { name } of await readImageSpecs([one.place])) console.log(`${name} would be built and loaded`);
  } else {
    const [missing] = await missingImages(target, [one.built]);
    console.log(`${one.built.name} ${missing ? "would be loaded" : "is there already"}`);
  }
}

/** The containerd of each node here. Throws Fault `unavailable` when the cluster does not run. */
function runningContainerds(config: ClusterConfig): readonly [ContainerdTarget, ...ContainerdTarget[]] {
  const [first, ...further] = localNodes(config).map((node) => ({ address: containerdAddress(node) }));
  if (!first || !existsSync(first.address))
    throw new Fault("unavailable", `cluster ${config.name} does not run containers now; start it with: navarch up`);
  return [first, ...further];
}

function report(image: BuiltImage, imported: boolean): void {
  console.log(`${image.name} ${imported ? "loaded" : "was there already"}`);
}

function print(images: readonly BuiltImage[], format: string | undefined): void {
  if (format === "json") console.log(JSON.stringify(images, undefined, 2));
  else {
    const rows = images.map(({ name, digest, size }) => [name, digest.slice(0, 19), `${(size / 1e6).toFixed(1)} MB`]);
    console.log(alignedTable([["IMAGE", "DIGEST", "SIZE"], ...rows]));
  }
}
