import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { errorMessage, Fault } from "../lib/fault.ts";
import { parseYaml } from "../machinery/codec-yaml.ts";
import { type SchedulerConfiguration, schedulerConfiguration } from "../scheduler/configuration.ts";
import { guarded } from "../scheduler/own-plugins.ts";
import { type PluginFactory, pluginFactories } from "../scheduler/plugins/default-plugins.ts";
import type { ClusterConfig } from "./config.ts";

/** What the files that were given for the scheduler say. */
export interface SchedulerWishes {
  readonly configuration?: SchedulerConfiguration;
  readonly plugins?: Readonly<Record<string, PluginFactory>>;
}

/** Reads the files of `--scheduler-config` and `--scheduler-plugins`. Throws Fault `missing` and `invalid` that name file and field. */
export async function readSchedulerFiles({
  schedulerConfig,
  schedulerPlugins,
}: Pick<ClusterConfig, "schedulerConfig" | "schedulerPlugins">): Promise<SchedulerWishes> {
  const plugins = schedulerPlugins ? await loadPlugins(schedulerPlugins) : undefined;
  const configuration = schedulerConfig ? readConfiguration(schedulerConfig) : undefined;
  return { ...(configuration ? { configuration } : {}), ...(plugins ? { plugins } : {}) };
}

function readConfiguration(file: string): SchedulerConfiguration {
  there(file, "--scheduler-config");
  try {
    return schedulerConfiguration(parseYaml(readFileSync(file, "utf8")));
  } catch (error) {
    throw new Fault("invalid", `${file}: ${errorMessage(error)}`);
  }
}

/** Every exported function is a plugin's factory under its name, and so are the members of an exported default object. */
async function loadPlugins(file: string): Promise<Readonly<Record<string, PluginFactory>>> {
  there(file, "--scheduler-plugins");
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new Fault("invalid", `${file}: ${errorMessage(error)}`);
  }
  const { default: others, ...named } = module;
  const found = Object.entries({ ...(typeof others === "object" ? others : {}), ...named }).filter(
    (entry): entry is [string, PluginFactory] => typeof entry[1] === "function",
  );
  if (found.length === 0) throw new Fault("invalid", `${file}: exports no function that makes a plugin`);
  const taken = found.find(([name]) => Object.hasOwn(pluginFactories, name));
  if (taken) throw new Fault("invalid", `${file}: ${taken[0]}: there is a plugin of that name already`);
  return guarded(Object.fromEntries(found));
}

function there(file: string, flag: string): void {
  if (!existsSync(file)) throw new Fault("missing", `${flag} ${file}: there is no such file`);
}
