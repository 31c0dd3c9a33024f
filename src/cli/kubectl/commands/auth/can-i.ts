import { defineCommand } from "../../command.ts";
import { bool, text } from "../../flags/flag.ts";
import { allNamespacesFlag } from "../../flags/shared.ts";
import { CommandError, NoResourceMatch, silentExit } from "../../messages.ts";
import type { ApiResource } from "../../resources/discovery.ts";
import { resourceVerbs } from "../../resources/policy-rules.ts";
import type { Session } from "../../session.ts";

const pathVerbs = new Set(["get", "put", "post", "head", "options", "delete", "patch", "*"]);

interface ReviewStatus {
  readonly allowed?: boolean;
  readonly reason?: string;
  readonly evaluationError?: string;
}

/** `kubectl auth can-i` */
export const canI = defineCommand({
  name: "can-i",
  short: "Check whether an action is allowed",
  long: `Asks the server whether you may do something. The exit code tells the answer too: 0 is yes, 1 is no.

 VERB is one such as get, list, watch, delete. TYPE is a resource, TYPE/NAME one object of it; NONRESOURCEURL begins with a slash.`,
  examples: `# May I create pods in this namespace, or in any?
kubectl auth can-i create pods
kubectl auth can-i create pods --all-namespaces

# May somebody else?
kubectl auth can-i list deployments.apps --as alice

# Everything that I may
kubectl auth can-i --list`,
  usage: "VERB [TYPE | TYPE/NAME | NONRESOURCEURL]",
  flags: {
    ...allNamespacesFlag,
    list: bool("Shows everything that is allowed."),
    "no-headers": bool("Leaves out the head of the table."),
    quiet: bool("Says nothing; the exit code is the answer.", { short: "q" }),
    subresource: text("A part of the resource, as log or scale."),
  },
  async run({ session, args, flags }) {
    const namespace = flags["all-namespaces"] ? "" : session.access.namespace;
    if (flags.list) {
      if (args.length > 0) throw new CommandError("list option must be specified with no arguments");
      await (await import("./allowed-rules.ts")).listAllowed(session, namespace, flags["no-headers"]);
      return;
    }
    const question = await questionOf(session, args, flags.subresource, namespace);
    const review = await session.api.call<{ readonly status?: ReviewStatus }>({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: question },
    });
    const { allowed = false, reason, evaluationError } = review.status ?? {};
    if (!flags.quiet) {
      const more = allowed ? "" : [reason, evaluationError].map((text) => (text ? ` - ${text}` : "")).join("");
      session.say(`${allowed ? "yes" : "no"}${more}`);
    }
    if (!allowed) throw silentExit(1);
  },
});

async function questionOf(
  session: Session,
  args: readonly string[],
  subresource: string,
  namespace: string,
): Promise<object> {
  const [verb = "", what = ""] = args;
  if (args.length !== 2) {
    throw new CommandError(
      "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
    );
  }
  if (what.startsWith("/")) {
    if (!pathVerbs.has(verb)) session.warn(`verb '${verb}' is not a known verb\n`);
    if (subresource) throw new CommandError("--subresource can not be used with NonResourceURL");
    return { nonResourceAttributes: { path: what, verb } };
  }
  const [type = "", ...rest] = what.split("/");
  const resource = await find(session, type);
  if (resource && !resource.namespaced && namespace !== "") {
    session.warn(
      `resource '${resource.plural}' is not namespace scoped${resource.group ? ` in group '${resource.group}'` : ""}\n`,
    );
  }
  if (!resourceVerbs.has(verb)) session.warn(`verb '${verb}' is not a known verb\n`);
  return {
    resourceAttributes: {
      namespace,
      verb,
      group: resource?.group ?? groupIn(type),
      resource: resource?.plural ?? type.split(".")[0],
      subresource,
      name: rest.join("/"),
    },
  };
}

const groupIn = (type: string) => type.split(".").slice(1).join(".");

async function find(session: Session, type: string): Promise<ApiResource | undefined> {
  if (type === "*") return undefined;
  try {
    return await (await session.mapper()).resource(type);
  } catch (error) {
    if (!(error instanceof NoResourceMatch)) throw error;
    const group = groupIn(type);
    const where = group ? ` in group '${group}'` : "";
    session.warn(`the server doesn't have a resource type '${type.split(".")[0]}'${where}\n`);
    return undefined;
  }
}
