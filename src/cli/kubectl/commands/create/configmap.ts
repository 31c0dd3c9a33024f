import { contentHash } from "../../../../kustomize/content-hash.ts";
import { bool, list, texts } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { generatorCommand, kindRef } from "./generator.ts";
import { isText, readSources } from "./sources.ts";

/** `kubectl create configmap` */
export const configmap = generatorCommand({
  name: "configmap",
  aliases: ["cm"],
  short: "Create a config map from a local file, directory or literal value",
  long: `Create a config map from files, folders or values on the command line.

 A file's key is its name unless another is given; of a folder every file with a name that can be a key is taken.`,
  examples: `# A key for each file of a folder
kubectl create configmap my-config --from-file=path/to/bar

# Two values
kubectl create configmap my-config --from-literal=key1=config1 --from-literal=key2=config2`,
  usage: "NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
  flags: {
    "from-file": list("A file, or key=file, or a folder of files."),
    from: texts("What --from=file=SOURCE of 2016 means is --from-file=SOURCE.", { hidden: true }),
    "from-literal": texts("A value, as key=value."),
    "from-env-file": list("A file of lines key=value."),
    "append-hash": bool("Puts a hash of the contents behind the name."),
  },
  kind: kindRef("v1", "ConfigMap", "configmaps"),
  failure: "failed to create configmap: ",
  async make({ flags, name, session }) {
    const slips = flags.from.map(meantFile);
    if (slips.length > 0) session.warn("--from=file= is read as --from-file=");
    const sources = { ...flags, "from-file": [...flags["from-file"], ...slips] };
    const entries = [...readSources(sources, { host: session.host, what: "ConfigMap", name })];
    const texts = entries.filter(([, value]) => isText(value));
    const bytes = entries.filter(([, value]) => !isText(value));
    const data = Object.fromEntries(texts.map(([key, value]) => [key, value.toString("utf8")]));
    const binaryData = Object.fromEntries(bytes.map(([key, value]) => [key, value.toString("base64")]));
    const content = {
      ...(texts.length > 0 ? { data } : {}),
      ...(bytes.length > 0 ? { binaryData } : {}),
    };
    if (!flags["append-hash"]) return content;
    const hashed = {
      kind: "ConfigMap",
      name,
      data: texts.length > 0 ? data : {},
      ...(bytes.length > 0 ? { binaryData } : {}),
    };
    return { ...content, metadata: { name: `${name}-${contentHash(hashed)}` } };
  },
});

/** The source in a slip of the pen that a document of 2016 prints, which can be read in one way only. */
function meantFile(text: string): string {
  if (text.startsWith("file=")) return text.slice("file=".length);
  throw new CommandError("unknown flag: --from\nSee 'kubectl create configmap --help' for usage.");
}
