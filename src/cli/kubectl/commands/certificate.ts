import { type Command, defineCommand } from "../command.ts";
import { bool } from "../flags/flag.ts";
import { fileFlags, printFlags } from "../flags/shared.ts";
import { CommandError } from "../messages.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../resources/selection.ts";
import { resultPrinter } from "../resources/writes.ts";

interface Condition {
  readonly type: string;
  readonly [member: string]: unknown;
}

function decision(verb: "approve" | "deny", type: "Approved" | "Denied", done: string): Command {
  return defineCommand({
    name: verb,
    short: `${verb === "approve" ? "Approve" : "Deny"} a certificate signing request`,
    long:
      verb === "approve"
        ? "Lets the signer issue what a request asks for. Look at who asks and for what before: the certificate may give all the rights there are."
        : "Keeps the signer from issuing what a request asks for.",
    examples: `# The request csr-sqgzp\nkubectl certificate ${verb} csr-sqgzp`,
    usage: "(-f FILENAME | NAME)",
    flags: {
      ...printFlags,
      ...fileFlags,
      force: bool(`Decides anew what is ${verb === "approve" ? "approved" : "denied"} already.`),
    },
    async run({ session, args, flags }) {
      if (args.length === 0 && flags.filename.length === 0) {
        throw new CommandError("one or more CSRs must be specified as <name> or -f <filename>");
      }
      const printer = await resultPrinter(session, flags, "none");
      const words = args.map((name) => (name.includes("/") ? name : `certificatesigningrequests/${name}`));
      const selected = await selectObjects(session, {
        args: words,
        filenames: flags.filename,
        recursive: flags.recursive,
        latest: true,
      });
      if (selected.infos.length === 0 && selected.errors.length === 0) session.say("No resources found");
      await forEachObject(selected, async ({ resource, name, object }) => {
        const decided = decide(object, type, flags.force, session.host.clock.now());
        const answer = decided
          ? await session.api.call<AnyObject>({
              method: "PUT",
              path: pathOf(resource, { name }, "approval"),
              body: decided,
            })
          : object;
        printer.print(answer, done);
      });
    },
  });
}

/** The request with the decision; undefined when it has that already. Throws CommandError when it has the other. */
function decide(object: AnyObject, type: "Approved" | "Denied", force: boolean, now: number): AnyObject | undefined {
  const status = (object.status ?? {}) as { readonly conditions?: readonly Condition[] };
  const { conditions = [] } = status;
  const other = type === "Approved" ? "Denied" : "Approved";
  if (conditions.some((one) => one.type === type) && !force) return undefined;
  if (conditions.some((one) => one.type === other)) {
    throw new CommandError(`certificate signing request ${JSON.stringify(object.metadata.name)} is already ${other}`);
  }
  const word = type === "Approved" ? "approve" : "deny";
  const condition = {
    type,
    status: "True",
    reason: type === "Approved" ? "KubectlApprove" : "KubectlDeny",
    message: `This CSR was ${word === "deny" ? "denied" : "approved"} by kubectl certificate ${word}.`,
    lastUpdateTime: new Date(now).toISOString().replace(/\.\d+Z$/, "Z"),
  };
  return {
    ...object,
    status: { ...status, conditions: [...conditions.filter((one) => one.type !== type), condition] },
  };
}

/** `kubectl certificate` */
export const certificate: Command = defineCommand({
  name: "certificate",
  short: "Modify certificate resources",
  usage: "SUBCOMMAND",
  // Unlike its like, it takes being called alone for a question.
  async run({ session, path }) {
    session.host.stdout.write((await import("../help.ts")).commandHelp(certificate, path));
  },
  subcommands: [
    {
      name: "approve",
      short: "Approve a certificate signing request",
      load: async () => decision("approve", "Approved", "approved"),
    },
    {
      name: "deny",
      short: "Deny a certificate signing request",
      load: async () => decision("deny", "Denied", "denied"),
    },
  ],
});
