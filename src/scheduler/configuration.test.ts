import { describe, expect, test } from "vitest";
import type { Client, Informer, Informers } from "../client/client.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { KindRef } from "../machinery/object.ts";
import {
  profilesOf,
  type SchedulerConfiguration,
  schedulerConfiguration,
  withIgnoredResources,
} from "./configuration.ts";
import { definePlugin } from "./framework/plugin.ts";
import { pluginsOf } from "./framework/profile.ts";
import { sampleCluster, sampleNode, samplePod, scores } from "./testing/samples.ts";

const head = { apiVersion: "kubescheduler.config.k8s.io/v1", kind: "KubeSchedulerConfiguration" };
const empty = { list: () => [], by: () => [], get: () => undefined, index: () => {} };
const informers = { of: <T>(_kind: KindRef<T>) => empty as unknown as Informer<T> } as unknown as Informers;
const context = { client: {} as Client, informers, clock: new VirtualClock() };
const own = { Mine: () => definePlugin({ name: "Mine", retryOn: [], score: () => 0, filter: () => undefined }) };
const profiles = (configuration: SchedulerConfiguration) => profilesOf(configuration, context, own);
const only = (configuration: SchedulerConfiguration) => [...profiles(configuration).values()][0]!;
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
const weights = (configuration: SchedulerConfiguration) =>
  Object.fromEntries(only(configuration).score.map(({ plugin, weight }) => [plugin.name, weight]));

describe("the profiles of a configuration", () => {
  test("without any there is upstream's default one", () => {
    const profile = only({});
    expect(profile.schedulerName).toBe("default-scheduler");
    expect(names(profile.filter)).toEqual([
      "NodeUnschedulable",
      "NodeName",
      "TaintToleration",
      "NodeAffinity",
      "NodePorts",
      "NodeResourcesFit",
      "VolumeRestrictions",
      "NodeVolumeLimits",
      "VolumeBinding",
      "VolumeZone",
      "PodTopologySpread",
      "InterPodAffinity",
    ]);
    expect(weights({})).toEqual({
      TaintToleration: 3,
      NodeAffinity: 2,
      NodeResourcesFit: 1,
      PodTopologySpread: 2,
      InterPodAffinity: 2,
      NodeResourcesBalancedAllocation: 1,
      ImageLocality: 1,
    });
    expect([names(profile.postFilter), names(profile.bind), names(profile.preEnqueue)]).toEqual([
      ["DefaultPreemption"],
      ["DefaultBinder"],
      ["SchedulingGates"],
    ]);
  });

  test("a plugin is added wherever it can be, replaced in place and taken away", () => {
    const plugins = {
      multiPoint: {
        enabled: [
          { name: "Mine", weight: 7 },
          { name: "TaintToleration", weight: 5 },
        ],
        disabled: [{ name: "ImageLocality" }],
      },
    };
    const profile = only({ profiles: [{ plugins }] });
    expect(names(profile.filter).at(-1)).toBe("Mine");
    expect(names(profile.filter).indexOf("TaintToleration")).toBe(2);
    expect(weights({ profiles: [{ plugins }] })).toMatchObject({ Mine: 7, TaintToleration: 5 });
    expect(pluginsOf(profile).map(({ name }) => name)).not.toContain("ImageLocality");
  });

  test("one extension point is changed without the others; a star takes all of its defaults", () => {
    const plugins = { score: { enabled: [{ name: "SelectorSpread", weight: 3 }], disabled: [{ name: "*" }] } };
    const profile = only({ profiles: [{ plugins }] });
    expect(weights({ profiles: [{ plugins }] })).toEqual({ SelectorSpread: 3 });
    expect(names(profile.filter)).toContain("NodeResourcesFit");
  });

  test("arguments reach their plugin, each profile having its own", () => {
    const args = { scoringStrategy: { type: "MostAllocated" } };
    const made = profiles({
      profiles: [
        { schedulerName: "spread" },
        { schedulerName: "pack", pluginConfig: [{ name: "NodeResourcesFit", args }] },
      ],
    });
    const cluster = sampleCluster([sampleNode("empty"), sampleNode("used")], [samplePod({ node: "used", cpu: "2" })]);
    const best = (name: string) => {
      const fit = made.get(name)!.filter.find((each) => each.name === "NodeResourcesFit")!;
      const given = scores(fit, samplePod({ cpu: "1" }), cluster)!;
      return given.empty! > given.used! ? "empty" : "used";
    };
    expect([best("spread"), best("pack")]).toEqual(["empty", "used"]);
  });

  test("a profile's share of nodes goes before that of the whole", () => {
    const made = profiles({
      percentageOfNodesToScore: 20,
      profiles: [{ schedulerName: "a" }, { schedulerName: "b", percentageOfNodesToScore: 70 }],
    });
    expect([...made.values()].map((profile) => profile.percentageOfNodesToScore)).toEqual([20, 70]);
  });

  test("resources that an extender looks after are added to those that are ignored", () => {
    const { profiles: made } = withIgnoredResources({
      extenders: [
        { urlPrefix: "http://x", managedResources: [{ name: "a.io/x", ignoredByScheduler: true }, { name: "a.io/y" }] },
      ],
      profiles: [{ pluginConfig: [{ name: "NodeResourcesFit", args: { ignoredResources: ["b.io/z"] } }] }],
    });
    expect(made?.[0]?.pluginConfig).toEqual([
      { name: "NodeResourcesFit", args: { ignoredResources: ["b.io/z", "a.io/x"] } },
    ]);
  });

  test.each([
    {
      name: "of a plugin that is not there",
      profile: { plugins: { score: { enabled: [{ name: "Nothing" }] } } },
      text: 'there is no plugin "Nothing"',
    },
    {
      name: "of a plugin that is no such",
      profile: { plugins: { bind: { enabled: [{ name: "ImageLocality" }] } } },
      text: '"ImageLocality" is not one of these',
    },
    {
      name: "of arguments for nobody",
      profile: { pluginConfig: [{ name: "toString" }] },
      text: 'there is no plugin "toString"',
    },
  ])("a mention $name is refused", ({ profile, text }) => {
    expect(() => profiles({ profiles: [profile] })).toThrow(text);
  });
});

