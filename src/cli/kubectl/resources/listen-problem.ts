import { errorMessage } from "../../../lib/fault.ts";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
};

/** Why nothing can listen at an address, in the words of Go: `listen tcp 127.0.0.1:80: bind: permission denied`. */
export function listenProblem(error: unknown, address: string): string {
  const { code } = error as NodeJS.ErrnoException;
  return `listen ${address}: bind: ${reasons[code ?? ""] ?? errorMessage(error)}`;
}
