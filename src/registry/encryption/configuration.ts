import { Fault } from "../../lib/fault.ts";
import { parseYaml } from "../../machinery/codec-yaml.ts";
import { prefixRange } from "../../store/keys.ts";
import type { EncryptionRule } from "./encrypted-store.ts";
import { aescbc, aesgcm, identity, type NamedKey, secretbox, type Transformer } from "./transformers.ts";

const apiVersions = ["apiserver.config.k8s.io/v1", "v1"];

interface ProviderKeys {
  readonly keys?: readonly { readonly name?: string; readonly secret?: string }[];
}

interface Provider {
  readonly identity?: object;
  readonly aesgcm?: ProviderKeys;
  readonly aescbc?: ProviderKeys;
  readonly secretbox?: ProviderKeys;
  readonly kms?: object;
}

interface ConfigurationFile {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly resources?: readonly {
    readonly resources?: readonly string[];
    readonly providers?: readonly Provider[];
  }[];
}

const ciphers = {
  aesgcm: { make: aesgcm, lengths: [16, 24, 32] },
  aescbc: { make: aescbc, lengths: [16, 24, 32] },
  secretbox: { make: secretbox, lengths: [32] },
} as const;

/**
 * Reads an EncryptionConfiguration file, YAML or JSON. Throws Fault `invalid` naming the place, `unsupported` for KMS.
 * https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
 */
export function readEncryptionConfiguration(text: string): readonly EncryptionRule[] {
  const file = (parseYaml(text) ?? {}) as ConfigurationFile;
  if (file.kind !== "EncryptionConfiguration" || !apiVersions.includes(file.apiVersion ?? "")) {
    throw new Fault(
      "invalid",
      `expected apiserver.config.k8s.io/v1 EncryptionConfiguration, found ${file.apiVersion} ${file.kind}`,
    );
  }
  if (!file.resources?.length)
    throw new Fault("invalid", "resources: Required value: at least one resource is required");
  return file.resources.map(({ resources, providers }, index) => {
    const place = `resources[${index}]`;
    if (!resources?.length) throw new Fault("invalid", `${place}.resources: Required value`);
    if (!providers?.length) throw new Fault("invalid", `${place}.providers: Required value`);
    const covers = resources.map((name, at) => keysOf(name, `${place}.resources[${at}]`));
    const transformers = providers.flatMap((provider, at) => transformersOf(provider, `${place}.providers[${at}]`));
    return {
      covers: (key: string) => covers.some((keys) => keys.fit(key)),
      ranges: covers.map(({ prefix }) => prefixRange(prefix)),
      transformers,
    };
  });
}

// Keys are /registry/PLURAL/... in the core group and /registry/GROUP/PLURAL/... in the others, whose names end in a
// dot and more, but for these.
const plainGroups = new Set(["apps", "autoscaling", "batch", "extensions", "policy"]);
const isGroup = (step: string) => step.includes(".") || plainGroups.has(step);

interface Keys {
  readonly prefix: string;
  fit(key: string): boolean;
}

function keysOf(resource: string, place: string): Keys {
  const dot = resource.indexOf(".");
  const [plural, group] = dot < 0 ? [resource, ""] : [resource.slice(0, dot), resource.slice(dot + 1)];
  if (plural === "" || resource.includes("/") || group.includes("*") !== (resource === "*.*")) {
    throw new Fault("invalid", `${place}: Invalid value: ${JSON.stringify(resource)}`);
  }
  if (resource === "*") throw new Fault("invalid", `${place}: "*" is none; say *. for the core group or *.* for all`);
  const below = (prefix: string): Keys => ({ prefix, fit: (key) => key.startsWith(prefix) });
  if (resource === "*.*") return below("/registry/");
  if (plural !== "*") return below(group === "" ? `/registry/${plural}/` : `/registry/${group}/${plural}/`);
  if (group !== "") return below(`/registry/${group}/`);
  const prefix = "/registry/";
  return { prefix, fit: (key) => key.startsWith(prefix) && !isGroup(key.split("/", 3)[2] ?? "") };
}

function transformersOf(provider: Provider, place: string): readonly Transformer[] {
  const names = Object.keys(provider);
  if (names.length !== 1) throw new Fault("invalid", `${place}: each provider has exactly one of ${all}`);
  if (provider.identity) return [identity];
  if (provider.kms) throw new Fault("unsupported", `${place}: kms is not supported; use aesgcm or secretbox`);
  const name = names[0] as keyof typeof ciphers;
  const cipher = ciphers[name];
  if (!cipher) throw new Fault("invalid", `${place}: ${JSON.stringify(name)} is no provider; there are ${all}`);
  const keys = provider[name]?.keys ?? [];
  if (keys.length === 0) throw new Fault("invalid", `${place}.${name}.keys: Required value`);
  return keys.map((key, index) => cipher.make(namedKey(key, cipher.lengths, `${place}.${name}.keys[${index}]`)));
}

const all = ["identity", ...Object.keys(ciphers)].join(", ");

// The secret itself must not come into any message.
function namedKey(
  { name, secret }: { readonly name?: string; readonly secret?: string },
  lengths: readonly number[],
  place: string,
): NamedKey {
  if (!name || name.includes(":")) throw new Fault("invalid", `${place}.name: a key needs a name without colons`);
  const bytes = Buffer.from(secret ?? "", "base64");
  if (!lengths.includes(bytes.length)) {
    const wanted = lengths.join(", ");
    throw new Fault("invalid", `${place}.secret: ${bytes.length} bytes in base64; the key must have one of ${wanted}`);
  }
  return { name, secret: Uint8Array.from(bytes) };
}
