import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { RemoteEndpoint } from "../server/webhooks/endpoint.ts";
import { readKubeconfig } from "./kubeconfig.ts";

type Members = Readonly<Record<string, unknown>>;

/** The server that the current context of a kubeconfig file leads to, as webhooks of the API server are described. Throws Fault `invalid`. */
export function kubeconfigEndpoint(path: string): RemoteEndpoint {
  const { contexts, clusters, users, "current-context": current = "" } = readKubeconfig(path);
  const named = (list: readonly { readonly name: string }[] | undefined, name: string, member: string): Members => {
    const entry = list?.find((one) => one.name === name) as Members | undefined;
    return (entry?.[member] ?? {}) as Members;
  };
  const context = named(contexts, current, "context");
  const cluster = named(clusters, String(context.cluster ?? ""), "cluster");
  const user = named(users, String(context.user ?? ""), "user");
  const { server } = cluster;
  if (typeof server !== "string") throw new Fault("invalid", `${path}: the current context leads to no server`);

  const read = (file: unknown): string | undefined => {
    if (typeof file !== "string" || file === "") return undefined;
    try {
      return readFileSync(resolve(dirname(path), file), "utf8");
    } catch (error) {
      throw new Fault("invalid", `${path}: ${errorMessage(error)}`, { cause: error });
    }
  };
  const pem = (members: Members, name: string): string | undefined => {
    const data = members[`${name}-data`];
    return typeof data === "string" ? Buffer.from(data, "base64").toString() : read(members[name]);
  };
  const ca = pem(cluster, "certificate-authority");
  const cert = pem(user, "client-certificate");
  const key = pem(user, "client-key");
  const serverName = cluster["tls-server-name"];
  const token = typeof user.token === "string" ? user.token : read(user.tokenFile)?.trim();
  return {
    url: server,
    ...(ca ? { ca } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(token ? { token } : {}),
    ...(typeof serverName === "string" ? { serverName } : {}),
    ...(cluster["insecure-skip-tls-verify"] === true ? { insecure: true } : {}),
  };
}
