/** What a member of a kubeconfig has to be; a list of structs names their type, as messages do. */
type Shape =
  | "string"
  | "bool"
  | "bytes"
  | "strings"
  | "lists of strings"
  | "texts"
  | Struct
  | { readonly list: Struct };

interface Struct {
  readonly type: string;
  readonly members: Readonly<Record<string, Shape>>;
}

const structs = (type: string, members: Struct["members"]): Shape => ({ list: { type, members } });
const named = (type: string, member: string, inner: Shape): Shape => structs(type, { name: "string", [member]: inner });
const strings = <Name extends string>(...names: readonly Name[]): Readonly<Record<string, Shape>> =>
  Object.fromEntries(names.map((name) => [name, "string"]));

const config: Struct = {
  type: "Config",
  members: {
    ...strings("kind", "apiVersion", "current-context"),
    clusters: named("NamedCluster", "cluster", {
      type: "Cluster",
      members: {
        ...strings("server", "tls-server-name", "certificate-authority", "proxy-url"),
        "insecure-skip-tls-verify": "bool",
        "disable-compression": "bool",
        "certificate-authority-data": "bytes",
      },
    }),
    users: named("NamedAuthInfo", "user", {
      type: "AuthInfo",
      members: {
        ...strings("client-certificate", "client-key", "token", "tokenFile", "username", "password", "as", "as-uid"),
        "client-certificate-data": "bytes",
        "client-key-data": "bytes",
        "as-groups": "strings",
        "as-user-extra": "lists of strings",
        "auth-provider": { type: "AuthProviderConfig", members: { name: "string", config: "texts" } },
        exec: {
          type: "ExecConfig",
          members: {
            ...strings("command", "apiVersion", "installHint", "interactiveMode"),
            args: "strings",
            env: structs("ExecEnvVar", strings("name", "value")),
            provideClusterInfo: "bool",
          },
        },
      },
    }),
    contexts: named("NamedContext", "context", { type: "Context", members: strings("cluster", "user", "namespace") }),
  },
};

/** Throws an Error, in the words of Go's reader, for a kubeconfig whose members are not what they have to be. */
export function checkKubeconfig(file: Readonly<Record<string, unknown>>): void {
  const { apiVersion = "", kind = "" } = file;
  if ((apiVersion !== "" && apiVersion !== "v1") || (kind !== "" && kind !== "Config")) {
    throw new Error(
      `no kind "${kind || "Config"}" is registered for version "${apiVersion || "v1"}" in scheme "k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50"`,
    );
  }
  checkStruct(file, config, [], config.type);
  for (const [list, type] of [
    ["clusters", "Cluster"],
    ["users", "AuthInfo"],
    ["contexts", "Context"],
  ] as const) {
    const names = ((file[list] ?? []) as readonly ({ readonly name?: string } | null)[]).map((one) => one?.name ?? "");
    const twice = names.find((name, at) => names.indexOf(name) < at);
    if (twice !== undefined) {
      throw new Error(
        `error converting *[]Named${type} into *map[string]*api.${type}: duplicate name "${twice}" in list`,
      );
    }
  }
}

function check(value: unknown, shape: Shape, path: readonly string[], owner: string): void {
  if (value === undefined || value === null) return;
  const wrong = (found: unknown, type: string) =>
    new Error(
      `json: cannot unmarshal ${jsonType(found)} into Go struct field ${owner}.${path.join(".")} of type ${type}`,
    );
  const texts = (list: unknown, type: string) => {
    if (!Array.isArray(list)) throw wrong(list, type);
    for (const one of list) if (one !== null && typeof one !== "string") throw wrong(one, "string");
  };
  if (typeof shape === "object") {
    if (!("list" in shape)) checkStruct(value, shape, path, owner);
    else if (!Array.isArray(value)) throw wrong(value, `[]v1.${shape.list.type}`);
    else for (const one of value) checkStruct(one, shape.list, path, owner);
  } else if (shape === "string" || shape === "bool") {
    if (typeof value !== (shape === "bool" ? "boolean" : "string")) throw wrong(value, shape);
  } else if (shape === "bytes") {
    if (typeof value !== "string") throw wrong(value, "[]uint8");
    checkBase64(value);
  } else if (shape === "strings") texts(value, "[]string");
  else {
    if (typeof value !== "object" || Array.isArray(value)) {
      throw wrong(value, shape === "texts" ? "map[string]string" : "map[string][]string");
    }
    if (shape === "texts") texts(Object.values(value), "string");
    else for (const list of Object.values(value)) if (list !== null) texts(list, "[]string");
  }
}

function checkStruct(value: unknown, { type, members }: Struct, path: readonly string[], owner: string): void {
  if (value === undefined || value === null) return;
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new Error(
      `json: cannot unmarshal ${jsonType(value)} into Go struct field ${owner}.${path.join(".")} of type v1.${type}`,
    );
  }
  for (const [name, shape] of Object.entries(members)) {
    check((value as Readonly<Record<string, unknown>>)[name], shape, [...path, name], type);
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function checkBase64(text: string): void {
  const plain = text.replace(/[\r\n]/g, "");
  const odd = plain.search(/[^A-Za-z0-9+/=]/);
  if (odd < 0 && plain.length % 4 === 0) return;
  throw new Error(`illegal base64 data at input byte ${odd < 0 ? plain.length - (plain.length % 4) : odd}`);
}
