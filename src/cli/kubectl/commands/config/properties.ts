import { type Command, defineCommand } from "../../command.ts";
import { KubeconfigFiles, type Stanza } from "../../config/kubeconfig-edit.ts";
import { bool } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import type { Session } from "../../session.ts";
import { wrongArguments } from "./arguments.ts";

type Form = "text" | "bool" | "bytes" | "list";

/** What a property path may end in; values of other forms are changed by their own commands. */
const members: Readonly<Record<Stanza, Readonly<Record<string, Form>>>> = {
  clusters: {
    server: "text",
    "tls-server-name": "text",
    "insecure-skip-tls-verify": "bool",
    "certificate-authority": "text",
    "certificate-authority-data": "bytes",
    "proxy-url": "text",
    "disable-compression": "bool",
  },
  users: {
    "client-certificate": "text",
    "client-certificate-data": "bytes",
    "client-key": "text",
    "client-key-data": "bytes",
    token: "text",
    tokenFile: "text",
    as: "text",
    "as-uid": "text",
    "as-groups": "list",
    username: "text",
    password: "text",
  },
  contexts: { cluster: "text", user: "text", namespace: "text" },
};

interface Property {
  readonly stanza: Stanza;
  /** Empty: the whole stanza. */
  readonly name: string;
  /** Empty: the whole entry. */
  readonly member: string;
}

/** Finds what `users.admin.token` means; names of entries may have dots. */
function propertyIn(path: string): Property | "current-context" {
  const [first = "", ...rest] = path.split(".");
  if (first === "current-context" && rest.length === 0) return first;
  if (!Object.hasOwn(members, first)) {
    throw new CommandError(`unable to parse ${path} after [] at api.Config`);
  }
  const stanza = first as Stanza;
  const last = rest.at(-1) ?? "";
  if (rest.length > 1 && Object.hasOwn(members[stanza], last)) {
    return { stanza, name: rest.slice(0, -1).join("."), member: last };
  }
  return { stanza, name: rest.join("."), member: "" };
}

/** `kubectl config set` */
export const setProperty: Command = defineCommand({
  name: "set",
  short: "Set an individual value in a kubeconfig file",
  long: `Sets one value of a kubeconfig file.

 PROPERTY_NAME has a dot between its steps, each the name of an attribute or of an entry.

 PROPERTY_VALUE is the new value. Bytes, such as certificate-authority-data, are given in base64 unless --set-raw-bytes says otherwise.`,
  examples: `# The address of the cluster my-cluster
kubectl config set clusters.my-cluster.server https://1.2.3.4

# The cluster of the context my-context
kubectl config set contexts.my-context.cluster my-cluster`,
  usage: "PROPERTY_NAME PROPERTY_VALUE",
  flags: { "set-raw-bytes": bool("The value of bytes is given as it is, not in base64.") },
  async run(invocation) {
    const { session, args, flags } = invocation;
    if (args.length !== 2) throw wrongArguments(setProperty, invocation);
    const [path = "", value = ""] = args;
    const property = propertyIn(path);
    const files = new KubeconfigFiles(session);
    if (property === "current-context") files.setCurrent(value);
    else {
      const { stanza, name, member } = property;
      if (member === "") throw new CommandError(`can't set a map to a value: ${path}`);
      const raw = (flags as { readonly "set-raw-bytes": boolean })["set-raw-bytes"];
      const typed = typedValue(members[stanza][member]!, value, raw);
      files.set(stanza, name, { ...session.kubeconfig[stanza].get(name), [member]: typed });
    }
    session.say(`Property ${JSON.stringify(path)} set.`);
  },
});

function typedValue(form: Form, value: string, raw: boolean): unknown {
  switch (form) {
    case "bool":
      if (!/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value)) {
        throw new CommandError(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
      }
      return /^[1tT]/.test(value);
    case "bytes": {
      if (raw) return Buffer.from(value).toString("base64");
      const plain = value.replace(/[\r\n]/g, "");
      const bytes = Buffer.from(plain, "base64");
      if (bytes.toString("base64") !== plain) {
        throw new CommandError(`error decoding base64 for ${JSON.stringify(value)}: illegal base64 data`);
      }
      return plain;
    }
    case "list":
      return value.split(",");
    case "text":
      return value;
  }
}

/** `kubectl config unset` */
export const unsetProperty: Command = defineCommand({
  name: "unset",
  short: "Unset an individual value in a kubeconfig file",
  long: `Takes one value out of a kubeconfig file.

 PROPERTY_NAME has a dot between its steps, each the name of an attribute or of an entry.`,
  examples: `# No context is the current one
kubectl config unset current-context

# The namespace of the context foo
kubectl config unset contexts.foo.namespace`,
  usage: "PROPERTY_NAME",
  async run(invocation) {
    const { session, args } = invocation;
    if (args.length !== 1) throw wrongArguments(unsetProperty, invocation);
    const [path = ""] = args;
    unset(session, propertyIn(path));
    session.say(`Property ${JSON.stringify(path)} unset.`);
  },
});

function unset(session: Session, property: ReturnType<typeof propertyIn>): void {
  const files = new KubeconfigFiles(session);
  if (property === "current-context") {
    files.setCurrent("");
    return;
  }
  const { stanza, name, member } = property;
  const entries = session.kubeconfig[stanza];
  if (name === "") for (const known of entries.keys()) files.set(stanza, known, undefined);
  else if (member === "") files.set(stanza, name, undefined);
  else if (entries.has(name)) {
    const { [member]: _, ...rest } = entries.get(name) as Record<string, unknown>;
    files.set(stanza, name, rest);
  }
}
