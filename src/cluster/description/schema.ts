import { addOns } from "../add-ons.ts";
import { accessFlags, protectionFlags, storeFlags, switchFlags } from "../api-server-flag-names.ts";
import { mostLocalNodes } from "../local-nodes.ts";
import { controllerFlagNames, nodeFlagNames } from "../part-flags.ts";

/** The part of JSON Schema (2020-12) that describes a cluster. */
export interface Schema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description: string;
  readonly type: "object" | "array" | "string" | "integer";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

type Parts = Omit<Schema, "type" | "description">;

const text = (description: string, more: Parts = {}): Schema => ({ description, type: "string", ...more });
const whole = (description: string, minimum: number, maximum: number): Schema => ({
  description,
  type: "integer",
  minimum,
  maximum,
});
const list = (description: string, items: Schema): Schema => ({ description, type: "array", items });
const object = (description: string, properties: Readonly<Record<string, Schema>>, more: Parts = {}): Schema => ({
  description,
  type: "object",
  properties,
  additionalProperties: false,
  ...more,
});
const flags = (program: string, names: readonly string[]): Schema =>
  object(
    `Flags of Kubernetes' ${program}, without dashes in front.`,
    Object.fromEntries([...names].sort().map((name) => [name, text("As upstream's flag of this name.")])),
  );

const addressRange = "^[0-9]+(\\.[0-9]+){3}/[0-9]+(,.+)?$";
const zones = list("The zones of these nodes in turn.", text("A zone's name."));

/** What a cluster's description may say; everything but its name has a default. */
export const clusterSchema: Schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "A Navarch cluster",
  ...object(
    "Everything that makes a cluster of one machine what it is.",
    {
      apiVersion: text("The version of this form.", { const: "navarch/v1alpha1" }),
      kind: text("What is described.", { const: "Cluster" }),
      metadata: object(
        "Which cluster this is.",
        {
          name: text("The cluster's name; several can run side by side.", {
            pattern: "^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$",
          }),
        },
        { required: ["name"] },
      ),
      spec: object("What the cluster is to be.", {
        runtime: text("Real containers, or none: pods then only say that they run.", { enum: ["cri", "simulated"] }),
        dataDir: text("The folder of the cluster's data."),
        disabledAddOns: list("Add-ons to go without.", text("An add-on.", { enum: addOns })),
        api: object("The API server.", {
          port: whole("Its port.", 1, 65535),
          advertiseAddress: text(
            "This machine's address for other machines, which then can join; with a comma, one of each family.",
          ),
          flags: flags("API server", [...accessFlags, ...protectionFlags, ...storeFlags, ...switchFlags]),
        }),
        controllerManager: object("The controllers.", { flags: flags("controller manager", controllerFlagNames) }),
        scheduler: object("The scheduler.", {
          config: text("A file with a KubeSchedulerConfiguration (v1)."),
          plugins: text("A TypeScript module that exports functions which make plugins."),
        }),
        nodes: object("The nodes of this machine.", {
          name: text("The first node's name; the machine's unless said."),
          count: whole("How many; each further one is a network namespace.", 1, mostLocalNodes),
          zones,
          flags: flags("kubelet", nodeFlagNames),
          simulated: object("Nodes beside these that are only played.", {
            count: whole("How many.", 0, 10_000),
            zones,
            cpu: text("What each has; 32 unless said."),
            memory: text("What each has; 128Gi unless said."),
            pods: whole("How many pods each takes; 110 unless said.", 1, 100_000),
            stages: text("A file of KWOK's Stage documents, by which their pods live."),
          }),
        }),
        network: object("Addresses and names; they stay for the cluster's life.", {
          backend: text("How packets reach other nodes' pods.", { enum: ["vxlan", "host-gw"] }),
          nodeRange: text(
            "Where the nodes' own addresses are from: a range, or with a comma one of IPv4 and one of IPv6.",
            { pattern: addressRange },
          ),
          podRange: text("Where pods' addresses are from: a range, or with a comma one of IPv4 and one of IPv6.", {
            pattern: addressRange,
          }),
          serviceRange: text(
            "Where services' addresses are from: a range, or with a comma one of IPv4 and one of IPv6.",
            { pattern: addressRange },
          ),
          dnsAddress: text("The cluster's DNS server: an address of the services' range, or one of each."),
          clusterDomain: text("What names of the cluster end in."),
        }),
        example: text("An example application to start too.", { enum: ["guestbook"] }),
      }),
    },
    { required: ["apiVersion", "kind", "metadata"] },
  ),
};
