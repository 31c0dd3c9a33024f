import { createCipheriv, createDecipheriv } from "node:crypto";
import { secretbox as naclBox } from "@noble/ciphers/salsa.js";
import { errorMessage, Fault } from "../../lib/fault.ts";
import type { Random } from "../../lib/random.ts";

/** One key of one provider: turns what the registry writes into what the store keeps, and back. */
export interface Transformer {
  /** What its output begins with, empty for identity. */
  readonly prefix: string;
  /** `key` is the key in the store, which the text is bound to where the cipher can do that. */
  seal(text: Uint8Array, key: string, random: Random): Uint8Array;
  /** Throws Fault `corrupt` for what it did not seal. */
  open(sealed: Uint8Array, key: string): Uint8Array;
}

/** What every sealed value begins with. */
export const sealedPrefix = "k8s:enc:";

export interface NamedKey {
  readonly name: string;
  readonly secret: Uint8Array;
}

/** Nothing is changed: for reading what was written before, or no longer wanting encryption. */
export const identity: Transformer = {
  prefix: "",
  seal: (text) => text,
  open: (text) => text,
};

const gcmNonce = 12;
const gcmTag = 16;

/** AES in Galois counter mode, bound to the key in the store; keys of 16, 24 or 32 bytes. */
export function aesgcm({ name, secret }: NamedKey): Transformer {
  const cipher = `aes-${secret.length * 8}-gcm` as "aes-256-gcm";
  return withPrefix(`${sealedPrefix}aesgcm:v1:${name}:`, {
    seal(text, key, random) {
      const nonce = random.bytes(gcmNonce);
      const sealing = createCipheriv(cipher, secret, nonce).setAAD(Buffer.from(key));
      return Buffer.concat([nonce, sealing.update(text), sealing.final(), sealing.getAuthTag()]);
    },
    open(sealed, key) {
      const end = sealed.length - gcmTag;
      const opening = createDecipheriv(cipher, secret, sealed.subarray(0, gcmNonce), { authTagLength: gcmTag });
      opening.setAAD(Buffer.from(key)).setAuthTag(sealed.subarray(end));
      return ownBytes([opening.update(sealed.subarray(gcmNonce, end)), opening.final()]);
    },
  });
}

const blockSize = 16;

/** AES in cipher block chaining, for what was written with it: it notices no change of the text. */
export function aescbc({ name, secret }: NamedKey): Transformer {
  const cipher = `aes-${secret.length * 8}-cbc`;
  return withPrefix(`${sealedPrefix}aescbc:v1:${name}:`, {
    seal(text, _key, random) {
      const start = random.bytes(blockSize);
      const sealing = createCipheriv(cipher, secret, start);
      return Buffer.concat([start, sealing.update(text), sealing.final()]);
    },
    open(sealed) {
      const opening = createDecipheriv(cipher, secret, sealed.subarray(0, blockSize));
      return ownBytes([opening.update(sealed.subarray(blockSize)), opening.final()]);
    },
  });
}

const nonceLength = 24;

/** XSalsa20 with Poly1305; keys of 32 bytes. */
export function secretbox({ name, secret }: NamedKey): Transformer {
  return withPrefix(`${sealedPrefix}secretbox:v1:${name}:`, {
    seal(text, _key, random) {
      const nonce = random.bytes(nonceLength);
      return Buffer.concat([nonce, naclBox(secret, nonce).seal(text)]);
    },
    open(sealed) {
      return ownBytes([naclBox(secret, sealed.subarray(0, nonceLength)).open(sealed.subarray(nonceLength))]);
    },
  });
}

function withPrefix(prefix: string, inner: Pick<Transformer, "seal" | "open">): Transformer {
  const head = Buffer.from(prefix);
  return {
    prefix,
    seal: (text, key, random) => Buffer.concat([head, inner.seal(text, key, random)]),
    open(sealed, key) {
      try {
        return inner.open(sealed.subarray(head.length), key);
      } catch (error) {
        throw new Fault("corrupt", `${prefix.slice(0, -1)} cannot open ${key}: ${errorMessage(error)}`, {
          cause: error,
        });
      }
    },
  };
}

// In memory of its own: what is decoded from it may live long, and must not keep the pool's neighbours alive.
function ownBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
