import type { Session } from "../session.ts";

/** Prints what the server answers at a path. */
export async function printRaw(session: Session, path: string): Promise<void> {
  const { pathname, searchParams } = new URL(path, "http://server");
  const query = Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));
  for await (const chunk of await session.api.stream({ path: pathname, query, accept: "application/json, */*" })) {
    session.host.stdout.write(chunk);
  }
}
