import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildAll, loadAll } from "../images/catalogue.ts";
import type { ClusterConfig } from "./config.ts";
import { exampleFolder } from "./example.ts";
import { containerdAddress } from "./images.ts";
import { localNodes } from "./local-nodes.ts";

/** Builds an example's images where no registry gives them, and brings them into the containerd of each node here. */
export async function loadExampleImages(
  config: ClusterConfig,
  example: string,
  options: { readonly cacheDir: string; readonly note: (text: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const { cacheDir, note, signal } = options;
  const folder = join(exampleFolder(example), "images");
  if (!existsSync(folder)) return;
  const built = await buildAll([folder], {
    cacheDir,
    signal,
    onProgress: ({ image, step, detail }) => note(`${image}: ${step} ${detail}`),
  });
  await Promise.all(localNodes(config).map((node) => loadAll(built, { address: containerdAddress(node) })));
  note(built.map(({ name }) => name).join(" "));
}
