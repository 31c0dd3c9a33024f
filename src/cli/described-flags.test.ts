import { Command } from "commander";
import { expect, test } from "vitest";
import { clusterSchema, type Schema } from "../cluster/description/schema.ts";
import { addLifeCommands } from "./life-commands.ts";

/** Where a cluster's description says what a flag of `up` says. */
const described: Readonly<Record<string, string>> = {
  name: "metadata.name",
  example: "spec.example",
  runtime: "spec.runtime",
  "data-dir": "spec.dataDir",
  "api-port": "spec.api.port",
  disable: "spec.disabledAddOns",
  "apiserver-arg": "spec.api.flags",
  "controller-manager-arg": "spec.controllerManager.flags",
  "kubelet-arg": "spec.nodes.flags",
  nodes: "spec.nodes.count",
  "node-network": "spec.network.backend",
  "pod-range": "spec.network.podRange",
  "service-range": "spec.network.serviceRange",
  "advertise-address": "spec.api.advertiseAddress",
  "simulated-nodes": "spec.nodes.simulated.count",
  stages: "spec.nodes.simulated.stages",
  zones: "spec.nodes.zones",
  "scheduler-config": "spec.scheduler.config",
  "scheduler-plugins": "spec.scheduler.plugins",
};

/** What a cluster is not, but what is to be done with it now. */
const deeds = ["config", "yes", "dry-run", "from", "passphrase-file"];

test("all that up can be told of a cluster, its description can say", () => {
  const program = new Command();
  addLifeCommands(program);
  const flags = program.commands.find((command) => command.name() === "up")?.options.map(({ long }) => long?.slice(2));
  expect(flags?.toSorted()).toEqual([...Object.keys(described), ...deeds].toSorted());
  const at = (path: string) =>
    path.split(".").reduce<Schema | undefined>((schema, name) => schema?.properties?.[name], clusterSchema);
  expect(Object.values(described).filter((path) => !at(path))).toEqual([]);
});
