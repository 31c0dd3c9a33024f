import type { IPBlock } from "../../api/generated/networking-v1.ts";
import { addressToNumber, type Cidr, type IpFamily, numberToAddress, parseCidr } from "../machine/address.ts";

/** Addresses from `first` to `last`, both included, as numbers. */
interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/** An ipBlock peer, read. */
export interface Block {
  readonly id: string;
  readonly family: IpFamily;
  readonly within: Span;
  readonly except: readonly Span[];
}

/** Reads an ipBlock; undefined when its range cannot be read. */
export function blockOf({ cidr, except = [] }: IPBlock): Block | undefined {
  const outer = parseCidr(cidr ?? "");
  if (!outer) return undefined;
  const inner = except.map(parseCidr).filter((range): range is Cidr => range?.family === outer.family);
  const id = `block ${cidr}${inner.length > 0 ? ` except ${[...except].sort().join(" ")}` : ""}`;
  return { id, family: outer.family, within: spanOf(outer), except: inner.map(spanOf) };
}

/** The ids of the blocks that an address of their family lies in, in the order of the blocks. */
export function blocksAround(address: string, blocks: readonly Block[]): string[] {
  if (blocks.length === 0) return [];
  const number = addressToNumber(address);
  return blocks.filter((block) => covers(block, number)).map((block) => block.id);
}

/**
 * Cuts the address space where a block or an exception begins or ends, and says of each piece which blocks cover it.
 * Pieces do not overlap, are in ascending order, and neighbours differ; addresses outside of all blocks are in none.
 */
export function cutBlocks(
  blocks: readonly Block[],
  family: IpFamily,
): { readonly range: string; readonly blocks: readonly string[] }[] {
  const edges = new Set<bigint>();
  for (const { within, except } of blocks) {
    for (const { first, last } of [within, ...except]) edges.add(first).add(last + 1n);
  }
  const starts = [...edges].sort((a, b) => (a < b ? -1 : 1));
  const pieces: { first: bigint; last: bigint; blocks: readonly string[] }[] = [];
  for (const [i, first] of starts.entries()) {
    const next = starts[i + 1];
    if (next === undefined) break;
    const ids = blocks.filter((block) => covers(block, first)).map((block) => block.id);
    if (ids.length === 0) continue;
    const before = pieces.at(-1);
    if (before && before.last + 1n === first && before.blocks.join() === ids.join()) before.last = next - 1n;
    else pieces.push({ first, last: next - 1n, blocks: ids });
  }
  return pieces.map((piece) => ({ range: spanText(piece, family), blocks: piece.blocks }));
}

function covers({ within, except }: Block, address: bigint): boolean {
  const inside = (span: Span) => span.first <= address && address <= span.last;
  return inside(within) && !except.some(inside);
}

function spanOf({ family, base, prefix }: Cidr): Span {
  return { first: base, last: base + (1n << BigInt(bitsOf(family) - prefix)) - 1n };
}

/** The shortest words for a span, which are also those that nft prints: an address, a CIDR, or both ends. */
function spanText({ first, last }: Span, family: IpFamily): string {
  const from = numberToAddress(first, family);
  if (first === last) return from;
  const size = last - first + 1n;
  const isPrefix = (size & (size - 1n)) === 0n && first % size === 0n;
  if (!isPrefix) return `${from}-${numberToAddress(last, family)}`;
  return `${from}/${bitsOf(family) - (size.toString(2).length - 1)}`;
}

function bitsOf(family: IpFamily): number {
  return family === "IPv4" ? 32 : 128;
}
