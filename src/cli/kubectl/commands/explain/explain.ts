import { defineCommand } from "../../command.ts";
import { bool, text as textFlag } from "../../flags/flag.ts";
import { CommandError, NoResourceMatch } from "../../messages.ts";
import type { Mapper } from "../../resources/mapper.ts";
import { explanation } from "./explanation.ts";
import { kindIn, openApiOf } from "./open-api.ts";

const suggestion = 'Use "kubectl api-resources" for a complete list of supported resources.';

/** `kubectl explain` */
export const explain = defineCommand({
  name: "explain",
  short: "Get documentation for a resource",
  long: `Tells what the fields of a resource are, as the server describes them.

 A field is named by its path: TYPE.FIELD.FIELD

${suggestion}`,
  examples: `# What a pod is made of
kubectl explain pods

# One field
kubectl explain pods.spec.containers

# The names of all fields, to the last
kubectl explain deployments --recursive

# As another version has it
kubectl explain deployments --api-version=apps/v1`,
  usage: "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2]",
  flags: {
    "api-version": textFlag("The group and version to look in, as apps/v1."),
    output: textFlag("plaintext.", { short: "o", default: "plaintext" }),
    recursive: bool("Prints the names of the fields' fields too, without what is said of them."),
  },
  async run({ session, args, flags }) {
    const [word, ...more] = args;
    if (word === undefined) throw new CommandError(`You must specify the type of resource to explain. ${suggestion}`);
    if (more.length > 0) throw new CommandError("We accept only this format: explain RESOURCE");
    if (flags.output === "plaintext-openapiv2") {
      throw new CommandError("plaintext-openapiv2 is not supported here; plaintext says the same from OpenAPI v3");
    }
    const asked = await typeAndFields(word, await session.mapper());
    if (flags.output !== "plaintext") throw new CommandError(`unrecognized format: ${flags.output}`);
    const { group, version } = flags["api-version"] ? groupVersion(flags["api-version"]) : asked.resource;
    const { plural } = asked.resource;
    const document = await openApiOf(session, { group, version, plural });
    const kind = kindIn(document, { group, version, plural });
    const { text, missing } = explanation(document, kind, { fields: asked.fields, recursive: flags.recursive });
    session.host.stdout.write(text);
    if (missing !== undefined) throw new CommandError(`field "${missing}" does not exist`);
  },
});

function groupVersion(written: string): { readonly group: string; readonly version: string } {
  const [first = "", second, ...more] = written.split("/");
  if (more.length > 0) throw new CommandError(`unexpected GroupVersion string: ${written}`);
  return second === undefined ? { group: "", version: first } : { group: first, version: second };
}

/** `deployments.apps.spec.replicas`: a group may stand between a type's full name and the fields. */
async function typeAndFields(word: string, mapper: Mapper) {
  const [type = "", ...fields] = word.replace(/\.$/, "").split(".");
  const groups = mapper
    .preferred()
    .filter(({ plural, group }) => plural === type && group !== "" && `${fields.join(".")}.`.startsWith(`${group}.`));
  const [inGroup] = groups.toSorted((a, b) => b.group.length - a.group.length);
  if (inGroup) return { resource: inGroup, fields: fields.slice(inGroup.group.split(".").length) };
  try {
    return { resource: await mapper.resource(type), fields };
  } catch (error) {
    throw error instanceof NoResourceMatch ? new CommandError(error.message, { verbatim: true }) : error;
  }
}
