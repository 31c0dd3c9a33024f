import { type Command, defineCommand } from "../../command.ts";
import type { ExecEntry, UserEntry } from "../../config/kubeconfig.ts";
import { KubeconfigFiles } from "../../config/kubeconfig-edit.ts";
import { bool, list, text, type ValuesOf } from "../../flags/flag.ts";
import { globalFlags } from "../../flags/global.ts";
import { CommandError } from "../../messages.ts";
import { wrongArguments } from "./arguments.ts";
import { certificateFile, embedded } from "./set-cluster.ts";

const flags = {
  "auth-provider": text("The plug-in that knows how to log in, for clusters of old."),
  "auth-provider-arg": list("key=value for that plug-in; key- takes one away."),
  "client-certificate": globalFlags["client-certificate"],
  "client-key": globalFlags["client-key"],
  "embed-certs": bool("Keeps certificate and key themselves, not the paths of their files."),
  "exec-api-version": text("The API version that the credential program speaks."),
  "exec-arg": list("The credential program's arguments."),
  "exec-command": text("The credential program."),
  "exec-env": list("key=value in the credential program's environment; key- takes one away."),
  "exec-interactive-mode": text("Whether the credential program may ask the user: Never, IfAvailable or Always."),
  "exec-provide-cluster-info": bool("Whether the credential program hears of the cluster."),
  password: globalFlags.password,
  token: globalFlags.token,
  username: globalFlags.username,
} as const;

type Values = ValuesOf<typeof flags>;

/** `kubectl config set-credentials` */
export const setCredentials: Command = defineCommand({
  name: "set-credentials",
  short: "Set a user entry in kubeconfig",
  long: `Makes a user, or changes what is given of one that is there.

 Ways to log in: a certificate (--client-certificate, --client-key), a bearer token (--token), a password (--username, --password), a credential program (--exec-command). Token and password exclude each other.`,
  examples: `# Change the key of the user cluster-admin alone
kubectl config set-credentials cluster-admin --client-key=~/.kube/admin.key

# Ask a program for credentials
kubectl config set-credentials cluster-admin --exec-command=/path/to/the/executable --exec-api-version=client.authentication.k8s.io/v1`,
  usage:
    "NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] [--token=bearer_token] [--username=basic_user] [--password=basic_password] [--auth-provider=provider_name] [--auth-provider-arg=key=value] [--exec-command=exec_command] [--exec-api-version=exec_api_version] [--exec-arg=arg] [--exec-env=key=value]",
  flags,
  async run(invocation) {
    const { session, args, given } = invocation;
    const values = invocation.flags as unknown as Values;
    if (args.length !== 1) throw wrongArguments(setCredentials, invocation, "unexpected");
    const [name = ""] = args;
    const { host } = session;
    checkTogether({
      token: values.token,
      basic: values.username || values.password,
      embed: values["embed-certs"],
      pair: values["client-certificate"] || values["client-key"],
    });
    const user: Record<string, unknown> = { ...session.kubeconfig.users.get(name) };
    const take = (member: string, value: string) => {
      if (given.has(member)) user[member] = value;
    };
    for (const member of ["client-certificate", "client-key"] as const) {
      if (!given.has(member)) continue;
      const path = certificateFile(member, values[member], host.cwd);
      if (values["embed-certs"]) {
        user[`${member}-data`] = embedded(path);
        delete user[member];
      } else {
        user[member] = path;
        delete user[`${member}-data`];
      }
    }
    take("token", values.token);
    take("username", values.username);
    take("password", values.password);
    if (given.has("token")) for (const member of ["username", "password"]) delete user[member];
    if (given.has("username") || given.has("password"))
      for (const member of ["token", "tokenFile"]) delete user[member];
    const exec = execOf(user.exec as ExecEntry | undefined, values, given);
    if (exec) user.exec = exec;
    const provider = providerOf(user["auth-provider"] as Provider | undefined, values, given);
    if (provider) user["auth-provider"] = provider;
    new KubeconfigFiles(session).set("users", name, user as UserEntry);
    session.say(`User ${JSON.stringify(name)} set.`);
  },
});

interface Provider {
  readonly name?: string;
  readonly config?: Readonly<Record<string, string>>;
}

function checkTogether(asked: { token: string; basic: string; embed: boolean; pair: string }): void {
  if (asked.token && asked.basic) {
    throw new CommandError(
      "you cannot specify more than one authentication method at the same time: --token, --username/--password",
    );
  }
  if (asked.embed && !asked.pair) {
    throw new CommandError("you must specify a --client-certificate or --client-key to embed");
  }
}

function execOf(known: ExecEntry | undefined, values: Values, given: ReadonlySet<string>): ExecEntry | undefined {
  if (![...given].some((flag) => flag.startsWith("exec-"))) return undefined;
  const command = given.has("exec-command") ? values["exec-command"] : known?.command;
  const env = new Map((known?.env ?? []).map((one) => [one.name, one.value]));
  for (const word of values["exec-env"]) change(env, word);
  return {
    ...known,
    ...(command === undefined ? {} : { command }),
    ...(given.has("exec-api-version") ? { apiVersion: values["exec-api-version"] } : {}),
    ...(given.has("exec-arg") ? { args: values["exec-arg"] } : {}),
    ...(given.has("exec-env") ? { env: [...env].map(([name, value]) => ({ name, value })) } : {}),
    ...(given.has("exec-interactive-mode") ? { interactiveMode: values["exec-interactive-mode"] } : {}),
    ...(given.has("exec-provide-cluster-info") ? { provideClusterInfo: values["exec-provide-cluster-info"] } : {}),
  };
}

function providerOf(known: Provider | undefined, values: Values, given: ReadonlySet<string>): Provider | undefined {
  if (!given.has("auth-provider") && !given.has("auth-provider-arg")) return undefined;
  const same = !given.has("auth-provider") || known?.name === values["auth-provider"];
  const config = new Map(Object.entries((same ? known?.config : undefined) ?? {}));
  for (const word of values["auth-provider-arg"]) change(config, word);
  return {
    name: given.has("auth-provider") ? values["auth-provider"] : (known?.name ?? ""),
    config: Object.fromEntries(config),
  };
}

/** `key=value` sets, `key-` takes away. */
function change(entries: Map<string, string>, word: string): void {
  const at = word.indexOf("=");
  if (at > 0) entries.set(word.slice(0, at), word.slice(at + 1));
  else if (at < 0 && word.endsWith("-")) entries.delete(word.slice(0, -1));
  else throw new CommandError(`invalid auth-provider-arg: ${word}`);
}
