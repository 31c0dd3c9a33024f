import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { contentHash } from "../../../../kustomize/content-hash.ts";
import { defineCommand } from "../../command.ts";
import { fileProblem } from "../../config/kubeconfig.ts";
import { bool, list, text, texts } from "../../flags/flag.ts";
import type { Host } from "../../host.ts";
import { CommandError } from "../../messages.ts";
import { generatorCommand, kindRef } from "./generator.ts";
import { readSources } from "./sources.ts";

const kind = kindRef("v1", "Secret", "secrets");
const failure = "failed to create secret ";
const hashFlag = { "append-hash": bool("Puts a hash of the contents behind the name.") } as const;

const generic = generatorCommand({
  name: "generic",
  short: "Create a secret from a local file, directory, or literal value",
  usage: "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
  flags: {
    "from-file": list("A file, or key=file, or a folder of files."),
    "from-literal": texts("A value, as key=value."),
    "from-env-file": list("A file of lines key=value."),
    type: text("The type of secret; Opaque when nothing is said."),
    ...hashFlag,
  },
  kind,
  failure,
  async make({ flags, name, session }) {
    const entries = [...readSources(flags, { host: session.host, what: "Secret", name })];
    const data = Object.fromEntries(entries.map(([key, value]) => [key, value.toString("base64")]));
    return secretObject(name, flags, entries.length > 0 ? data : undefined, flags.type);
  },
});

const dockerRegistry = generatorCommand({
  name: "docker-registry",
  short: "Create a secret for use with a Docker registry",
  usage:
    "NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string] [--from-file=[key=]source] [--dry-run=server|client|none]",
  flags: {
    "docker-username": text("The user name at the registry."),
    "docker-password": text("The password at the registry."),
    "docker-email": text("The mail address at the registry."),
    "docker-server": text("The registry's address.", { default: "https://index.docker.io/v1/" }),
    "from-file": list("A configuration file of Docker in the place of the other flags."),
    ...hashFlag,
  },
  kind,
  failure,
  async make({ flags, name, session }) {
    const files = flags["from-file"];
    const { "docker-username": username, "docker-password": password, "docker-server": server } = flags;
    if (files.length === 0 && (!username || !password || !server)) {
      throw new CommandError(
        "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
      );
    }
    const type = "kubernetes.io/dockerconfigjson";
    if (files.length > 0) {
      const named = files.map((file) => (file.includes("=") ? file : `.dockerconfigjson=${file}`));
      const sources = { "from-file": named, "from-literal": [], "from-env-file": [] };
      const entries = [...readSources(sources, { host: session.host, what: "Secret", name })];
      return secretObject(
        name,
        flags,
        Object.fromEntries(entries.map(([key, value]) => [key, value.toString("base64")])),
        type,
      );
    }
    const login = {
      username,
      password,
      ...(flags["docker-email"] ? { email: flags["docker-email"] } : {}),
      auth: Buffer.from(`${username}:${password}`).toString("base64"),
    };
    const config = Buffer.from(JSON.stringify({ auths: { [server]: login } })).toString("base64");
    return secretObject(name, flags, { ".dockerconfigjson": config }, type);
  },
});

const tls = generatorCommand({
  name: "tls",
  short: "Create a TLS secret",
  usage: "NAME --cert=path/to/cert/file --key=path/to/key/file [--dry-run=server|client|none]",
  flags: {
    cert: text("The file of the certificate in PEM."),
    key: text("The file of its private key."),
    ...hashFlag,
  },
  kind,
  failure,
  async make({ flags, name, session }) {
    if (!flags.cert || !flags.key) throw new CommandError("key and cert must be specified");
    const [cert, key] = [read(flags.cert, session.host), read(flags.key, session.host)];
    checkPair(cert, key);
    const data = { "tls.crt": cert.toString("base64"), "tls.key": key.toString("base64") };
    return secretObject(name, flags, data, "kubernetes.io/tls");
  },
});

function read(file: string, host: Host): Buffer {
  try {
    return readFileSync(resolve(host.cwd, file));
  } catch (error) {
    throw new CommandError(`Cannot read file ${file}, ${fileProblem(error, file)}`);
  }
}

function checkPair(cert: Buffer, key: Buffer): void {
  if (!/-----BEGIN CERTIFICATE-----/.test(cert.toString("latin1"))) {
    throw new CommandError("tls: failed to find any PEM data in certificate input");
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key.toString("latin1"))) {
    throw new CommandError("tls: failed to find any PEM data in key input");
  }
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new CommandError(`tls: ${(error as Error).message}`);
  }
  if (!fits) throw new CommandError("tls: private key does not match public key");
}

function secretObject(
  name: string,
  flags: { readonly "append-hash": boolean },
  data: Readonly<Record<string, string>> | undefined,
  type: string,
) {
  const content = { ...(data ? { data } : {}), ...(type ? { type } : {}) };
  if (!flags["append-hash"]) return content;
  return { ...content, metadata: { name: `${name}-${contentHash({ kind: "Secret", type, name, data: data ?? {} })}` } };
}

/** `kubectl create secret` */
export const secret = defineCommand({
  name: "secret",
  short: "Create a secret using a specified subcommand",
  usage: "(docker-registry | generic | tls)",
  subcommands: [dockerRegistry, generic, tls].map((command) => ({ ...command, load: async () => command })),
});
