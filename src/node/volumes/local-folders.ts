import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../../lib/fault.ts";

const wellFormed = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** The folders of this node that volumes live in, one per PersistentVolume, all in one place. */
export class LocalFolders {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder of a volume, open to whoever its pods run as; returns its path. Throws Fault `invalid` for no name of a volume. */
  async make(volume: string): Promise<string> {
    const path = this.#pathOf(volume);
    await mkdir(this.#root, { recursive: true, mode: 0o711 });
    const made = await mkdir(path, { recursive: true });
    // Later its users may have closed it for others.
    if (made) await chmod(path, 0o777);
    return path;
  }

  /** Removes the folder of a volume with all that is in it, if it is there. */
  async remove(volume: string): Promise<void> {
    await rm(this.#pathOf(volume), { recursive: true, force: true });
  }

  #pathOf(volume: string): string {
    if (!wellFormed.test(volume) || volume.includes("..")) {
      throw new Fault("invalid", `${JSON.stringify(volume)} is no name of a volume`);
    }
    return join(this.#root, volume);
  }
}
