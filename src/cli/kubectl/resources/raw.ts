import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buffer as readAll } from "node:stream/consumers";
import { CommandError } from "../messages.ts";
import type { Session } from "../session.ts";
import { kustomizationIn } from "./kustomize-name.ts";

/** Prints what the server answers at a path. */
export async function printRaw(session: Session, path: string): Promise<void> {
  const { pathname, searchParams } = new URL(path, "http://server");
  const query = Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));
  for await (const chunk of await session.api.stream({ path: pathname, query, accept: "application/json, */*" })) {
    session.host.stdout.write(chunk);
  }
}

/** Sends a file to a path as it is, and prints the answer. Throws CommandError. */
export async function sendRaw(
  session: Session,
  method: "POST" | "PUT" | "DELETE",
  path: string,
  filenames: readonly string[],
): Promise<void> {
  if (filenames.length > 1 || filenames.some((name) => kustomizationIn(name) !== undefined))
    throw new CommandError("--raw can only use a single local file or stdin");
  const [file] = filenames;
  const text =
    file === undefined
      ? undefined
      : file === "-"
        ? await readAll(session.host.stdin)
        : readFileSync(resolve(session.host.cwd, file));
  const { pathname, searchParams } = new URL(path, "http://server");
  const query = Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));
  const answer = await session.api.stream({
    method,
    path: pathname,
    query,
    ...(text === undefined ? {} : { body: new Uint8Array(Buffer.from(text)) }),
  });
  for await (const chunk of answer) session.host.stdout.write(chunk);
}
