import { homedir } from "node:os";
import { type Access, resolveAccess } from "./config/access.ts";
import { type Connection, connect } from "./config/connect.ts";
import { type Kubeconfig, loadKubeconfig } from "./config/kubeconfig.ts";
import type { PluginPolicy } from "./config/plugin-policy.ts";
import type { GlobalFlags } from "./flags/global.ts";
import type { Host } from "./host.ts";
import { type Api, apiOver } from "./resources/api.ts";
import { discover } from "./resources/discovery.ts";
import { discoveryCache } from "./resources/discovery-cache.ts";
import { type Mapper, mapperOf } from "./resources/mapper.ts";

/** What a command works with. Kubeconfig, connection and discovery are made when first asked for. */
export interface Session extends AsyncDisposable {
  readonly host: Host;
  readonly globals: GlobalFlags;
  readonly kubeconfig: Kubeconfig;
  /** The server, the user and the namespace. Throws ConfigurationError, CommandError. */
  readonly access: Access;
  readonly connection: Connection;
  readonly api: Api;
  mapper(): Promise<Mapper>;
  /** A line on stdout. */
  say(line: string): void;
  /** A line on stderr. */
  complain(line: string): void;
  /** `Warning: text` on stderr, as often as it is said. */
  warn(text: string): void;
  /** A line of the program's log on stderr, as klog writes it; `level` is I, W or E. */
  log(level: "I" | "W" | "E", text: string): void;
  /** How often the server or the command warned. */
  readonly warnings: number;
}

/** What a whole run of the program shares; the policy says which credential plug-ins may run. */
export function openSession(host: Host, globals: GlobalFlags, policy?: PluginPolicy): Session {
  let kubeconfig: Kubeconfig | undefined;
  let access: Access | undefined;
  let connection: Connection | undefined;
  let api: Api | undefined;
  let mapper: Promise<Mapper> | undefined;
  let warnings = 0;
  const told = new Set<string>();

  const warn = (text: string) => {
    warnings += 1;
    const label =
      host.stderr.isTerminal && !host.env.NO_COLOR && host.env.TERM !== "dumb"
        ? "\x1b[33;1mWarning:\x1b[0m"
        : "Warning:";
    host.stderr.write(`${label} ${text}\n`);
  };

  const makeMapper = async (): Promise<Mapper> => {
    const folder = globals["cache-dir"].replace(/^\$HOME(?=\/|$)/, host.env.HOME ?? homedir());
    const cache = discoveryCache({
      folder: globals["cache-dir"] === "$HOME/.kube/cache" ? (host.env.KUBECACHEDIR ?? folder) : folder,
      server: session.connection.server,
      now: () => host.clock.now(),
      pid: process.pid,
    });
    const ask = async () => {
      const found = await discover(session.api);
      cache.write(found);
      return found;
    };
    const known = cache.read();
    return known ? mapperOf(known, ask) : mapperOf(await ask());
  };

  const session: Session = {
    host,
    globals,
    get kubeconfig() {
      kubeconfig ??= loadKubeconfig({ explicit: globals.kubeconfig, env: host.env, cwd: host.cwd });
      return kubeconfig;
    },
    get access() {
      access ??= resolveAccess(this.kubeconfig, globals, host);
      return access;
    },
    get connection() {
      connection ??= connect(this.access, host, policy);
      return connection;
    },
    get api() {
      const { transport, server } = this.connection;
      api ??= apiOver(transport, {
        server,
        timeout: this.access.timeout,
        signal: host.signal,
        now: () => host.clock.now(),
        warn: (text) => {
          if (told.has(text)) warnings += 1;
          else warn(text);
          told.add(text);
        },
        ...(globals.v >= 6
          ? {
              tell: ({ method, path }, { status, ms }) => {
                host.stderr.write(`${method} ${server}${path} ${status} in ${Math.round(ms)} milliseconds\n`);
              },
            }
          : {}),
      });
      return api;
    },
    mapper() {
      mapper ??= makeMapper();
      return mapper;
    },
    say: (line) => host.stdout.write(`${line}\n`),
    complain: (line) => host.stderr.write(`${line}\n`),
    warn,
    log(level, text) {
      const [, month, day, time] = /^\d+-(\d\d)-(\d\d)T(.*)Z$/.exec(new Date(host.clock.now()).toISOString()) ?? [];
      host.stderr.write(`${level}${month}${day} ${time}000 ${String(process.pid).padStart(7)} kubectl.ts:1] ${text}\n`);
    },
    get warnings() {
      return warnings;
    },
    async [Symbol.asyncDispose]() {
      await connection?.[Symbol.asyncDispose]();
    },
  };
  return session;
}
