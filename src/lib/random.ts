import { randomBytes, randomUUID } from "node:crypto";

/** Where every room gets its randomness from; a test passes a seeded one. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** `count` random bytes. */
  bytes(count: number): Uint8Array;
  /** Where it can be had for less than from bytes: a random (version 4) UUID. */
  uuid?(): string;
}

// A call of the system for the 16 bytes of each identifier costs more than making the object that it names.
const poolSize = 8192;
let pool = new Uint8Array(0);
let used = 0;

function pooledBytes(count: number): Uint8Array {
  if (count > poolSize / 4) return randomBytes(count);
  if (used + count > pool.length) {
    pool = Uint8Array.from(randomBytes(poolSize));
    used = 0;
  }
  used += count;
  return pool.slice(used - count, used); // a copy: what was handed out is never seen again
}

/** The operating system's randomness. */
export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: pooledBytes,
  uuid: () => randomUUID(),
};

/** The same numbers for the same seed (mulberry32); for tests and simulations, never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { next, bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)) };
}

/** A random (version 4) UUID in its 36-character form. */
export function uuid(random: Random): string {
  if (random.uuid) return random.uuid();
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The letters of generated object names: no vowels and no look-alikes, as Kubernetes uses them. */
const nameLetters = "bcdfghjklmnpqrstvwxz2456789";

/** A random name ending of `length` characters, as in `guestbook-x7k2p`. */
export function nameSuffix(random: Random, length = 5): string {
  let suffix = "";
  for (const byte of random.bytes(length)) suffix += nameLetters[byte % nameLetters.length];
  return suffix;
}
