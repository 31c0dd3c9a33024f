import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";
import { writeSafely } from "../certificates.ts";
import type { ClusterConfig } from "../config.ts";

/** A cluster's keys and certificates, sealed by a passphrase (scrypt, AES-256-GCM), all in base64. */
export interface KeyChest {
  readonly salt: string;
  readonly nonce: string;
  readonly data: string;
  readonly tag: string;
}

const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 26 };
const cipher = "aes-256-gcm";
const shortest = 8;

/** Puts the files of a cluster's `pki` folder into a chest. Throws Fault `invalid` for a passphrase that is too short. */
export function sealKeys(config: ClusterConfig, passphrase: string, random: Random): KeyChest {
  if (passphrase.length < shortest) throw new Fault("invalid", `a passphrase has at least ${shortest} characters`);
  const folder = join(config.dataDir, "pki");
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const files = Object.fromEntries(names.map(({ name }) => [name, readFileSync(join(folder, name), "utf8")]));
  const salt = random.bytes(16);
  const nonce = random.bytes(12);
  const sealing = createCipheriv(cipher, scryptSync(passphrase, salt, 32, cost), nonce);
  const data = Buffer.concat([sealing.update(JSON.stringify(files)), sealing.final()]);
  const [saltText, nonceText, dataText, tag] = [salt, nonce, data, sealing.getAuthTag()].map((bytes) =>
    Buffer.from(bytes).toString("base64"),
  ) as [string, string, string, string];
  return { salt: saltText, nonce: nonceText, data: dataText, tag };
}

/** The files of a chest, for a cluster whose `pki` folder must be empty. Throws Fault `invalid`, `in-use`. */
export function keysIn(
  config: ClusterConfig,
  passphrase: string,
  chest: KeyChest,
): { readonly folder: string; readonly files: Readonly<Record<string, string>> } {
  const folder = join(config.dataDir, "pki");
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new Fault("in-use", `${folder} has keys already; choose another --name or --data-dir for the snapshot's`);
  }
  const files = opened(passphrase, chest);
  const stranger = Object.keys(files).find((name) => !/^[a-z0-9][a-z0-9._-]*$/i.test(name));
  if (stranger !== undefined) throw new Fault("invalid", `the snapshot's keys hold a file "${stranger}"`);
  return { folder, files };
}

/** Lays the files of a chest into a cluster's `pki` folder. Throws as `keysIn`. */
export function unsealKeys(config: ClusterConfig, passphrase: string, chest: KeyChest): void {
  const { folder, files } = keysIn(config, passphrase, chest);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) writeSafely(join(folder, name), text, !name.endsWith(".crt"));
}

function opened(passphrase: string, chest: KeyChest): Readonly<Record<string, string>> {
  const [salt, nonce, data, tag] = [chest.salt, chest.nonce, chest.data, chest.tag].map((text) =>
    Buffer.from(text, "base64"),
  ) as [Buffer, Buffer, Buffer, Buffer];
  try {
    const opening = createDecipheriv(cipher, scryptSync(passphrase, salt, 32, cost), nonce);
    opening.setAuthTag(tag);
    return JSON.parse(Buffer.concat([opening.update(data), opening.final()]).toString());
  } catch (error) {
    throw new Fault("invalid", "the passphrase does not open the snapshot's keys", { cause: error });
  }
}
