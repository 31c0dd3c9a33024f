import { statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildText } from "../../../kustomize/build.ts";
import type { Members } from "../../../kustomize/identity.ts";
import { idOf } from "../../../kustomize/identity.ts";
import { encodeYaml } from "../../../machinery/codec-yaml.ts";
import { defineCommand } from "../command.ts";
import { bool, list, text } from "../flags/flag.ts";
import { CommandError } from "../messages.ts";
import { kustomized } from "../resources/kustomizations.ts";

const restrictions = ["LoadRestrictionsRootOnly", "LoadRestrictionsNone"];

/** `kubectl kustomize` */
export const kustomize = defineCommand({
  name: "kustomize",
  short: "Build a kustomization target from a directory or URL",
  long: `Build the objects that a kustomization.yaml describes, and print them.

 DIR is the folder of the kustomization; without it the current one. Kustomizations of other machines are not fetched, and no
 other program is run.`,
  examples: `# Build the current folder
kubectl kustomize

# Build another one
kubectl kustomize overlays/production

# Build one and apply it
kubectl apply -k overlays/production`,
  usage: "DIR [flags]",
  flags: {
    "as-current-user": bool("Has no effect: no functions are run."),
    "enable-alpha-plugins": bool("Refused: no plugins are run."),
    "enable-helm": bool("Refused: no charts are inflated."),
    env: list("Has no effect: no functions are run.", { short: "e" }),
    "helm-api-versions": list("Has no effect: no charts are inflated."),
    "helm-command": text("Has no effect: no charts are inflated.", { default: "helm" }),
    "helm-debug": bool("Has no effect: no charts are inflated."),
    "helm-kube-version": text("Has no effect: no charts are inflated."),
    "load-restrictor": text(
      "With LoadRestrictionsNone a kustomization may read files outside its folder, which ties it to its place.",
      { default: "LoadRestrictionsRootOnly" },
    ),
    mount: list("Has no effect: no functions are run."),
    network: bool("Has no effect: no functions are run."),
    "network-name": text("Has no effect: no functions are run.", { default: "bridge" }),
    output: text("A file to write to, or a folder that gets a file for each object.", { short: "o" }),
  },
  async run({ session, flags, args }) {
    const { host } = session;
    if (args.length > 1) throw new CommandError("specify one path to kustomization.yaml");
    for (const name of ["enable-alpha-plugins", "enable-helm"] as const) {
      if (flags[name]) throw new CommandError(`--${name} is not supported: builds run no other programs`);
    }
    if (!restrictions.includes(flags["load-restrictor"])) {
      throw new CommandError(
        `illegal flag value --load-restrictor ${flags["load-restrictor"]}; legal values: [${restrictions.join(" ")}]`,
      );
    }
    const unrestricted = flags["load-restrictor"] === "LoadRestrictionsNone";
    const objects = kustomized(args[0] ?? ".", host, { unrestricted });
    if (!flags.output) {
      host.stdout.write(buildText(objects));
      return;
    }
    const path = resolve(host.cwd, flags.output);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      for (const object of objects) writeFileSync(join(path, fileNameOf(object)), encodeYaml(object));
    } else writeFileSync(path, buildText(objects));
  },
});

/** A file's name that no other object of the build has. */
function fileNameOf(object: Members): string {
  const { group, version, kind, name, namespace } = idOf(object);
  const parts = [namespace, group, version, kind, name].filter((part) => part !== "");
  return `${parts.join("_").toLowerCase()}.yaml`;
}
