import { kubernetesVersion } from "../../../cluster/version.ts";
import { defineCommand } from "../command.ts";
import { bool, text } from "../flags/flag.ts";
import { CommandError } from "../messages.ts";

/** The kustomize that kubectl of this version carries. */
const kustomizeVersion = "v5.7.1";

interface VersionInfo {
  readonly major?: string;
  readonly minor?: string;
  readonly gitVersion?: string;
}

/** `kubectl version` */
export const version = defineCommand({
  name: "version",
  short: "Print the client and server version information",
  long: "Shows the versions of this program and of the server that the current context names.",
  examples: "# Both versions\nkubectl version",
  usage: "[flags]",
  flags: {
    client: bool("Only this program's own version; no server is asked."),
    output: text("yaml or json.", { short: "o" }),
  },
  async run({ session, args, flags }) {
    if (args.length > 0) throw new CommandError(`extra arguments: [${args.join(" ")}]`);
    if (!["", "yaml", "json"].includes(flags.output)) throw new CommandError("--output must be 'yaml' or 'json'");
    const client = clientVersion();
    let serverVersion: VersionInfo | undefined;
    let problem: unknown;
    if (!flags.client) {
      const { api } = session;
      try {
        serverVersion = await api.call<VersionInfo>({ path: "/version" });
      } catch (error) {
        problem = error;
      }
    }
    if (flags.output === "") {
      session.say(`Client Version: ${client.gitVersion}`);
      session.say(`Kustomize Version: ${kustomizeVersion}`);
      if (serverVersion) session.say(`Server Version: ${serverVersion.gitVersion}`);
    } else {
      const all = { clientVersion: client, kustomizeVersion, ...(serverVersion ? { serverVersion } : {}) };
      if (flags.output === "json") session.say(JSON.stringify(all, undefined, 2));
      else session.host.stdout.write(`${(await import("../../../machinery/yaml-text.ts")).encodeYaml(all)}\n`);
    }
    if (problem) throw problem;
    if (serverVersion) warnOfSkew(session, client, serverVersion);
  },
});

function clientVersion(): Required<VersionInfo> & Readonly<Record<string, string>> {
  const [, major = "", minor = ""] = /^v(\d+)\.(\d+)/.exec(kubernetesVersion) ?? [];
  return {
    major,
    minor,
    gitVersion: kubernetesVersion,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "node",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}

function warnOfSkew(session: { complain(line: string): void }, client: VersionInfo, server: VersionInfo): void {
  const minorOf = ({ minor = "" }: VersionInfo) => Number.parseInt(minor, 10);
  const difference = Math.abs(minorOf(client) - minorOf(server));
  if (client.major === server.major && !(difference > 1)) return;
  session.complain(
    `WARNING: version difference between client (${client.major}.${minorOf(client)}) and server (${server.major}.${minorOf(server)}) exceeds the supported minor version skew of +/-1`,
  );
}
