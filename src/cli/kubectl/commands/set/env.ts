import { text as readAll } from "node:stream/consumers";
import { defineCommand } from "../../command.ts";
import { bool, list, text, texts } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { type Container, type EnvVar, podSpecOf, withContainers, withPodSpec } from "../../resources/pod-template.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { selectObjects } from "../../resources/selection.ts";
import type { Session } from "../../session.ts";
import { changeFlags, changeObjects } from "./change.ts";
import { listEnv } from "./env-list.ts";
import { noTemplate } from "./words.ts";

/** `kubectl set env` */
export const env = defineCommand({
  name: "env",
  short: "Update environment variables on a pod template",
  long: "Set, remove or list environment variables of containers. KEY- removes one; - reads them from stdin.",
  examples: `# Set a variable
kubectl set env deployment/registry STORAGE_DIR=/local

# From all keys of a config map
kubectl set env --from=configmap/myconfigmap --prefix=MYSQL_ deployment/web

# What is set
kubectl set env deployment/web --list`,
  usage: "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
  flags: {
    ...changeFlags,
    containers: text("The containers to change; * is any number of letters.", { short: "c", default: "*" }),
    env: texts("A variable, as KEY=VALUE.", { short: "e" }),
    from: text("A config map or secret whose keys become variables."),
    keys: list("Only these keys of it."),
    list: bool("Prints the variables."),
    overwrite: bool("Changes what is set already.", { default: true }),
    prefix: text("Goes before the names of variables from a config map or secret."),
    resolve: bool("With --list: shows what references stand for."),
  },
  async run({ session, args, flags }) {
    const at = args.findIndex((word) => word === "-" || word.includes("=") || word.endsWith("-"));
    const resources = at < 0 ? args : args.slice(0, at);
    const words = [...(at < 0 ? [] : args.slice(at)), ...flags.env];
    const fromStdin = words.includes("-") ? (await readAll(session.host.stdin)).split("\n").filter(Boolean) : [];
    const changes = readChanges([...words.filter((word) => word !== "-"), ...fromStdin]);
    const added = [...changes.set, ...(flags.from ? await fromSource(session, flags) : [])];
    const selection = {
      args: resources,
      filenames: flags.filename,
      recursive: flags.recursive,
      labelSelector: flags.selector,
      all: flags.all,
      latest: !flags.local,
      local: flags.local,
    };
    if (flags.list) {
      await listEnv(session, await selectObjects(session, selection), flags);
      return;
    }
    await changeObjects(session, flags, {
      args: resources,
      done: "env updated",
      change({ object, resource, name }) {
        const spec = podSpecOf(object);
        if (!spec) throw noTemplate(resource, name);
        const changed = withContainers(
          spec,
          flags.containers,
          (container) => {
            if (!flags.overwrite) refuseOverwriting(container, added, `${resource.plural}/${name}`);
            return withEnv(container, added, changes.remove);
          },
          { init: true },
        );
        if (changed.found === 0) {
          session.complain(
            `Warning: ${resource.kind}/${name} does not have any containers matching ${JSON.stringify(flags.containers)}`,
          );
        }
        return withPodSpec(object, changed.spec);
      },
    });
  },
});

function readChanges(words: readonly string[]) {
  const set: EnvVar[] = [];
  const remove: string[] = [];
  for (const word of words) {
    const at = word.indexOf("=");
    if (at > 0) set.push({ name: word.slice(0, at), value: word.slice(at + 1) });
    else if (word.endsWith("-")) remove.push(word.slice(0, -1));
    else
      throw new CommandError(`environment variables must be of the form key=value, but found ${JSON.stringify(word)}`);
  }
  return { set, remove };
}

function withEnv(container: Container, set: readonly EnvVar[], remove: readonly string[]): Container {
  const left = (container.env ?? []).filter(({ name }) => !remove.includes(name));
  const changed = left.map((one) => set.find(({ name }) => name === one.name) ?? one);
  const env = [...changed, ...set.filter(({ name }) => !left.some((one) => one.name === name))];
  if (env.length > 0) return { ...container, env };
  const { env: _, ...rest } = container;
  return rest;
}

function refuseOverwriting(container: Container, set: readonly EnvVar[], whose: string): void {
  const taken = (container.env ?? []).filter(({ name }) => set.some((one) => one.name === name));
  if (taken.length === 0) return;
  const names = taken.map(
    ({ name, value }) => `'${name}' already has a value (${value ?? ""}), and --overwrite is false`,
  );
  throw new CommandError(`${whose} ${names.join("\n")}`);
}

async function fromSource(
  session: Session,
  flags: { readonly from: string; readonly keys: readonly string[]; readonly prefix: string },
): Promise<readonly EnvVar[]> {
  const [type = "", name = ""] = flags.from.split("/");
  const resource = await (await session.mapper()).resource(type);
  if (resource.kind !== "ConfigMap" && resource.kind !== "Secret") {
    throw new CommandError(`unsupported resource specified in --from`);
  }
  const path = pathOf(resource, { namespace: session.access.namespace, name });
  const { data = {} } = (await session.api.call<AnyObject>({ path })) as { readonly data?: object };
  const member = resource.kind === "ConfigMap" ? "configMapKeyRef" : "secretKeyRef";
  const keys = Object.keys(data).filter((key) => flags.keys.length === 0 || flags.keys.includes(key));
  return keys.sort().map((key) => {
    const plain = key.toUpperCase().replace(/[^A-Z0-9_]/g, "_");
    if (plain !== key) session.complain(`Warning: key ${key} transferred to ${plain}`);
    return { name: flags.prefix + plain, valueFrom: { [member]: { name, key } } };
  });
}
