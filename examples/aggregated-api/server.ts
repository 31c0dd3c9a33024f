import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";

/** An API server of one kind, Greeting, to stand behind a cluster's own: plain node:https and nothing else. */

const group = "example.navarch.dev";
const apiVersion = `${group}/v1`;
const root = `/apis/${group}/v1`;

interface Greeting {
  readonly apiVersion: string;
  readonly kind: "Greeting";
  readonly metadata: Record<string, unknown> & { readonly name: string; readonly namespace: string };
  readonly spec?: { readonly text?: string };
  readonly status?: { readonly greetedBy?: string; readonly groups?: readonly string[] };
}

export interface GreetingsOptions {
  readonly port: number;
  readonly host?: string;
  /** PEM: what this server shows, for the name `NAME.NAMESPACE.svc` of its Service. */
  readonly cert: string;
  readonly key: string;
  /** PEM: `requestheader-client-ca-file` of the ConfigMap kube-system/extension-apiserver-authentication. */
  readonly proxyCa: string;
}

const resources = [
  {
    name: "greetings",
    singularName: "greeting",
    namespaced: true,
    kind: "Greeting",
    verbs: ["create", "delete", "get", "list", "watch"],
    shortNames: ["gr"],
  },
];

const schema = {
  type: "object",
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { type: "object" },
    spec: { type: "object", properties: { text: { type: "string", description: "What is said." } } },
  },
  "x-kubernetes-group-version-kind": [{ group, version: "v1", kind: "Greeting" }],
};
const definition = "dev.navarch.example.v1.Greeting";
const fieldValidation = { name: "fieldValidation", in: "query" };

function openApi3(): object {
  const kind = { group, version: "v1", kind: "Greeting" };
  const create = {
    parameters: [{ ...fieldValidation, schema: { type: "string" } }],
    responses: { 201: { description: "Created" } },
    "x-kubernetes-action": "post",
    "x-kubernetes-group-version-kind": kind,
  };
  return {
    openapi: "3.0.0",
    info: { title: "Greetings", version: "v1" },
    paths: { [`${root}/namespaces/{namespace}/greetings`]: { post: create } },
    components: { schemas: { [definition]: schema } },
  };
}

function openApi2(): object {
  const responses = { 201: { description: "Created", schema: { $ref: `#/definitions/${definition}` } } };
  const kind = { group, version: "v1", kind: "Greeting" };
  const post = { operationId: "createGreeting", parameters: [{ ...fieldValidation, type: "string" }], responses };
  return {
    swagger: "2.0",
    info: { title: "Greetings", version: "v1" },
    paths: {
      [`${root}/namespaces/{namespace}/greetings`]: {
        post: { ...post, "x-kubernetes-action": "post", "x-kubernetes-group-version-kind": kind },
      },
    },
    definitions: { [definition]: schema },
  };
}

/** Serves greetings until closed. */
export async function serveGreetings(options: GreetingsOptions): Promise<{ readonly port: number; close(): void }> {
  const greetings = new Map<string, Greeting>();
  const watchers = new Set<{ readonly namespace: string; readonly response: ServerResponse }>();
  let revision = 1;

  const tell = (type: string, object: Greeting) => {
    for (const { namespace, response } of watchers) {
      if (namespace === "" || namespace === object.metadata.namespace)
        response.write(`${JSON.stringify({ type, object })}\n`);
    }
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "https://greetings");
    const path = url.pathname;
    if (path === root)
      return json(response, 200, { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources });
    if (path === "/openapi/v3") {
      return json(response, 200, {
        paths: { [`apis/${apiVersion}`]: { serverRelativeURL: `/openapi/v3/apis/${apiVersion}?hash=1` } },
      });
    }
    if (path === `/openapi/v3/apis/${apiVersion}`) return json(response, 200, openApi3());
    if (path === "/openapi/v2") return json(response, 200, openApi2());
    const [, namespace = "", name = ""] =
      /^(?:\/namespaces\/([^/]+))?\/greetings(?:\/([^/]+))?$/.exec(path.slice(root.length)) ?? [];
    if (!path.startsWith(root) || !path.includes("/greetings"))
      return refuse(response, 404, "NotFound", "no such path");
    if (request.method === "POST") {
      const sent = JSON.parse(await textOf(request)) as Greeting;
      const key = `${namespace}/${sent.metadata.name}`;
      if (greetings.has(key))
        return refuse(response, 409, "AlreadyExists", `greetings "${sent.metadata.name}" already exists`);
      revision += 1;
      const made: Greeting = {
        ...sent,
        apiVersion,
        kind: "Greeting",
        metadata: {
          ...sent.metadata,
          namespace,
          uid: crypto.randomUUID(),
          resourceVersion: String(revision),
          creationTimestamp: new Date().toISOString(),
        },
        status: {
          greetedBy: String(request.headers["x-remote-user"]),
          groups: request.headersDistinct["x-remote-group"] ?? [],
        },
      };
      greetings.set(key, made);
      tell("ADDED", made);
      return json(response, 201, made);
    }
    if (name === "") {
      const items = [...greetings.values()].filter(
        ({ metadata }) => namespace === "" || metadata.namespace === namespace,
      );
      if (url.searchParams.get("watch") !== "true" && url.searchParams.get("watch") !== "1") {
        return json(response, 200, {
          kind: "GreetingList",
          apiVersion,
          metadata: { resourceVersion: String(revision) },
          items,
        });
      }
      const watcher = { namespace, response };
      watchers.add(watcher);
      response.on("close", () => watchers.delete(watcher));
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      return;
    }
    const found = greetings.get(`${namespace}/${name}`);
    if (!found) return refuse(response, 404, "NotFound", `greetings.${group} "${name}" not found`);
    if (request.method === "DELETE") {
      greetings.delete(`${namespace}/${name}`);
      tell("DELETED", found);
    }
    json(response, 200, found);
  }

  const server = createServer(
    { key: options.key, cert: options.cert, ca: options.proxyCa, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      answer(request, response).catch((error: Error) => refuse(response, 400, "BadRequest", error.message));
    },
  );
  // A connection that leaves HTTP gets back what it sends, as a stand-in for exec and its like.
  server.on("upgrade", (request, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Asked-By: ${request.headers["x-remote-user"]}\r\n\r\n`,
    );
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  const sockets = new Set<TLSSocket>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(options.port, options.host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, code: number, reason: string, message: string): void {
  json(response, code, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

if (import.meta.main) {
  const [port = "8443", cert = "tls.crt", key = "tls.key", proxyCa = "proxy-ca.crt"] = process.argv.slice(2);
  const read = (path: string) => readFileSync(path, "utf8");
  const { port: bound } = await serveGreetings({
    port: Number(port),
    cert: read(cert),
    key: read(key),
    proxyCa: read(proxyCa),
  });
  console.log(`greetings are served on port ${bound}`);
}
