import { lstatSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { resolve } from "node:path";
import { aborted } from "../../../../lib/abort.ts";
import { refuseUpgrade } from "../../../../wire/upgrade-request.ts";
import { defineCommand } from "../../command.ts";
import { bool, duration, int, text } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { listenProblem } from "../../resources/listen-problem.ts";
import type { Session } from "../../session.ts";
import { requestFilter } from "./filter.ts";
import { openPassage } from "./pass-on.ts";
import { answerText, serveFile } from "./static-files.ts";

const defaultPort = 8001;

/** `kubectl proxy` */
export const proxy = defineCommand({
  name: "proxy",
  short: "Run a proxy to the Kubernetes API server",
  long: `Serve the API on a local address, with your credentials put to each request, and files of a folder beside it.

 Requests by other names than localhost are refused, so that a web page elsewhere cannot use your credentials.`,
  examples: `# The whole API
kubectl proxy

# Files at /static/ and the API at /api/
kubectl proxy --www=/my/files --www-prefix=/static/ --api-prefix=/api/

# The API at another root: curl localhost:8001/custom/api/v1/pods
kubectl proxy --api-prefix=/custom/

# On whichever port is free, which is printed
kubectl proxy --port=0`,
  usage: "[--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix]",
  flags: {
    "accept-hosts": text("Patterns of the hosts that requests may be made to, with commas between.", {
      default: "^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$",
    }),
    "accept-paths": text("Patterns of paths that are passed on.", { default: "^.*" }),
    address: text("The IP address to serve on.", { default: "127.0.0.1" }),
    "api-prefix": text("Where the API is served.", { default: "/" }),
    "append-server-path": bool("Puts the path of the server's address before each path."),
    "disable-filter": bool("Passes every request on. Web pages can then use your credentials."),
    keepalive: duration("How often an idle connection is tried; 0 for the system's own time."),
    port: int("The port to serve on; 0 for whichever is free.", { default: defaultPort, short: "p" }),
    "reject-methods": text("Patterns of methods that are refused, as POST,PUT,PATCH.", { default: "^$" }),
    "reject-paths": text("Patterns of paths that are refused, whatever --accept-paths says.", {
      default: "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach",
    }),
    "unix-socket": text("A Unix socket to serve on.", { short: "u" }),
    www: text("A folder whose files are served too.", { short: "w" }),
    "www-prefix": text("Where the files are served.", { default: "/static/", short: "P" }),
  },
  async run({ session, flags }) {
    const { host } = session;
    if (flags["disable-filter"] && flags["unix-socket"] === "") {
      session.log("W", "Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious");
    }
    const filter = flags["disable-filter"] ? undefined : requestFilter(flags);
    if (flags.port !== defaultPort && flags["unix-socket"] !== "") {
      throw new CommandError("cannot set --unix-socket and --port at the same time");
    }
    const folder = flags.www === "" ? undefined : folderOf(session, flags.www);
    const withSlash = (prefix: string) => (prefix.endsWith("/") ? prefix : `${prefix}/`);
    const apiPrefix = withSlash(flags["api-prefix"]);
    const filePrefix = withSlash(flags["www-prefix"]);
    using passage = openPassage(session, { serverPath: flags["append-server-path"] });

    /** The path at the API server, or why there is none. */
    const apiPath = (req: IncomingMessage): { readonly path: string } | { readonly refused: number } => {
      const { pathname, search } = urlOf(req);
      if (!pathname.startsWith(apiPrefix)) return { refused: 404 };
      // A prefix that looks like the API's own is a part of the path.
      const path = apiPrefix.startsWith("/api") ? pathname : `/${pathname.slice(apiPrefix.length)}`;
      const asked = { method: req.method ?? "", path: decoded(path), host: req.headers.host ?? "" };
      return filter && !filter.accepts(asked) ? { refused: 403 } : { path: path + search };
    };

    const server = createServer((req, res) => {
      const { pathname } = urlOf(req);
      const isFile = pathname.startsWith(filePrefix) && filePrefix.length >= apiPrefix.length;
      if (folder !== undefined && (isFile || (pathname.startsWith(filePrefix) && !pathname.startsWith(apiPrefix)))) {
        void serveFile(folder, `/${decoded(pathname.slice(filePrefix.length))}`, req, res);
        return;
      }
      if (folder !== undefined && `${pathname}/` === filePrefix) {
        res.writeHead(301, { location: filePrefix, "content-type": "text/html; charset=utf-8" });
        res.end(`<a href="${filePrefix}">Moved Permanently</a>.\n\n`);
        return;
      }
      const at = apiPath(req);
      if ("path" in at) void passage.request(req, res, at.path);
      else answerText(res, at.refused, at.refused === 404 ? "404 page not found" : "Forbidden");
    });
    server.on("upgrade", (req, socket, head) => {
      const at = apiPath(req);
      if ("path" in at) void passage.upgrade(req, socket, head, at.path);
      else refuseUpgrade(socket, at.refused, at.refused === 404 ? "404 page not found" : "Forbidden");
    });
    if (flags.keepalive > 0) server.on("connection", (socket) => socket.setKeepAlive(true, flags.keepalive));
    const socketFile = flags["unix-socket"] === "" ? undefined : resolve(host.cwd, flags["unix-socket"]);
    session.say(`Starting to serve on ${await listen(server, { ...flags, socketFile })}`);
    await aborted(host.signal);
    server.close();
    server.closeAllConnections();
    return 130;
  },
});

function folderOf(session: Session, name: string): string {
  const folder = resolve(session.host.cwd, name);
  try {
    if (!statSync(folder).isDirectory()) session.log("W", `Static file directory ${name} is not a directory`);
  } catch {
    session.log("W", `Failed to stat static file directory ${name}: stat ${name}: no such file or directory`);
  }
  return folder;
}

const urlOf = (req: IncomingMessage) => new URL(req.url ?? "/", "http://localhost");

/** A path as it is meant; one that is written wrongly stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly socketFile: string | undefined;
}

/** Starts to listen and gives the address, as people read it. Throws CommandError. */
async function listen(server: Server, { address, port, socketFile }: ListenOptions): Promise<string> {
  const mask = socketFile === undefined ? undefined : process.umask(0o077);
  try {
    if (socketFile !== undefined) removeSocket(socketFile);
    await new Promise<void>((done, reject) => {
      server.once("error", reject);
      if (socketFile === undefined) server.listen(port, address, done);
      else server.listen(socketFile, done);
    });
  } catch (error) {
    const where = socketFile === undefined ? `tcp ${address}:${port}` : `unix ${socketFile}`;
    throw new CommandError(listenProblem(error, where));
  } finally {
    if (mask !== undefined) process.umask(mask);
  }
  const bound = server.address();
  if (typeof bound === "string" || bound === null) return bound ?? "";
  return bound.family === "IPv6" ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

/** A socket of that name that nobody listens on any more stands in the way; another kind of file does so rightly. */
function removeSocket(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isSocket()) rmSync(file);
}
