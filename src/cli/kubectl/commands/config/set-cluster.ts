import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, defineCommand } from "../../command.ts";
import { type ClusterEntry, fileProblem } from "../../config/kubeconfig.ts";
import { KubeconfigFiles } from "../../config/kubeconfig-edit.ts";
import { bool, text, type ValuesOf } from "../../flags/flag.ts";
import { globalFlags } from "../../flags/global.ts";
import { CommandError } from "../../messages.ts";
import { wrongArguments } from "./arguments.ts";

const setClusterFlags = {
  "certificate-authority": globalFlags["certificate-authority"],
  "embed-certs": bool("Keeps the certificate itself, not the path of its file."),
  "insecure-skip-tls-verify": globalFlags["insecure-skip-tls-verify"],
  "proxy-url": text("The proxy on the way to the server."),
  server: text(globalFlags.server.usage),
  "tls-server-name": globalFlags["tls-server-name"],
} as const;

/** `kubectl config set-cluster` */
export const setCluster: Command = defineCommand({
  name: "set-cluster",
  short: "Set a cluster entry in kubeconfig",
  long: "Makes a cluster, or changes what is given of one that is there.",
  examples: `# Change the address of the cluster e2e alone
kubectl config set-cluster e2e --server=https://1.2.3.4

# Keep the authority's certificate in the kubeconfig itself
kubectl config set-cluster e2e --embed-certs --certificate-authority=~/.kube/e2e/kubernetes.ca.crt`,
  usage:
    "NAME [--server=server] [--certificate-authority=path/to/certificate/authority] [--insecure-skip-tls-verify=true] [--tls-server-name=example.com]",
  flags: setClusterFlags,
  async run(invocation) {
    const { session, args, given } = invocation;
    const flags = invocation.flags as ValuesOf<typeof setClusterFlags>;
    if (args.length !== 1) throw wrongArguments(setCluster, invocation);
    const [name = ""] = args;
    const { host } = session;
    const authority = flags["certificate-authority"];
    if (flags["insecure-skip-tls-verify"] && authority) {
      throw new CommandError("you cannot specify a certificate authority and insecure mode at the same time");
    }
    if (flags["embed-certs"] && !authority) {
      throw new CommandError("you must specify a --certificate-authority to embed");
    }
    const entry: Record<string, unknown> = { ...session.kubeconfig.clusters.get(name) };
    if (given.has("server")) entry.server = flags.server;
    if (given.has("tls-server-name")) entry["tls-server-name"] = flags["tls-server-name"];
    if (given.has("insecure-skip-tls-verify")) {
      entry["insecure-skip-tls-verify"] = flags["insecure-skip-tls-verify"];
      if (flags["insecure-skip-tls-verify"]) {
        delete entry["certificate-authority"];
        delete entry["certificate-authority-data"];
      }
    }
    if (given.has("certificate-authority")) {
      const path = certificateFile("certificate-authority", authority, host.cwd);
      if (flags["embed-certs"]) {
        entry["certificate-authority-data"] = embedded(path);
        delete entry["certificate-authority"];
      } else {
        entry["certificate-authority"] = path;
        delete entry["certificate-authority-data"];
      }
      delete entry["insecure-skip-tls-verify"];
    }
    if (given.has("proxy-url")) entry["proxy-url"] = flags["proxy-url"];
    new KubeconfigFiles(session).set("clusters", name, entry as ClusterEntry);
    session.say(`Cluster ${JSON.stringify(name)} set.`);
  },
});

/** The path of a file that a flag names. Throws CommandError when there is none. */
export function certificateFile(flag: string, given: string, cwd: string): string {
  const path = resolve(cwd, given);
  if (existsSync(path)) return path;
  throw new CommandError(`could not stat ${flag} file ${given}: stat ${given}: no such file or directory`);
}

/** A file's bytes as the kubeconfig carries them. */
export function embedded(path: string): string {
  try {
    return readFileSync(path).toString("base64");
  } catch (error) {
    throw new CommandError(fileProblem(error, path));
  }
}
