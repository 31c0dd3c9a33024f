import { deepFreeze } from "../machinery/equality.ts";
import { ClusterState } from "./framework/cluster-state.ts";
import { NodeInfo } from "./framework/node-info.ts";
import type { Plugin } from "./framework/plugin.ts";
import type { PluginFactory } from "./plugins/default-plugins.ts";

/**
 * The user's plugins as the scheduler runs them: objects are frozen before they see them, and what the scheduler keeps
 * count with (nodes and their pods, the cluster) can only be read. Whoever tries to change something gets a TypeError,
 * which is the answer to that pod and nothing else.
 */
export function guarded(factories: Readonly<Record<string, PluginFactory>>): Readonly<Record<string, PluginFactory>> {
  return Object.fromEntries(
    Object.entries(factories).map(([name, factory]): [string, PluginFactory] => [
      name,
      (args, context) => guardedPlugin(name, factory(deepFreeze(args), Object.freeze({ ...context }))),
    ]),
  );
}

const methods = [
  ...["preEnqueue", "prepareFilter", "filter", "rescue", "prepareScore", "score", "normalize"],
  ...["reserve", "unreserve", "permit", "preBind", "bind", "postBind", "staticKey", "nodeKey"],
] as const;

function guardedPlugin(name: string, plugin: Plugin): Plugin {
  const own = plugin as unknown as Readonly<Record<string, ((...args: readonly unknown[]) => unknown) | undefined>>;
  const { retryOn = [], stateHolds, compare } = plugin;
  const calls = methods
    .filter((method) => own[method] !== undefined)
    .map((method) => [method, (...args: readonly unknown[]) => own[method]!(...args.map(guardOf(method)))] as const);
  return {
    name,
    retryOn,
    ...(stateHolds === undefined ? {} : { stateHolds }),
    // Asked at every step of the queue, too often to look at each time.
    ...(compare ? { compare: (one, two) => plugin.compare!(one, two) } : {}),
    ...Object.fromEntries(calls),
  };
}

/** What a method's arguments become. */
const guardOf = (method: string) => (value: unknown, place: number) => {
  if (value instanceof NodeInfo) return readable(value);
  if (value instanceof ClusterState) return view(value);
  if (value instanceof AbortSignal) return value;
  if (Array.isArray(value) && value[0] instanceof NodeInfo) return Object.freeze(value.map(readable));
  if (method === "normalize" && place < 2) return value;
  if (method === "rescue" && place === 1) return rescueView(value as RescueArguments);
  // The plugin's own state, which follows the pod, is its own affair.
  return place === 0 ? deepFreeze(value) : value;
};

const readables = new WeakMap<NodeInfo, NodeInfo>();
const originals = new WeakMap<NodeInfo, NodeInfo>();

/** A node that can be looked at. */
function readable(node: NodeInfo): NodeInfo {
  deepFreeze(node.node);
  const known = readables.get(node);
  if (known) return known;
  const views = { pods: { value: mapView(node.pods) }, others: { value: mapView(node.others) } };
  const guard: NodeInfo = Object.create(node, views);
  Object.freeze(guard);
  readables.set(node, guard);
  originals.set(guard, node);
  return guard;
}

const reading = new Set<PropertyKey>(["get", "has", "keys", "values", "entries", "forEach", "size", Symbol.iterator]);

function mapView<Key, Value>(map: Map<Key, Value>): Map<Key, Value> {
  return new Proxy(map, {
    get(target, name) {
      if (!reading.has(name)) throw new TypeError(`a plugin cannot ${String(name)} what the scheduler counts with`);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: () => false,
  });
}

const views = new WeakMap<ClusterState, ClusterState>();

function view(cluster: ClusterState): ClusterState {
  let known = views.get(cluster);
  if (!known) {
    const { index } = cluster;
    known = Object.freeze({
      index,
      get nodes() {
        return cluster.nodes.map(readable);
      },
      node: (name: string) => {
        const found = cluster.node(name);
        return found && readable(found);
      },
      placeOf: (uid: string) => cluster.placeOf(uid),
      isAssumed: (uid: string) => cluster.isAssumed(uid),
    }) as unknown as ClusterState;
    views.set(cluster, known);
  }
  return known;
}

type RescueArguments = Parameters<NonNullable<Plugin["rescue"]>>[1];

function rescueView(context: RescueArguments): RescueArguments {
  return Object.freeze({
    ...context,
    cluster: view(context.cluster),
    random: () => context.random(),
    fitsOn: (node: NodeInfo) => context.fitsOn(originals.get(node) ?? node),
    stampOf: (node: NodeInfo) => context.stampOf(originals.get(node) ?? node),
  });
}
