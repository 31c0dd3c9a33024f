import type { Command } from "commander";
import { Secret } from "../api/core/secret.ts";
import { humanDuration } from "../api/durations.ts";
import { createClient } from "../client/api-client.ts";
import type { Client } from "../client/client.ts";
import {
  generateToken,
  joiningGroup,
  parseToken,
  tokenId,
  tokenIn,
  tokenNamespace,
  tokenSecret,
  tokenSecretName,
  tokenText,
  tokenType,
  tokenUsages,
} from "../cluster/bootstrap-tokens.ts";
import type { ClusterConfig } from "../cluster/config.ts";
import { certificateFolder } from "../cluster/credentials.ts";
import { joinCommand } from "../cluster/discovery.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { systemRandom } from "../lib/random.ts";
import { isStatus } from "../machinery/status-error.ts";
import { parseDuration, timeOf } from "../machinery/times.ts";
import { adminTransport, type ClusterFlags, knownCluster } from "./cluster-access.ts";
import { alignedTable, commaList, oneOf } from "./flags.ts";

interface CreateFlags extends ClusterFlags {
  readonly ttl: string;
  readonly description?: string;
  readonly groups: readonly string[];
  readonly usages: readonly string[];
  readonly printJoinCommand?: boolean;
}

/** `navarch token create|list|delete|generate`. */
export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("manage the tokens by which other machines join");
  const command = (name: string, description: string) =>
    token
      .command(name)
      .description(description)
      .option("--name <name>", "the cluster", "navarch")
      .option("--data-dir <folder>", "where the cluster's data is kept");

  command("create", "make a token and show it")
    .argument("[token]", "of the form [a-z0-9]{6}.[a-z0-9]{16}; a random one unless said")
    .option("--ttl <duration>", "how long it is good for, as 90m or 24h; 0 is for ever", "24h0m0s")
    .option("--description <text>", "what it is for")
    .option("--groups <names>", "groups of those who come with it, with commas between", commaList, [joiningGroup])
    .option("--usages <words>", "what it is good for, with commas between", commaList, tokenUsages)
    .option("--print-join-command", "show the whole command for the machine that is to join")
    .action(create);
  command("list", "show the tokens").option("-o, --output <format>", "json for programs", oneOf("json")).action(list);
  command("delete", "take tokens away")
    .argument("<token...>", "whole tokens, or their first six characters")
    .action(remove);
  token
    .command("generate")
    .description("show a random token, which no cluster knows yet")
    .action(() => console.log(tokenText(generateToken(systemRandom))));
}

async function create(text: string | undefined, flags: CreateFlags): Promise<void> {
  const token = text === undefined ? generateToken(systemRandom) : parseToken(text);
  const { description, usages, groups } = flags;
  const stranger = usages.find((usage) => !tokenUsages.some((known) => known === usage));
  if (stranger !== undefined) throw new Fault("invalid", `--usages ${stranger}: it takes ${tokenUsages.join(", ")}`);
  const wrong = groups.find((group) => !/^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
  if (wrong !== undefined) throw new Fault("invalid", `--groups ${wrong}: a group begins with system:bootstrappers:`);
  const lasting = milliseconds(flags.ttl);
  const config = knownCluster(flags);
  await withClient(config, async (client) => {
    const terms = {
      usages,
      groups,
      ...(description ? { description } : {}),
      ...(lasting > 0 ? { expires: systemClock.now() + lasting } : {}),
    };
    try {
      await client.create(Secret, tokenSecret(token, terms));
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      throw new Fault("conflict", `a token with id ${JSON.stringify(token.id)} already exists`);
    }
  });
  if (!flags.printJoinCommand) return console.log(tokenText(token));
  const ca = certificateFolder(config).read("ca");
  if (!ca) throw new Fault("missing", `the cluster's authority is not in ${certificateFolder(config).path}`);
  console.log(joinCommand(`https://${config.nodeAddress}:${config.apiPort}`, token, ca.cert));
}

async function list(flags: ClusterFlags & { readonly output?: "json" }): Promise<void> {
  const now = systemClock.now();
  const tokens = await withClient(knownCluster(flags), async (client) => {
    const { items } = await client.list(Secret, { namespace: tokenNamespace, fieldSelector: `type=${tokenType}` });
    return items.flatMap((secret) => tokenIn(secret) ?? []);
  });
  if (flags.output === "json") {
    const shown = tokens.map(({ id, secret, expires, ...rest }) => ({
      token: tokenText({ id, secret }),
      ...(expires === undefined ? {} : { expires: timeOf(expires) }),
      ...rest,
    }));
    return console.log(JSON.stringify(shown, undefined, 2));
  }
  const rows = tokens.map(({ expires, usages, description = "<none>", groups, ...token }) => [
    tokenText(token),
    expires === undefined ? "<forever>" : humanDuration(expires - now),
    expires === undefined ? "<never>" : timeOf(expires),
    usages.join(",") || "<none>",
    description,
    groups.join(",") || "<none>",
  ]);
  console.log(alignedTable([["TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS"], ...rows]));
}

async function remove(texts: readonly string[], flags: ClusterFlags): Promise<void> {
  const ids = texts.map(tokenId);
  await withClient(knownCluster(flags), async (client) => {
    for (const id of ids) {
      try {
        await client.delete(Secret, { namespace: tokenNamespace, name: tokenSecretName(id) });
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
        throw new Fault("missing", `there is no bootstrap token ${JSON.stringify(id)}`);
      }
      console.log(`bootstrap token ${JSON.stringify(id)} deleted`);
    }
  });
}

async function withClient<T>(config: ClusterConfig, work: (client: Client) => Promise<T>): Promise<T> {
  await using transport = await adminTransport(config);
  return await work(createClient(transport, { fieldManager: "navarch" }));
}

function milliseconds(text: string): number {
  if (text === "0") return 0;
  try {
    return Number(parseDuration(text) / 1_000_000n);
  } catch {
    throw new Fault("invalid", `--ttl ${text} is no duration; write it as 90m or 24h`);
  }
}
