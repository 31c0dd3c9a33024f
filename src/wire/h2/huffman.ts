/** How many bits each byte's code has (RFC 7541, appendix B). The code is canonical: the lengths are all of it. */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26,
];
const endOfString = 256;
const endLength = 30;

/**
 * The code's tree as an automaton that takes half a byte at a time; a state is an inner node. No code is shorter than
 * five bits, so half a byte ends at most one.
 */
interface Automaton {
  /** By state and half byte: the state after it. */
  readonly next: Uint8Array;
  /** The byte that was complete on the way; -1 none, `endOfString` what must not come. */
  readonly byte: Int16Array;
  /** Whether a string may end in a state: less than a byte of ones is padding. */
  readonly final: Uint8Array;
}

const automaton = build();

/** Bytes that a packed string of so many bytes can become at most. */
export const unpackedSize = (packed: number) => Math.floor((packed * 8) / 5);

/** Unpacks `bytes` from `start` to `end` into `target`; the number of bytes written, or -1 when it is not Huffman coded. */
export function unpackHuffman(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  const { next, byte, final } = automaton;
  let state = 0;
  let size = 0;
  for (let at = start; at < end; at += 1) {
    const both = bytes[at]!;
    for (let shift = 4; shift >= 0; shift -= 4) {
      const step = state * 16 + ((both >> shift) & 15);
      const found = byte[step]!;
      if (found >= 0) {
        if (found === endOfString) return -1;
        target[size] = found;
        size += 1;
      }
      state = next[step]!;
    }
  }
  return final[state] === 1 ? size : -1;
}

type Node = [Node | number, Node | number] | [];

function build(): Automaton {
  const root = tree();
  const states: Node[] = [root];
  const numbers = new Map<Node, number>([[root, 0]]);
  for (const state of states) {
    for (const child of state) {
      if (typeof child === "number") continue;
      numbers.set(child, states.length);
      states.push(child);
    }
  }
  const next = new Uint8Array(states.length * 16);
  const byte = new Int16Array(states.length * 16).fill(-1);
  const final = new Uint8Array(states.length);
  for (const [number, state] of states.entries()) {
    for (let half = 0; half < 16; half += 1) {
      let node: Node = state;
      for (let shift = 3; shift >= 0; shift -= 1) {
        const child: Node | number = node[(half >> shift) & 1]!;
        if (typeof child === "number") byte[number * 16 + half] = child;
        node = typeof child === "number" ? root : child;
      }
      next[number * 16 + half] = numbers.get(node)!;
    }
  }
  let padding: Node | number = root;
  for (let bits = 0; bits < 8; bits += 1) {
    final[numbers.get(padding as Node)!] = 1;
    padding = (padding as Node)[1]!;
  }
  return { next, byte, final };
}

// Canonical: codes of one length follow each other in the order of their bytes, and longer ones follow shorter ones.
function tree(): Node {
  const root: Node = [];
  const symbols = [...codeLengths, endLength].map((length, symbol) => ({ length, symbol }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let before = 0;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - before);
    before = length;
    let node: Node = root;
    for (let bit = length - 1; bit > 0; bit -= 1) {
      const side = (code >> bit) & 1;
      node[side] ??= [];
      node = node[side] as Node;
    }
    node[code & 1] = symbol;
    code += 1;
  }
  return root;
}
