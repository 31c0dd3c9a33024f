import {
  type Architecture,
  assemble,
  branch,
  code,
  elfExecutable,
  type Line,
  label,
  shortJump,
  word,
} from "./machine-code.ts";

/*
 * The program that holds a pod's namespaces. It blocks SIGINT, SIGTERM and SIGCHLD and then takes them one at a time:
 *
 *   block(INT, TERM, CHLD)
 *   reap:  while wait4(any child, don't hang) > 0
 *   wait:  signal = take one of the blocked
 *          CHLD -> reap;  an interrupted call -> wait;  else exit(0)
 *
 * The first process of a pid namespace is sent no signal that it ignores or leaves to the default, but a blocked signal
 * always arrives; so no handler is needed, and with it neither a stack frame nor a return trampoline.
 */

/** SIGINT is 2, SIGTERM 15, SIGCHLD 17; a set has bit n-1 for signal n. */
const signals = 0x14002;

const amd64: readonly Line[] = [
  code(0x68, 0x02, 0x40, 0x01, 0x00), // push 0x14002         the signal set, at rsp from now on
  code(0x6a, 0x0e, 0x58), //             push 14; pop rax     rt_sigprocmask
  code(0x31, 0xff), //                   xor edi, edi         SIG_BLOCK
  code(0x48, 0x89, 0xe6), //             mov rsi, rsp         the set
  code(0x31, 0xd2), //                   xor edx, edx         the old one is of no interest
  code(0x6a, 0x08, 0x41, 0x5a), //       push 8; pop r10      bytes in a set
  code(0x0f, 0x05), //                   syscall
  label("reap"),
  code(0x6a, 0x3d, 0x58), //             push 61; pop rax     wait4
  code(0x6a, 0xff, 0x5f), //             push -1; pop rdi     any child
  code(0x31, 0xf6), //                   xor esi, esi         no status
  code(0x6a, 0x01, 0x5a), //             push 1; pop rdx      WNOHANG
  code(0x45, 0x31, 0xd2), //             xor r10d, r10d       no usage
  code(0x0f, 0x05), //                   syscall
  code(0x85, 0xc0), //                   test eax, eax
  shortJump(0x7f, "reap"), //            jg reap              one more may have ended
  label("wait"),
  code(0xb8, 0x80, 0x00, 0x00, 0x00), // mov eax, 128         rt_sigtimedwait
  code(0x48, 0x89, 0xe7), //             mov rdi, rsp         the set
  code(0x31, 0xf6), //                   xor esi, esi         no details
  code(0x31, 0xd2), //                   xor edx, edx         for ever
  code(0x6a, 0x08, 0x41, 0x5a), //       push 8; pop r10      bytes in a set
  code(0x0f, 0x05), //                   syscall
  code(0x83, 0xf8, 0x11), //             cmp eax, 17          SIGCHLD
  shortJump(0x74, "reap"), //            je reap
  code(0x85, 0xc0), //                   test eax, eax
  shortJump(0x78, "wait"), //            js wait              interrupted, as by a debugger
  code(0xb8, 0xe7, 0x00, 0x00, 0x00), // mov eax, 231         exit_group
  code(0x31, 0xff), //                   xor edi, edi         0
  code(0x0f, 0x05), //                   syscall
];

const moveZero = 0xd2800000; // movz xD, #imm16
const equal = 0;
const less = 11;
const greater = 12;

function move(register: number, value: number): Line {
  return word((moveZero | (value << 5) | register) >>> 0);
}

const arm64: readonly Line[] = [
  word(0xd10043ff), //       sub sp, sp, #16
  move(0, signals & 0xffff),
  word(0xf2a00020), //       movk x0, #1, lsl #16   the upper half of the signal set
  word(0xf90003e0), //       str x0, [sp]           the set, at sp from now on
  move(0, 0), //             SIG_BLOCK
  word(0x910003e1), //       mov x1, sp             the set
  move(2, 0), //             the old one is of no interest
  move(3, 8), //             bytes in a set
  move(8, 135), //           rt_sigprocmask
  word(0xd4000001), //       svc #0
  label("reap"),
  word(0x92800000), //       mov x0, #-1            any child
  move(1, 0), //             no status
  move(2, 1), //             WNOHANG
  move(3, 0), //             no usage
  move(8, 260), //           wait4
  word(0xd4000001), //       svc #0
  word(0xf100001f), //       cmp x0, #0
  branch(greater, "reap"), // one more may have ended
  label("wait"),
  word(0x910003e0), //       mov x0, sp             the set
  move(1, 0), //             no details
  move(2, 0), //             for ever
  move(3, 8), //             bytes in a set
  move(8, 137), //           rt_sigtimedwait
  word(0xd4000001), //       svc #0
  word(0xf100441f), //       cmp x0, #17            SIGCHLD
  branch(equal, "reap"),
  word(0xf100001f), //       cmp x0, #0
  branch(less, "wait"), //   interrupted, as by a debugger
  move(0, 0),
  move(8, 94), //            exit_group
  word(0xd4000001), //       svc #0
];

/** The whole executable file: a few hundred bytes, static, needing nothing but the kernel. */
export function pauseProgram(architecture: Architecture): Uint8Array {
  return elfExecutable(architecture, assemble(architecture === "amd64" ? amd64 : arm64));
}
