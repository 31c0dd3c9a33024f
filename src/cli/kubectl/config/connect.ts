import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { type Http1Tls, http1Transport } from "../../../client/http1-transport.ts";
import type { Transport } from "../../../client/transport.ts";
import type { UpgradeTarget } from "../../../wire/upgrade-client.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";
import { type Access, fileOrData } from "./access.ts";
import { type ExecCredential, runCredentialPlugin } from "./exec-credential.ts";
import type { PluginPolicy } from "./plugin-policy.ts";
import { proxyFor } from "./proxy.ts";

/** A way to the API server under the identity that the access names. */
export interface Connection extends AsyncDisposable {
  readonly transport: Transport;
  /** `https://host:6443`, maybe with a path before every API path. */
  readonly server: string;
  /** What a streaming call (exec, attach, port-forward) to a path needs. */
  upgrade(path: string, signal?: AbortSignal): Promise<UpgradeTarget>;
}

const renewBefore = 10_000;

/** Opens a connection; nothing goes over the wire before the first call. Throws CommandError. */
export function connect(access: Access, host: Host, policy?: PluginPolicy): Connection {
  const { cluster, user } = access;
  const server = serverUrl(cluster.server ?? "", cluster);
  const wantsTls = server.startsWith("https:");
  let told: ExecCredential | undefined;
  const plugin = (): ExecCredential => {
    if (!user.exec) return {};
    if (!told || (told.expires !== undefined && told.expires - renewBefore < host.clock.now())) {
      told = runCredentialPlugin(user.exec, cluster, host, policy);
    }
    return told;
  };

  const tls = (): Http1Tls => {
    const credential = plugin();
    const ca = fileOrData(
      cluster["certificate-authority-data"],
      cluster["certificate-authority"],
      "certificate-authority",
    );
    const cert =
      credential.cert ?? fileOrData(user["client-certificate-data"], user["client-certificate"], "client-cert");
    const key = credential.key ?? fileOrData(user["client-key-data"], user["client-key"], "client-key");
    return {
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(cluster["tls-server-name"] ? { servername: cluster["tls-server-name"] } : {}),
      rejectUnauthorized: !cluster["insecure-skip-tls-verify"],
    };
  };

  const headers = (): Record<string, string | readonly string[]> => {
    const authorization = authorizationOf(user, plugin().token);
    return {
      "user-agent": "kubectl/v1.35.0 (navarch)",
      ...(authorization ? { authorization } : {}),
      ...(user.as ? { "impersonate-user": user.as } : {}),
      ...(user["as-uid"] ? { "impersonate-uid": user["as-uid"] } : {}),
      ...(user["as-groups"]?.length ? { "impersonate-group": user["as-groups"] } : {}),
      ...Object.fromEntries(
        Object.entries(user["as-user-extra"] ?? {}).map(([key, values]) => [
          `impersonate-extra-${encodeURIComponent(key)}`,
          values,
        ]),
      ),
    };
  };

  const proxy = proxyFor(server, cluster["proxy-url"], host.env);
  const dial = proxy
    ? async (): Promise<Duplex> => (await import("./proxy-dial.ts")).dialProxy(proxy, server, tls)
    : undefined;
  const transport = http1Transport({
    server,
    ...(wantsTls ? { tls } : {}),
    headers,
    dial,
    compression: !cluster["disable-compression"],
  });
  return {
    transport,
    server,
    async upgrade(path, signal) {
      const { rejectUnauthorized, servername, ca, cert, key } = tls();
      return {
        url: server.replace(/\/$/, "") + path,
        headers: headers(),
        ...(wantsTls
          ? { tls: { rejectUnauthorized, servername, ca, cert, key } as NonNullable<UpgradeTarget["tls"]> }
          : {}),
        ...(dial ? { connect: dial } : {}),
        ...(signal ? { signal } : {}),
      };
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

/** `host:port` means HTTP, unless something about TLS is known, as upstream reads it. */
function serverUrl(text: string, cluster: Access["cluster"]): string {
  const withTls = Boolean(
    cluster["certificate-authority"] || cluster["certificate-authority-data"] || cluster["insecure-skip-tls-verify"],
  );
  const full = /^[a-z]+:\/\//i.test(text) ? text : `${withTls ? "https" : "http"}://${text}`;
  if (!URL.canParse(full)) throw new CommandError(`host must be a URL or a host:port pair: ${JSON.stringify(text)}`);
  return full.replace(/\/$/, "");
}

function authorizationOf(user: Access["user"], fromPlugin: string | undefined): string | undefined {
  const token = fromPlugin ?? tokenOf(user);
  if (token) return `Bearer ${token}`;
  if (!user.username && !user.password) return undefined;
  return `Basic ${Buffer.from(`${user.username ?? ""}:${user.password ?? ""}`).toString("base64")}`;
}

function tokenOf(user: Access["user"]): string | undefined {
  if (user.tokenFile) {
    try {
      return readFileSync(user.tokenFile, "utf8").trim();
    } catch {
      // Upstream goes on with the token that stands beside it.
    }
  }
  return user.token;
}
