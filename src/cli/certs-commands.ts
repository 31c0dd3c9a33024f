import type { Command } from "commander";
import { inspectCertificates } from "../cluster/certificate-report.ts";
import type { ClusterConfig } from "../cluster/config.ts";
import { authorityNames, ensureCredentials, ensureNodeCredentials } from "../cluster/credentials.ts";
import { contextName, installKubeconfig, kubeconfigPath, readKubeconfig } from "../cluster/kubeconfig.ts";
import { localNodes } from "../cluster/local-nodes.ts";
import { accessTo } from "../cluster/up.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";
import { type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { alignedTable, oneOf } from "./flags.ts";

interface CertsFlags extends ClusterFlags {
  readonly output?: "json";
}

/** `navarch certs check|renew`. */
export function addCertsCommands(program: Command): void {
  const certs = program.command("certs").description("look after a cluster's certificates");
  certs
    .command("check")
    .description("show every certificate and when it ends; fails when one is of no use any more")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(check);
  certs
    .command("renew")
    .description("make certificates anew; a running cluster takes them over within a minute")
    .argument("[certificate...]", "their names as `check` shows them; all but the authorities when none is named")
    .option("--name <name>", "the cluster", "navarch")
    .option("--data-dir <folder>", "where the cluster's data is kept")
    .option("--dry-run", "say which would be made anew; change nothing")
    .option("-o, --output <format>", "json for programs", oneOf("json"))
    .action(renew);
}

function check(flags: CertsFlags): void {
  show(knownCluster(flags), flags);
}

async function renew(names: readonly string[], flags: CertsFlags & { readonly dryRun?: boolean }): Promise<void> {
  const config = knownCluster(flags);
  const present = inspectCertificates(config, systemClock.now()).map(({ name }) => name);
  for (const name of names) {
    if (authorityNames.includes(name)) {
      throw new Fault(
        "unsupported",
        `${name} is an authority: every certificate hangs on it, and it stays for the cluster's life`,
      );
    }
    if (!present.includes(name))
      throw new Fault("missing", `there is no certificate ${name}; there are: ${present.join(", ")}`);
  }
  const wanted = (name: string) => names.length === 0 || names.includes(name);
  if (flags.dryRun) {
    const renewed = present.filter((name) => wanted(name) && !authorityNames.includes(name));
    if (flags.output === "json") console.log(JSON.stringify({ renewed }, undefined, 2));
    else for (const name of renewed) console.log(`${name} would be made anew`);
    return;
  }
  const tools = { clock: systemClock, random: systemRandom };
  const credentials = await ensureCredentials(config, tools, wanted);
  for (const node of localNodes(config)) await ensureNodeCredentials(config, node, tools, wanted);
  const path = kubeconfigPath(process.env);
  const context = contextName(config.name);
  // Whoever keeps the admin's access elsewhere has it from there.
  if (wanted("admin") && readKubeconfig(path).contexts?.some(({ name }) => name === context)) {
    installKubeconfig(path, accessTo(config, credentials));
  }
  show(config, flags);
}

function show(config: ClusterConfig, { output }: CertsFlags): void {
  const report = inspectCertificates(config, systemClock.now());
  if (report.some(({ state }) => state !== "good" && state !== "ending")) process.exitCode = 1;
  if (output === "json") {
    console.log(JSON.stringify({ certificates: report }, undefined, 2));
    return;
  }
  const rows = report.map(({ name, subject, issuer, notAfter, daysLeft, state, fault }) => [
    name,
    subject,
    issuer,
    notAfter.slice(0, 10),
    notAfter ? `${daysLeft}d` : "",
    fault ? `${state}: ${fault}` : state,
  ]);
  console.log(alignedTable([["NAME", "SUBJECT", "ISSUER", "ENDS", "LEFT", "STATE"], ...rows]));
}
