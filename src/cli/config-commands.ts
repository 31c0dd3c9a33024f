import type { Command } from "commander";
import { createClient } from "../client/api-client.ts";
import { newCluster, planCluster } from "../cluster/config.ts";
import {
  type ClusterDescription,
  describeCluster,
  descriptionText,
  problemText,
  readDescription,
  simulatedIn,
  wishesIn,
} from "../cluster/description/description.ts";
import { clusterSchema } from "../cluster/description/schema.ts";
import { describeSimulated } from "../cluster/description/simulated-part.ts";
import { runningProcess } from "../cluster/process-lock.ts";
import { simulatedNodes } from "../cluster/simulated-nodes.ts";
import { errorMessage, Fault, faultCode } from "../lib/fault.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { oneOf } from "./flags.ts";

type Format = { readonly output: "yaml" | "json" };

/** `navarch config validate|render|export|schema`. */
export function addConfigCommands(program: Command): void {
  const config = program.command("config").description("a cluster as one document");
  const output = ["-o, --output <format>", "yaml or json", oneOf("yaml", "json"), "yaml"] as const;
  config
    .command("validate")
    .description("say what is wrong in a cluster's description, by line and column")
    .argument("<file>", "YAML or JSON")
    .action(validate);
  config
    .command("render")
    .description("print a description with everything that it leaves open filled in, as up would; changes nothing")
    .argument("<file>", "YAML or JSON")
    .option(...output)
    .action(render);
  config
    .command("export")
    .description("print the description that makes a cluster again; it holds no keys")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option(...output)
    .action(exported);
  config
    .command("schema")
    .description("print the JSON Schema of descriptions, for editors")
    .action(() => console.log(JSON.stringify(clusterSchema, undefined, 2)));
}

function validate(file: string): void {
  const description = soundDescription(file);
  try {
    newCluster(wishesIn(description, file), process.env);
  } catch (error) {
    // That this machine is full of clusters is no fault of the description.
    if (faultCode(error) === "invalid") throw new Fault("invalid", `${file}: ${errorMessage(error)}`, { cause: error });
    if (faultCode(error) !== "exhausted") throw error;
  }
  console.log(`${file} is sound`);
}

function render(file: string, { output }: Format): void {
  const description = soundDescription(file);
  const { nodes = {}, example } = description.spec ?? {};
  const simulated = nodes.simulated && simulatedIn(description, file);
  const whole = describeCluster(planCluster(wishesIn(description, file), process.env), simulated);
  print({ ...whole, spec: { ...whole.spec, ...(example ? { example } : {}) } }, output);
}

async function exported({ output, ...flags }: ClusterFlags & Format): Promise<void> {
  const config = knownCluster(flags);
  if (!runningProcess(config.runDir)) {
    console.error(`cluster ${config.name} does not run: simulated nodes, if it has any, are not in its description`);
    return print(describeCluster(config), output);
  }
  await using transport = await adminTransport(config);
  const found = describeSimulated(await simulatedNodes(createClient(transport)));
  if (found?.uneven) console.error("the simulated nodes differ in size; the first one's is told");
  print(describeCluster(config, found?.part), output);
}

/** A description that has nothing wrong. Throws Fault `invalid` with a line for each fault. */
export function soundDescription(file: string): ClusterDescription {
  const { description, problems } = readDescription(file);
  if (description) return description;
  throw new Fault(
    "invalid",
    `the description has ${problems.length === 1 ? "a fault" : `${problems.length} faults`}:\n${problemText(file, problems)}`,
  );
}

function print(description: ClusterDescription, format: Format["output"]): void {
  if (format === "json") console.log(JSON.stringify(description, undefined, 2));
  else process.stdout.write(descriptionText(description));
}
