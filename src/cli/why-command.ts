import type { Command } from "commander";
import { askWhy } from "../cluster/explain-pod.ts";
import { Fault } from "../lib/fault.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { oneOf } from "./flags.ts";
import { addWhyAccessCommand } from "./why-access-command.ts";
import { explanationText } from "./why-text.ts";

interface WhyFlags extends ClusterFlags {
  readonly namespace: string;
  readonly output?: "json";
}

/** `navarch why pod/NAME` and `navarch why access`. */
export function addWhyCommand(program: Command): void {
  const command = program
    .command("why")
    .enablePositionalOptions()
    .description("say why a pod is on its node or on none: which nodes would do, which not, and what would change that")
    .argument("<pod>", "as pod/web")
    .option("-n, --namespace <namespace>", "the pod's namespace", "default")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(why);
  addWhyAccessCommand(command);
}

async function why(what: string, flags: WhyFlags): Promise<void> {
  const [, name] = /^(?:(?:pods?|po)\/)?([^/]+)$/.exec(what) ?? [];
  if (!name) throw new Fault("invalid", `"${what}" is no pod; name one as pod/web`);
  await using transport = await adminTransport(knownCluster(flags));
  const explanation = await askWhy(transport, { namespace: flags.namespace, name });
  console.log(flags.output === "json" ? JSON.stringify(explanation, undefined, 2) : explanationText(explanation));
}
