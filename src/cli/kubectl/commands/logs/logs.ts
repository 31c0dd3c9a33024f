import { lines } from "../../../../lib/lines.ts";
import { defineCommand } from "../../command.ts";
import { bool, duration, int, text } from "../../flags/flag.ts";
import { selectorFlag } from "../../flags/shared.ts";
import { CommandError, usageError } from "../../messages.ts";
import type { Query } from "../../resources/api.ts";
import { pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { type LogSource, logSources } from "./sources.ts";

const expected =
  "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command";

/** `kubectl logs` */
export const logs = defineCommand({
  name: "logs",
  short: "Print the logs for a container in a pod",
  long: "Print what containers wrote. Of a pod with several, one is taken unless -c or --all-containers says otherwise.",
  examples: `# What a pod's container wrote
kubectl logs nginx

# Go on with what it writes
kubectl logs -f nginx

# The last twenty lines of all containers of pods with a label
kubectl logs -l app=web --all-containers --tail=20`,
  usage: "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
  flags: {
    ...selectorFlag,
    "all-containers": bool("The logs of every container of the pods."),
    "all-pods": bool("The logs of every pod of the workload; sets --prefix."),
    container: text("The container.", { short: "c" }),
    follow: bool("Goes on with what is written.", { short: "f" }),
    "ignore-errors": bool("With --follow: goes on with the others when one cannot be read."),
    "insecure-skip-tls-verify-backend": bool("Does not check the node's certificate."),
    "limit-bytes": int("At most so many bytes; 0 for all."),
    "max-log-requests": int("How many logs may be followed at once.", { default: 5 }),
    "pod-running-timeout": duration("How long to wait for a pod.", { default: 20_000 }),
    prefix: bool("Each line tells its pod and container."),
    previous: bool("Of the container that ran before this one.", { short: "p" }),
    since: duration("Only what is newer than this; 0 for all."),
    "since-time": text("Only what was written after this time (RFC 3339)."),
    tail: int("So many lines from the end; -1 for all, 10 with a selector.", { default: -1 }),
    timestamps: bool("Each line tells its time."),
  },
  async run({ session, args, flags, given, path }) {
    if (args.length === 0 && !flags.selector) throw usageError(path, expected);
    if (args.length > 0 && flags.selector) throw usageError(path, "only a selector (-l) or a POD name is allowed");
    if (args.length > 2) throw usageError(path, expected);
    const [resource, second] = args;
    if (second !== undefined && flags.container)
      throw usageError(path, "only one of -c or an inline [CONTAINER] arg is allowed");
    const container = flags.container || (second ?? "");
    if (flags["all-containers"] && container) {
      throw new CommandError(`--all-containers=true should not be specified with container name ${container}`);
    }
    const query = logQuery(flags, given);
    const sources = await logSources(session, resource, {
      container,
      allContainers: flags["all-containers"],
      allPods: flags["all-pods"],
      selector: flags.selector,
      podTimeout: flags["pod-running-timeout"],
    });
    if (sources.length === 0) {
      session.complain(`No resources found in ${session.access.namespace} namespace.`);
      return;
    }
    if (flags.follow && sources.length > flags["max-log-requests"]) {
      throw new CommandError(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${flags["max-log-requests"]}, use --max-log-requests to increase the limit`,
      );
    }
    const prefix = flags.prefix || flags["all-pods"];
    const print = async (source: LogSource) => {
      try {
        await printLog(session, source, query, { prefix, whole: sources.length === 1 });
      } catch (error) {
        if (!flags["ignore-errors"]) throw error;
        session.host.stdout.write(`error: ${(error as Error).message}\n`);
      }
    };
    if (flags.follow) await Promise.all(sources.map(print));
    else for (const source of sources) await print(source);
  },
});

function logQuery(
  flags: {
    readonly follow: boolean;
    readonly previous: boolean;
    readonly timestamps: boolean;
    readonly since: number;
    readonly "since-time": string;
    readonly tail: number;
    readonly "limit-bytes": number;
    readonly selector: string;
    readonly "insecure-skip-tls-verify-backend": boolean;
  },
  given: ReadonlySet<string>,
): Query {
  const { since, "since-time": sinceTime, tail, "limit-bytes": limitBytes } = flags;
  if (since !== 0 && sinceTime) throw new CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified");
  if (sinceTime && Number.isNaN(Date.parse(sinceTime))) {
    throw new CommandError(
      `parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceTime)} as "2006"`,
    );
  }
  if (limitBytes < 0) throw new CommandError("--limit-bytes must be greater than 0");
  if (tail < -1) throw new CommandError("--tail must be greater than or equal to -1");
  if (since < 0) throw new CommandError("--since must be greater than 0");
  const lines = flags.selector && !given.has("tail") && !flags.follow ? 10 : tail;
  return {
    follow: flags.follow || undefined,
    previous: flags.previous || undefined,
    timestamps: flags.timestamps || undefined,
    sinceSeconds: since > 0 ? Math.ceil(since / 1000) : undefined,
    sinceTime: sinceTime || undefined,
    tailLines: lines >= 0 ? lines : undefined,
    limitBytes: limitBytes > 0 ? limitBytes : undefined,
    insecureSkipTLSVerifyBackend: flags["insecure-skip-tls-verify-backend"] || undefined,
  };
}

async function printLog(
  session: Session,
  { pod, container }: LogSource,
  query: Query,
  options: { readonly prefix: boolean; readonly whole: boolean },
): Promise<void> {
  const pods = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };
  const { stdout } = session.host;
  const path = pathOf(pods, { namespace: pod.metadata.namespace, name: pod.metadata.name }, "log");
  const stream = await session.api.stream({ path, query: { ...query, container }, accept: "application/json, */*" });
  if (!options.prefix && options.whole) {
    for await (const chunk of stream) stdout.write(chunk);
    return;
  }
  // Logs that come at the same time are mixed by lines, never within one.
  const start = options.prefix ? `[pod/${pod.metadata.name}/${container}] ` : "";
  for await (const line of lines(stream)) {
    stdout.write(`${start}${line}\n`);
  }
}
