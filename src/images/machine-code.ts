import { Fault } from "../lib/fault.ts";

/** The processors whose programs this room can write, by their Debian and OCI names. */
export type Architecture = "amd64" | "arm64";

/** This machine's processor, or a Fault when no program can be written for it. */
export function hostArchitecture(nodeArch: string = process.arch): Architecture {
  if (nodeArch === "x64") return "amd64";
  if (nodeArch === "arm64") return "arm64";
  throw new Fault("unsupported", `images cannot be built for ${nodeArch} processors`);
}

/** One line of a program: a label, instruction bytes, or a jump whose distance is known only when all lines are placed. */
export type Line =
  | { readonly label: string }
  | { readonly bytes: readonly number[] }
  | { readonly to: string; readonly length: number; encode(distance: number): readonly number[] };

/** Names the place where the next instruction lies. */
export function label(name: string): Line {
  return { label: name };
}

/** Instruction bytes as they stand; the meaning is said by the caller's comment. */
export function code(...bytes: number[]): Line {
  return { bytes };
}

/** One 32-bit arm64 instruction. */
export function word(value: number): Line {
  return { bytes: [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff] };
}

/** An amd64 conditional or plain jump with an 8-bit distance, counted from the end of the instruction. */
export function shortJump(opcode: number, to: string): Line {
  return {
    to,
    length: 2,
    encode(distance) {
      const from = distance - 2;
      if (from < -128 || from > 127) throw new Fault("internal", `the jump to ${to} is too far`);
      return [opcode, from & 0xff];
    },
  };
}

/** An arm64 conditional branch, whose distance counts instructions from its own start. */
export function branch(condition: number, to: string): Line {
  return {
    to,
    length: 4,
    encode(distance) {
      const value = (0x54000000 | (((distance / 4) & 0x7ffff) << 5) | condition) >>> 0;
      return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
    },
  };
}

/** Places the lines one after another and fills in the jumps. */
export function assemble(lines: readonly Line[]): Uint8Array {
  const places = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    if ("label" in line) places.set(line.label, at);
    else at += "bytes" in line ? line.bytes.length : line.length;
  }
  const bytes: number[] = [];
  for (const line of lines) {
    if ("label" in line) continue;
    if ("bytes" in line) {
      bytes.push(...line.bytes);
      continue;
    }
    const place = places.get(line.to);
    if (place === undefined) throw new Fault("internal", `no label ${line.to}`);
    bytes.push(...line.encode(place - bytes.length));
  }
  return Uint8Array.from(bytes);
}

const machineNumber: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };
const elfHeaderSize = 64;
const programHeaderSize = 56;

/** A static 64-bit ELF executable that holds nothing but the code, entered at its first instruction. */
export function elfExecutable(architecture: Architecture, program: Uint8Array): Uint8Array {
  const base = 0x400000n;
  const codeAt = elfHeaderSize + 2 * programHeaderSize;
  const file = Buffer.alloc(codeAt + program.length);
  file.set([0x7f, 0x45, 0x4c, 0x46], 0); // magic
  file.set([2, 1, 1, 0], 4); // 64-bit, little-endian, version 1, System V
  file.writeUInt16LE(2, 16); // an executable at fixed addresses
  file.writeUInt16LE(machineNumber[architecture], 18);
  file.writeUInt32LE(1, 20); // version
  file.writeBigUInt64LE(base + BigInt(codeAt), 24); // entry
  file.writeBigUInt64LE(BigInt(elfHeaderSize), 32); // program headers follow at once; there are no sections
  file.writeUInt16LE(elfHeaderSize, 52);
  file.writeUInt16LE(programHeaderSize, 54);
  file.writeUInt16LE(2, 56); // two program headers
  file.writeUInt16LE(64, 58); // the size of a section header, of which there are none

  const load = elfHeaderSize;
  file.writeUInt32LE(1, load); // PT_LOAD: the whole file
  file.writeUInt32LE(5, load + 4); // readable, executable
  file.writeBigUInt64LE(base, load + 16);
  file.writeBigUInt64LE(base, load + 24);
  file.writeBigUInt64LE(BigInt(file.length), load + 32);
  file.writeBigUInt64LE(BigInt(file.length), load + 40);
  file.writeBigUInt64LE(0x10000n, load + 48); // arm64 kernels may have pages of 64 KiB

  const stack = load + programHeaderSize;
  file.writeUInt32LE(0x6474e551, stack); // PT_GNU_STACK: without it the kernel would make the stack executable
  file.writeUInt32LE(6, stack + 4); // readable, writable
  file.writeBigUInt64LE(16n, stack + 48);

  file.set(program, codeAt);
  return file;
}
