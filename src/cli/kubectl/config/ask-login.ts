import { once } from "node:events";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";

/** Asks the person at the terminal who they are, as is done where a kubeconfig says nothing of it. Throws CommandError. */
export async function askLogin(host: Host): Promise<{ readonly username: string; readonly password: string }> {
  host.stdout.write("Please enter Username: ");
  const username = await readWord(host);
  host.stdout.write("Please enter Password: ");
  if (!host.terminal) throw new CommandError("error reading input for Password");
  using _hidden = host.terminal.raw();
  const password = await readWord(host);
  host.stdout.write("\n");
  host.stdin.pause();
  return { username, password };
}

/** The next line's first word; lines of blanks are passed over. Throws CommandError at the end of the input. */
async function readWord({ stdin, signal }: Host): Promise<string> {
  for (let text = ""; ; ) {
    const chunk = stdin.read() as Uint8Array | string | null;
    if (chunk === null) {
      if (!stdin.readableEnded && !stdin.destroyed) {
        await Promise.race([once(stdin, "readable", { signal }), once(stdin, "end", { signal })]);
        continue;
      }
      if (text.trim() === "") throw new CommandError("EOF");
    } else text += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
    if (text.includes(endOfInput)) throw new CommandError("interrupted");
    const [, line, rest = ""] = /^\s*(\S.*?)[\r\n]+(.*)$/s.exec(text) ?? [];
    if (line === undefined && chunk !== null) continue;
    if (rest !== "") stdin.unshift(Buffer.from(rest));
    return (line ?? text).trim().split(/\s+/)[0] ?? "";
  }
}

/** What a terminal whose keys are handed on gives for Ctrl-C. */
const endOfInput = "\u0003";
