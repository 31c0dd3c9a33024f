import { type Command, defineCommand } from "../../command.ts";
import { KubeconfigFiles } from "../../config/kubeconfig-edit.ts";
import { bool, text, type ValuesOf } from "../../flags/flag.ts";
import { CommandError, throwAll } from "../../messages.ts";
import { alignTabs, tableTabs } from "../../output/tab-align.ts";
import { wrongArguments } from "./arguments.ts";

/** `kubectl config current-context` */
export const currentContext = defineCommand({
  name: "current-context",
  short: "Display the current-context",
  usage: "[flags]",
  examples: "# The context that commands use now\nkubectl config current-context",
  async run({ session }) {
    const { currentContext: current } = session.kubeconfig;
    if (!current) throw new CommandError("current-context is not set");
    session.say(current);
  },
});

/** `kubectl config get-contexts` */
export const getContexts = defineCommand({
  name: "get-contexts",
  short: "Describe one or many contexts",
  long: "Shows one or many contexts of the kubeconfig.",
  examples: "# Every context\nkubectl config get-contexts\n\n# One of them\nkubectl config get-contexts my-context",
  usage: "[(-o|--output=)name)]",
  flags: {
    "no-headers": bool("Leaves out the head of the table."),
    output: text("What to print: name, or nothing for a table.", { short: "o" }),
  },
  async run({ session, args, flags }) {
    if (flags.output !== "" && flags.output !== "name") {
      throw new CommandError(
        `--output ${flags.output} is not available in kubectl config get-contexts; resetting to default output format`,
      );
    }
    const { contexts, currentContext: current } = session.kubeconfig;
    const errors: CommandError[] = [];
    const names = args.length === 0 ? [...contexts.keys()].sort() : args;
    const lines = flags["no-headers"] || flags.output === "name" ? [] : ["CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE"];
    for (const name of args.length === 0 ? names : [...names].sort()) {
      const context = contexts.get(name);
      if (!context) errors.push(new CommandError(`context ${name} not found`));
      else if (flags.output === "name") lines.push(name);
      else {
        const { cluster = "", user = "", namespace = "" } = context;
        lines.push([name === current ? "*" : "", name, cluster, user, namespace].join("\t"));
      }
    }
    if (lines.length > 0) session.host.stdout.write(alignTabs(`${lines.join("\n")}\n`, tableTabs));
    throwAll(errors);
  },
});

/** `kubectl config use-context` */
export const useContext: Command = defineCommand({
  name: "use-context",
  short: "Set the current-context in a kubeconfig file",
  long: "Makes a context the one that commands use.",
  examples: "# Use the context minikube from now on\nkubectl config use-context minikube",
  usage: "CONTEXT_NAME",
  aliases: ["use"],
  async run(invocation) {
    const { session, args } = invocation;
    const [name = "", ...rest] = args;
    if (args.length !== 1 || rest.length > 0) throw wrongArguments(useContext, invocation);
    if (!session.kubeconfig.contexts.has(name)) {
      throw new CommandError(`no context exists with the name: ${JSON.stringify(name)}`);
    }
    new KubeconfigFiles(session).setCurrent(name);
    session.say(`Switched to context ${JSON.stringify(name)}.`);
  },
});

/** `kubectl config rename-context` */
export const renameContext: Command = defineCommand({
  name: "rename-context",
  short: "Rename a context from the kubeconfig file",
  long: "Gives a context another name; if it is the current one, it stays so.",
  examples: "# Rename the context old-name\nkubectl config rename-context old-name new-name",
  usage: "CONTEXT_NAME NEW_NAME",
  async run(invocation) {
    const { session, args } = invocation;
    if (args.length !== 2) throw wrongArguments(renameContext, invocation);
    const [from = "", to = ""] = args;
    const files = new KubeconfigFiles(session);
    const { contexts, currentContext: current } = session.kubeconfig;
    const context = contexts.get(from);
    if (!context) throw new CommandError(`cannot rename the context "${from}", it's not in ${files.name}`);
    if (contexts.has(to)) {
      throw new CommandError(
        `cannot rename the context "${from}", the context "${to}" already exists in ${files.name}`,
      );
    }
    files.set("contexts", from, undefined);
    files.set("contexts", to, context);
    if (current === from) files.setCurrent(to);
    session.say(`Context "${from}" renamed to "${to}".`);
  },
});

const setContextFlags = {
  cluster: text("The context's cluster."),
  current: bool("Changes the current context."),
  namespace: text("The context's namespace."),
  user: text("The context's user."),
} as const;

/** `kubectl config set-context` */
export const setContext: Command = defineCommand({
  name: "set-context",
  short: "Set a context entry in kubeconfig",
  long: "Makes a context, or changes what is given of one that is there.",
  examples: "# Change the user of the context gce alone\nkubectl config set-context gce --user=cluster-admin",
  usage: "[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] [--namespace=namespace]",
  flags: setContextFlags,
  async run(invocation) {
    const { session, args } = invocation;
    const { current, cluster, user, namespace } = invocation.flags as ValuesOf<typeof setContextFlags>;
    if (args.length > 1) throw wrongArguments(setContext, invocation, "Unexpected");
    if (args.length === 1 && current) throw new CommandError("you cannot specify both a context name and --current");
    if (args.length === 0 && !current) throw new CommandError("you must specify a non-empty context name or --current");
    const { contexts, currentContext: active } = session.kubeconfig;
    const name = args[0] ?? active;
    if (name === "") throw new CommandError("no current context is set");
    const given = Object.entries({ cluster, user, namespace }).filter(([, value]) => value !== "");
    const known = contexts.get(name);
    new KubeconfigFiles(session).set("contexts", name, { ...known, ...Object.fromEntries(given) });
    session.say(`Context "${name}" ${known ? "modified" : "created"}.`);
  },
});
