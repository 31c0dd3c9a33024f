import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Fault } from "../../lib/fault.ts";
import type { RegistryAuth } from "../runtime/runtime.ts";
import { repositoryOf } from "./image-credentials.ts";

/** Who may use an image of one repository: everyone, or who has one of these credentials (their hashes). */
interface Access {
  readonly everyone?: boolean;
  readonly credentials?: readonly string[];
}

interface Kept {
  /** Images whose pull with credentials has begun and not ended. */
  readonly pulling: readonly string[];
  /** By the image's id, then by repository. */
  readonly pulled: Readonly<Record<string, Readonly<Record<string, Access>>>>;
}

/** Which images that are on the node a pod must show that it may fetch (as upstream); a name in the list may end in `/*`. */
export type Verification =
  | { readonly policy: "NeverVerify" | "NeverVerifyPreloadedImages" | "AlwaysVerify" }
  | { readonly policy: "NeverVerifyAllowlistedImages"; readonly allowed: readonly string[] };

export interface ImageAccessOptions {
  /** Where it is kept, hashes only; for this process alone if absent. */
  readonly file?: string;
  /** Upstream's if absent: images that came by no pull are for everyone. */
  readonly verification?: Verification;
}

const nothing: Kept = { pulling: [], pulled: {} };

/**
 * Remembers which credentials an image was pulled with, so that a pod without them does not use it only because another pod's
 * made it come to the node (KEP-2535). Images that were on the node before, or were brought there by hand, are for everyone.
 */
export class ImageAccess {
  readonly #file: string | undefined;
  readonly #verification: Verification;
  #kept: Kept;
  /** Images that came since the last look: who looked may have begun before. */
  readonly #fresh = new Set<string>();

  constructor({ file, verification = { policy: "NeverVerifyPreloadedImages" } }: ImageAccessOptions = {}) {
    this.#file = file;
    this.#verification = verification;
    this.#kept = file === undefined ? nothing : keptIn(file);
  }

  /** A pull with credentials begins. */
  begun(image: string): void {
    if (!this.#kept.pulling.includes(image)) this.#keep({ ...this.#kept, pulling: [...this.#kept.pulling, image] });
  }

  /** A pull with credentials came to nothing. */
  failed(image: string): void {
    this.#keep(this.#without(image));
  }

  /** An image came, with these credentials or without any. */
  pulled(image: string, id: string, auth: RegistryAuth | undefined): void {
    this.#fresh.add(id);
    const { pulling, pulled } = this.#without(image);
    const repository = repositoryOf(image);
    const before = pulled[id]?.[repository];
    const credentials = new Set([...(before?.credentials ?? []), ...(auth ? [hashOf(auth)] : [])]);
    const access = before?.everyone || !auth ? { everyone: true } : { credentials: [...credentials] };
    this.#keep({ pulling, pulled: { ...pulled, [id]: { ...pulled[id], [repository]: access } } });
  }

  /** Everyone may use an image that is on the node. */
  isOpen(image: string, id: string): boolean {
    const known = this.#kept.pulled[id];
    if (known?.[repositoryOf(image)]?.everyone) return true;
    const verification = this.#verification;
    switch (verification.policy) {
      case "NeverVerify":
        return true;
      case "AlwaysVerify":
        return false;
      case "NeverVerifyPreloadedImages":
        return !known && !this.#kept.pulling.includes(image);
      case "NeverVerifyAllowlistedImages":
        return (
          !known && !this.#kept.pulling.includes(image) && verification.allowed.some((name) => covers(name, image))
        );
    }
  }

  /** Who has these credentials may use an image that is on the node. */
  mayUse(image: string, id: string, credentials: readonly RegistryAuth[]): boolean {
    if (this.isOpen(image, id)) return true;
    const known = this.#kept.pulled[id]?.[repositoryOf(image)]?.credentials ?? [];
    return credentials.some((auth) => known.includes(hashOf(auth)));
  }

  /** Forgets images that are not on the node any more. */
  keepOnly(ids: ReadonlySet<string>): void {
    const { pulling, pulled } = this.#kept;
    const left = Object.entries(pulled).filter(([id]) => ids.has(id) || this.#fresh.has(id));
    this.#fresh.clear();
    if (left.length < Object.keys(pulled).length) this.#keep({ pulling, pulled: Object.fromEntries(left) });
  }

  #without(image: string): Kept {
    const { pulling, pulled } = this.#kept;
    return { pulling: pulling.filter((each) => each !== image), pulled };
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    if (this.#file === undefined) return;
    writeFileSync(`${this.#file}.new`, JSON.stringify(kept), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function covers(pattern: string, image: string): boolean {
  const repository = repositoryOf(image);
  return pattern.endsWith("/*") ? repository.startsWith(pattern.slice(0, -1)) : repository === repositoryOf(pattern);
}

/** Throws Fault `corrupt`: taken for nothing, a damaged file would give everyone what was pulled with somebody's password. */
function keptIn(file: string): Kept {
  if (!existsSync(file)) return nothing;
  try {
    const { pulling = [], pulled = {} } = JSON.parse(readFileSync(file, "utf8")) as Partial<Kept>;
    return { pulling, pulled };
  } catch (cause) {
    const mend = "remove it, and whatever image is on the node is for everyone";
    throw new Fault("corrupt", `${file} does not say any more who may use which image: ${mend}`, { cause });
  }
}

/** The address counts too: a password may be good at one place only. */
function hashOf(auth: RegistryAuth): string {
  const { serverAddress, username, password, auth: joined, identityToken } = auth;
  const text = JSON.stringify([serverAddress, username, password, joined, identityToken]);
  return createHash("sha256").update(text).digest("hex");
}
