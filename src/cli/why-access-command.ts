import type { Command } from "commander";
import { createClient } from "../client/api-client.ts";
import { explainAccess } from "../cluster/explain-access.ts";
import { servedResources } from "../cluster/served-resources.ts";
import { type AccessWords, accessQuestion } from "./access-question.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { oneOf } from "./flags.ts";
import { accessText } from "./why-access-text.ts";

interface AccessFlags extends ClusterFlags {
  readonly as: string;
  readonly asGroup?: readonly string[];
  readonly namespace?: string;
  readonly allNamespaces?: true;
  readonly output?: "json";
}

/** `navarch why access VERB RESOURCE [NAME] --as USER`. */
export function addWhyAccessCommand(why: Command): void {
  why
    .command("access")
    .description("say why somebody may do something or not: by which binding, or which rule it would take")
    .argument("<verb>", "as get, create, delete")
    .argument("<what>", "a resource as pods, deployments.apps or pods/log, or a path as /metrics")
    .argument("[name]", "of one object")
    .requiredOption("--as <user>", "whom it is about; a service account as system:serviceaccount:NAMESPACE:NAME")
    .option("--as-group <group>", "a group that the user is in; may be given again", (group, before: string[] = []) => [
      ...before,
      group,
    ])
    .option("-n, --namespace <namespace>", "where (default: default)")
    .option("-A, --all-namespaces", "in every namespace")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(whyAccess);
}

async function whyAccess(verb: string, target: string, name: string | undefined, flags: AccessFlags): Promise<void> {
  await using transport = await adminTransport(knownCluster(flags));
  const { as, asGroup: groups, namespace, allNamespaces } = flags;
  const given = { name, groups, namespace, allNamespaces };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const words: AccessWords = { verb, target, as, ...said };
  const { question, warnings } = accessQuestion(words, await servedResources(transport));
  for (const warning of warnings) process.stderr.write(`navarch: warning: ${warning}\n`);
  const explanation = await explainAccess(createClient(transport), question);
  const { user, ...asked } = question;
  console.log(
    flags.output === "json"
      ? JSON.stringify({ user, asked, ...explanation }, undefined, 2)
      : accessText(question, explanation),
  );
}
