import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorMessage } from "../../../../lib/fault.ts";
import { defineCommand } from "../../command.ts";
import { duration, list, text } from "../../flags/flag.ts";
import { allNamespacesFlag, printFlags } from "../../flags/shared.ts";
import type { Output } from "../../host.ts";
import { objectPrinter, type PrintFlagValues } from "../../output/printer.ts";
import { type AnyObject, itemsOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** What is dumped of each namespace, by the name of its file. */
const parts: readonly (readonly [file: string, root: string, plural: string])[] = [
  ["events", "/api/v1", "events"],
  ["replication-controllers", "/api/v1", "replicationcontrollers"],
  ["services", "/api/v1", "services"],
  ["daemonsets", "/apis/apps/v1", "daemonsets"],
  ["deployments", "/apis/apps/v1", "deployments"],
  ["replicasets", "/apis/apps/v1", "replicasets"],
  ["pods", "/api/v1", "pods"],
];

/** `kubectl cluster-info dump` */
export const dump = defineCommand({
  name: "dump",
  short: "Dump relevant information for debugging and diagnosis",
  long: "Writes down nodes, and events, controllers, services and pods with their logs of kube-system and the current namespace: to stdout, or into a folder.",
  examples: `# Everything of all namespaces into a folder
kubectl cluster-info dump --all-namespaces --output-directory=/path/to/cluster-state`,
  usage: "[flags]",
  flags: {
    ...printFlags,
    ...allNamespacesFlag,
    output: text("The form of the objects.", { short: "o", default: "json" }),
    namespaces: list("The namespaces to dump."),
    "output-directory": text("The folder to write to; stdout if empty or -."),
    "pod-running-timeout": duration("How long to wait for a pod to run before its logs are read.", { default: 20_000 }),
  },
  async run({ session, flags }) {
    const directory = flags["output-directory"] === "-" ? "" : flags["output-directory"];
    const writer = dumpWriter(session, directory, flags);
    await writer.object("nodes", await session.api.call<AnyObject>({ path: "/api/v1/nodes" }));
    for (const namespace of await namespacesOf(session, flags["all-namespaces"], flags.namespaces)) {
      let pods: AnyObject | undefined;
      for (const [file, root, plural] of parts) {
        const found = await session.api.call<AnyObject>({ path: `${root}/namespaces/${namespace}/${plural}` });
        await writer.object(`${namespace}/${file}`, found);
        if (plural === "pods") pods = found;
      }
      for (const pod of pods ? itemsOf(pods) : []) {
        await writer.text(`${namespace}/${pod.metadata.name}/logs.txt`, await logsOf(session, pod));
      }
    }
    if (directory) session.say(`Cluster info dumped to ${directory}`);
  },
});

async function namespacesOf(session: Session, all: boolean, named: readonly string[]): Promise<readonly string[]> {
  if (all) {
    const found = await session.api.call<AnyObject>({ path: "/api/v1/namespaces" });
    return itemsOf(found).map(({ metadata }) => metadata.name ?? "");
  }
  return named.length > 0 ? named : ["kube-system", session.access.namespace];
}

interface DumpWriter {
  object(name: string, object: AnyObject): Promise<void>;
  text(name: string, text: string): Promise<void>;
}

function dumpWriter(session: Session, directory: string, flags: PrintFlagValues): DumpWriter {
  const { host } = session;
  const extension = flags.output === "yaml" ? ".yaml" : flags.output === "json" ? ".json" : ".txt";
  const save = (name: string, contents: Uint8Array) => {
    const path = resolve(host.cwd, directory, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, contents);
  };
  return {
    async object(name, object) {
      const written: Uint8Array[] = [];
      const stdout: Output = { isTerminal: false, write: (part) => void written.push(Buffer.from(part)) };
      const into = directory ? { ...session, host: { ...host, stdout } } : session;
      (await objectPrinter(into as Session, flags)).print(object);
      if (directory) save(name + extension, Buffer.concat(written));
    },
    async text(name, contents) {
      if (directory) save(name, Buffer.from(contents));
      else host.stdout.write(contents);
    },
  };
}

async function logsOf(session: Session, pod: AnyObject): Promise<string> {
  const { name, namespace } = pod.metadata;
  const { initContainers = [], containers = [] } = pod.spec as Record<string, readonly { readonly name: string }[]>;
  let all = "";
  for (const container of [...initContainers, ...containers]) {
    all += `==== START logs for container ${container.name} of pod ${namespace}/${name} ====\n`;
    try {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/log`;
      const stream = await session.api.stream({ path, query: { container: container.name } });
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      all += Buffer.concat(chunks).toString("utf8");
    } catch (error) {
      all += `Request log error: ${errorMessage(error)}\n`;
    }
    all += `==== END logs for container ${container.name} of pod ${namespace}/${name} ====\n`;
  }
  return all;
}