describe("a configuration file", () => {
  test("is read as it is", () => {
    const file = {
      ...head,
      parallelism: 16,
      podMaxBackoffSeconds: 20,
      leaderElection: { leaderElect: false },
      profiles: [{ schedulerName: "x" }],
    };
    expect(schedulerConfiguration(file)).toEqual(file);
  });

  test.each([
    {
      name: "of another version",
      file: { ...head, apiVersion: "kubescheduler.config.k8s.io/v1beta1" },
      text: "must be a KubeSchedulerConfiguration",
    },
    { name: "that is a list", file: [], text: "must be an object" },
    { name: "with a misspelled member", file: { ...head, profile: [] }, text: "profile: unknown field" },
    {
      name: "with a misspelled member of a profile",
      file: { ...head, profiles: [{ name: "x" }] },
      text: "profiles[0].name: unknown field",
    },
    {
      name: "with an unknown extension point",
      file: { ...head, profiles: [{ plugins: { filters: {} } }] },
      text: "profiles[0].plugins.filters: unknown field",
    },
    {
      name: "with a share beyond all",
      file: { ...head, percentageOfNodesToScore: 101 },
      text: "must be from 0 to 100",
    },
    {
      name: "with a longest back-off below the first",
      file: { ...head, podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 2 },
      text: "must be at least 5",
    },
    {
      name: "with one scheduler twice",
      file: { ...head, profiles: [{}, { schedulerName: "default-scheduler" }] },
      text: '"default-scheduler" is there twice',
    },
    {
      name: "with an extender that is nowhere",
      file: { ...head, extenders: [{}] },
      text: "extenders[0].urlPrefix: required",
    },
  ])("$name is refused with its place", ({ file, text }) => {
    expect(() => schedulerConfiguration(file)).toThrow(text);
  });
});
