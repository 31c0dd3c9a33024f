import type { Secret } from "../../api/generated/core-v1.ts";
import type { RegistryAuth } from "../runtime/runtime.ts";

interface Entry {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `username:password`. */
  readonly auth?: string;
  readonly identitytoken?: string;
}

/** The credentials for an image out of `kubernetes.io/dockerconfigjson` and `dockercfg` secrets, the closest match first. */
export function credentialsFor(image: string, secrets: readonly Secret[]): readonly RegistryAuth[] {
  const wanted = repositoryOf(image);
  const matching = secrets.flatMap(entriesOf).filter(({ server }) => matches(server, wanted));
  matching.sort((a, b) => b.server.length - a.server.length);
  return matching.map(({ name, entry: { username, password, auth, identitytoken } }) => ({
    serverAddress: name,
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(auth ? { auth } : {}),
    ...(identitytoken ? { identityToken: identitytoken } : {}),
  }));
}

/** What is no JSON, or not of the form, holds no credentials. */
function entriesOf({
  data,
}: Secret): readonly { readonly name: string; readonly server: string; readonly entry: Entry }[] {
  const modern = data?.[".dockerconfigjson"];
  const text = Buffer.from(modern ?? data?.[".dockercfg"] ?? "", "base64").toString("utf8");
  let auths: unknown;
  try {
    const parsed: unknown = JSON.parse(text || "{}");
    auths = modern ? (parsed as { readonly auths?: unknown } | null)?.auths : parsed;
  } catch {
    return [];
  }
  if (typeof auths !== "object" || auths === null) return [];
  return Object.entries(auths as Readonly<Record<string, Entry>>).map(([name, entry]) => ({
    name,
    server: serverOf(name),
    entry,
  }));
}

/** `host[:port]/path` of an image without tag and digest; names without a host are Docker Hub's. */
export function repositoryOf(image: string): string {
  const bare = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const [first = "", ...rest] = bare.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return hasHost ? bare : `docker.io/${rest.length > 0 ? bare : `library/${bare}`}`;
}

function serverOf(name: string): string {
  const server = name.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  return server.replace(/^(index\.)?docker\.io(\/v[12])?$/, "docker.io").replace(/\/v[12]$/, "");
}

/** Each part of the host may hold a `*`; a path must be the beginning of the image's. */
function matches(server: string, place: string): boolean {
  const [host = "", ...path] = server.split("/");
  const [placeHost = "", ...placePath] = place.split("/");
  const parts = host.split(".");
  const placeParts = placeHost.split(".");
  const sameHost = parts.length === placeParts.length && parts.every((part, index) => globs(part, placeParts[index]!));
  return sameHost && placePath.join("/").startsWith(path.join("/"));
}

function globs(pattern: string, text: string): boolean {
  const source = pattern
    .split("*")
    .map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`).test(text);
}
