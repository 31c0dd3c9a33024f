import { type Command, defineCommand } from "../../command.ts";
import { KubeconfigFiles, type Stanza } from "../../config/kubeconfig-edit.ts";
import { CommandError, usageError } from "../../messages.ts";
import { wrongArguments } from "./arguments.ts";

function deletion(kind: "cluster" | "context", stanza: Stanza): Command {
  const command: Command = defineCommand({
    name: `delete-${kind}`,
    short: `Delete the specified ${kind} from the kubeconfig`,
    examples: `# Delete the ${kind} minikube\nkubectl config delete-${kind} minikube`,
    usage: "NAME",
    async run(invocation) {
      const { session, args } = invocation;
      if (args.length !== 1) {
        const refusal = wrongArguments(command, invocation);
        // Upstream shows a context's help and calls it a success.
        if (kind === "context") return 0;
        throw refusal;
      }
      const [name = ""] = args;
      const files = new KubeconfigFiles(session);
      if (!session.kubeconfig[stanza].has(name)) {
        throw new CommandError(`cannot delete ${kind} ${name}, not in ${files.name}`);
      }
      if (kind === "context" && session.kubeconfig.currentContext === name) {
        session.complain(
          'warning: this removed your active context, use "kubectl config use-context" to select a different one',
        );
      }
      files.set(stanza, name, undefined);
      session.say(`deleted ${kind} ${name} from ${files.name}`);
      return 0;
    },
  });
  return command;
}

/** `kubectl config delete-cluster` */
export const deleteCluster = deletion("cluster", "clusters");
/** `kubectl config delete-context` */
export const deleteContext = deletion("context", "contexts");

/** `kubectl config delete-user` */
export const deleteUser = defineCommand({
  name: "delete-user",
  short: "Delete the specified user from the kubeconfig",
  examples: "# Delete the user minikube\nkubectl config delete-user minikube",
  usage: "NAME",
  async run({ session, args, path }) {
    if (args.length !== 1) throw usageError(path, "user to delete is required");
    const [name = ""] = args;
    const files = new KubeconfigFiles(session);
    if (!session.kubeconfig.users.has(name)) {
      throw new CommandError(`cannot delete user ${name}, not in ${files.name}`);
    }
    files.set("users", name, undefined);
    session.say(`deleted user ${name} from ${files.name}`);
  },
});
