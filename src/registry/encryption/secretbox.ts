import { timingSafeEqual } from "node:crypto";

/**
 * NaCl's secretbox, XSalsa20 and Poly1305, which the run time's own cryptography does not have (D. J. Bernstein,
 * "Cryptography in NaCl"). For data at rest: it takes no care to run in constant time.
 */
export const nonceLength = 24;
const tagLength = 16;

/** The tag, then the text in cipher, as NaCl lays them out. `key` has 32 bytes and `nonce` 24. */
export function sealBox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const { pad, xor } = cipher(nonce, key);
  const box = new Uint8Array(tagLength + message.length);
  const text = box.subarray(tagLength);
  text.set(message);
  xor(text);
  box.set(authenticate(text, pad));
  return box;
}

/** The message in a box, or undefined when it was not sealed under this key and nonce. */
export function openBox(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  if (box.length < tagLength) return undefined;
  const { pad, xor } = cipher(nonce, key);
  const text = box.slice(tagLength);
  if (!timingSafeEqual(authenticate(text, pad), box.subarray(0, tagLength))) return undefined;
  xor(text);
  return text;
}

interface Cipher {
  /** The one-time key of the tag: the first 32 bytes of the key stream. */
  readonly pad: Uint8Array;
  /** Encrypts or decrypts in place with what follows in the key stream. */
  xor(text: Uint8Array): void;
}

function cipher(nonce: Uint8Array, key: Uint8Array): Cipher {
  // XSalsa20: the nonce's first part makes a key of its own, the rest counts as Salsa20's nonce.
  const inner = stateOf(key, words(nonce.subarray(0, 16)));
  const mixed = inner.slice();
  rounds(mixed);
  const subkey = new Uint8Array(32);
  const view = new DataView(subkey.buffer);
  for (const [at, from] of [0, 5, 10, 15, 6, 7, 8, 9].entries()) view.setUint32(at * 4, mixed[from]!, true);

  const [low = 0, high = 0] = words(nonce.subarray(16, 24));
  const first = streamBlock(subkey, [low, high, 0, 0]);
  return {
    pad: first.slice(0, 32),
    xor(text) {
      // The pad took half of the first block; the text goes on from there.
      let block = first;
      for (let at = 0; at < text.length; at++) {
        const position = (at + 32) % 64;
        const index = Math.floor((at + 32) / 64);
        if (position === 0) block = streamBlock(subkey, [low, high, index, 0]);
        text[at]! ^= block[position]!;
      }
    },
  };
}

const sigma = words(Buffer.from("expand 32-byte k"));

function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4, true));
}

function stateOf(key: Uint8Array, input: readonly number[]): Uint32Array {
  const k = words(key);
  return Uint32Array.from([
    ...[sigma[0]!, ...k.slice(0, 4)],
    ...[sigma[1]!, ...input.slice(0, 4)],
    ...[sigma[2]!, ...k.slice(4, 8)],
    sigma[3]!,
  ]);
}

function streamBlock(key: Uint8Array, input: readonly number[]): Uint8Array {
  const start = stateOf(key, input);
  const mixed = start.slice();
  rounds(mixed);
  const block = new Uint8Array(64);
  const view = new DataView(block.buffer);
  for (let at = 0; at < 16; at++) view.setUint32(at * 4, (mixed[at]! + start[at]!) >>> 0, true);
  return block;
}

/** Which words each quarter round mixes: the columns, then the rows. */
const quarters = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
] as const;

function rounds(x: Uint32Array): void {
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of quarters) {
      x[b]! ^= rotated(x[a]! + x[d]!, 7);
      x[c]! ^= rotated(x[b]! + x[a]!, 9);
      x[d]! ^= rotated(x[c]! + x[b]!, 13);
      x[a]! ^= rotated(x[d]! + x[c]!, 18);
    }
  }
}

const rotated = (sum: number, by: number) => (sum << by) | ((sum >>> 0) >>> (32 - by));

const prime = (1n << 130n) - 5n;
const clamp = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

function authenticate(text: Uint8Array, pad: Uint8Array): Uint8Array {
  const r = little(pad.subarray(0, 16)) & clamp;
  let sum = 0n;
  for (let at = 0; at < text.length; at += 16) {
    const block = text.subarray(at, at + 16);
    sum = ((sum + little(block) + (1n << BigInt(block.length * 8))) * r) % prime;
  }
  const tag = BigInt.asUintN(128, sum + little(pad.subarray(16, 32)));
  return Uint8Array.from(Buffer.from(tag.toString(16).padStart(32, "0"), "hex").reverse());
}

function little(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
}
