import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { type Http1Tls, http1Transport } from "../../../client/http1-transport.ts";
import { tlsOver } from "../../../client/tls-over.ts";
import type { Transport } from "../../../client/transport.ts";
import type { UpgradeTarget } from "../../../wire/upgrade-client.ts";
import type { Host } from "../host.ts";
import { CommandError } from "../messages.ts";
import { type Access, fileOrData } from "./access.ts";
import { checkPlugin, type ExecCredential, pairProblem, runCredentialPlugin } from "./exec-credential.ts";
import { fileProblem, type UserEntry } from "./kubeconfig.ts";
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

/** Opens a connection; nothing goes over the wire before the first call. Throws CommandError. */
export function connect(access: Access, host: Host, policy?: PluginPolicy): Connection {
  const { cluster, user } = access;
  const server = serverUrl(cluster.server ?? "");
  const wantsTls = server.startsWith("https:");
  refuseProvider(user);
  const exec = user.exec && wantsTls && !hasOwn(user) ? user.exec : undefined;
  if (exec) checkPlugin(exec, policy);
  let told: ExecCredential | undefined;
  const plugin = (): ExecCredential => {
    if (!exec) return {};
    if (!told || (told.expires !== undefined && told.expires < host.clock.now())) {
      told = runCredentialPlugin(exec, cluster, host, policy);
    }
    return told;
  };

  const tls = (): Http1Tls => {
    const credential = plugin();
    const ca = fileOrData(cluster["certificate-authority-data"], cluster["certificate-authority"], host);
    const cert = credential.cert ?? fileOrData(user["client-certificate-data"], user["client-certificate"], host);
    const key = credential.key ?? fileOrData(user["client-key-data"], user["client-key"], host);
    if (ca && cluster["insecure-skip-tls-verify"]) {
      throw new CommandError("specifying a root certificates file with the insecure flag is not allowed");
    }
    checkPem({ ca, cert, key });
    return {
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(cluster["tls-server-name"] ? { servername: cluster["tls-server-name"] } : {}),
      rejectUnauthorized: !cluster["insecure-skip-tls-verify"],
    };
  };

  let login: Promise<UserEntry> | undefined;
  const headers = async (): Promise<Record<string, string | readonly string[]>> => {
    if (wantsTls && isNobody(user)) login ??= askWho(host);
    // Who listens on the way must not learn a secret: without TLS none is sent.
    const authorization = wantsTls ? authorizationOf((await login) ?? user, plugin().token) : undefined;
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
  const http = http1Transport({
    server,
    ...(wantsTls ? { tls } : {}),
    headers,
    dial,
    compression: !cluster["disable-compression"],
  });
  const transport: Transport = {
    async send(call) {
      const answer = await http.send(call);
      // What the plug-in told is not believed any more: the next call asks it again.
      if (answer.status === 401) told = undefined;
      return answer;
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
  return {
    transport,
    server,
    async upgrade(path, signal) {
      const { rejectUnauthorized, servername, ca, cert, key } = tls();
      return {
        url: server.replace(/\/$/, "") + path,
        headers: await headers(),
        ...(wantsTls
          ? { tls: { rejectUnauthorized, servername, ca, cert, key } as NonNullable<UpgradeTarget["tls"]> }
          : {}),
        ...(dial ? { connect: wantsTls ? async () => tlsOver(await dial(), new URL(server), tls()) : dial } : {}),
        ...(signal ? { signal } : {}),
      };
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}

/** `host:port` means HTTP, whatever else is known, as upstream reads it. */
function serverUrl(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) throw new CommandError(`host must be a URL or a host:port pair: ${JSON.stringify(text)}`);
  return full.replace(/\/$/, "");
}

/** True for a user whose credentials stand in the kubeconfig; a plug-in beside them is not asked. */
function hasOwn(user: UserEntry): boolean {
  const { token, tokenFile, username, "client-certificate": file, "client-certificate-data": data } = user;
  return Boolean(token || tokenFile || username || file || data);
}

const isNobody = (user: UserEntry) => !hasOwn(user) && !user.exec && !user["auth-provider"];

async function askWho(host: Host): Promise<UserEntry> {
  return await (await import("./ask-login.ts")).askLogin(host);
}

const removed: Readonly<Record<string, string>> = {
  gcp: 'Please use the "gke-gcloud-auth-plugin" kubectl/client-go credential plugin instead.\nSee https://cloud.google.com/blog/products/containers-kubernetes/kubectl-auth-changes-in-gke for further details',
  azure:
    "Please use the https://github.com/Azure/kubelogin kubectl/client-go credential plugin instead.\nSee https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins for further details",
};

/** The providers that were compiled into kubectl are gone but for OIDC, of which the token that stands there is used. */
function refuseProvider(user: UserEntry): void {
  const { name } = user["auth-provider"] ?? {};
  if (name === undefined || name === "oidc") return;
  throw new CommandError(
    name in removed
      ? `The ${name} auth plugin has been removed.\n${removed[name]}`
      : `no Auth Provider found for name ${JSON.stringify(name)}`,
  );
}

/** Certificates that are none are told of before anybody is asked, in the words of Go. */
function checkPem({ ca, cert, key }: { readonly ca?: string; readonly cert?: string; readonly key?: string }): void {
  if (ca && !ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new CommandError("unable to load root certificates: unable to parse bytes as PEM block");
  }
  const problem = pairProblem(cert, key);
  if (problem) throw new CommandError(problem);
}

function authorizationOf(user: Access["user"], fromPlugin: string | undefined): string | undefined {
  const token = fromPlugin ?? tokenOf(user) ?? user["auth-provider"]?.config?.["id-token"];
  if (token) return `Bearer ${token}`;
  if (!user.username && !user.password) return undefined;
  return `Basic ${Buffer.from(`${user.username ?? ""}:${user.password ?? ""}`).toString("base64")}`;
}

function tokenOf(user: Access["user"]): string | undefined {
  if (user.tokenFile) {
    try {
      return readFileSync(user.tokenFile, "utf8").trim();
    } catch (error) {
      // Upstream goes on with the token that stands beside it.
      if (!user.token) throw new CommandError(fileProblem(error, user.tokenFile));
    }
  }
  return user.token;
}
