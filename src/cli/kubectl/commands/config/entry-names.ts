import { type Command, defineCommand } from "../../command.ts";
import { KubeconfigFiles, type Stanza } from "../../config/kubeconfig-edit.ts";

function names(plural: "clusters" | "users", stanza: Stanza): Command {
  return defineCommand({
    name: `get-${plural}`,
    short: `Display ${plural} defined in the kubeconfig`,
    usage: "[flags]",
    examples: `# Every one of the ${plural} that kubectl knows\nkubectl config get-${plural}`,
    async run({ session }) {
      // A file that is not there names nothing; the other commands want it.
      const { content } = new KubeconfigFiles(session);
      const known = [...content[stanza].keys()].sort();
      for (const line of ["NAME", ...known]) session.say(line);
    },
  });
}

/** `kubectl config get-clusters` */
export const getClusters = names("clusters", "clusters");
/** `kubectl config get-users` */
export const getUsers = names("users", "users");
