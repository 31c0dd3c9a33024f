import { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import { HorizontalPodAutoscaler } from "../../api/autoscaling/horizontal-pod-autoscaler.ts";
import { Pod } from "../../api/core/pod.ts";
import { errorMessage } from "../../lib/fault.ts";
import { isEqual } from "../../machinery/equality.ts";
import { parseSelector, type Selector } from "../../machinery/labels.ts";
import { type KindRef, type KubeObject, keyText } from "../../machinery/object.ts";
import { quantityToNumber } from "../../machinery/quantity.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { timeOf } from "../../machinery/times.ts";
import {
  declared,
  defineController,
  done,
  type ReconcileContext,
  type ReconcileResult,
} from "../framework/controller.ts";
import { actionOf, autoscalerMetrics, type ErrorKind, type ScaleAction } from "./autoscaler-metrics.ts";
import { limit, type Memory, remember } from "./behavior.ts";
import { ask, type Verdict } from "./metric-proposals.ts";
import { readScale, type ScaleTarget, writeScale } from "./scale-target.ts";

/** Milliseconds between two looks at an autoscaler (upstream's default), after an error too. */
const period = 15_000;
const usualTolerance = 0.1;

type Status = NonNullable<HorizontalPodAutoscaler["status"]>;
type Condition = NonNullable<Status["conditions"]>[number];

/** Changes the size of workloads by what is measured of them. */
export function horizontalPodAutoscalerController() {
  const memories = new Map<string, Memory>();
  const selectors = new Map<string, Selector>();
  return defineController({
    name: "horizontalpodautoscaling",
    serviceAccount: "horizontal-pod-autoscaler",
    eventSource: "horizontal-pod-autoscaler",
    for: HorizontalPodAutoscaler,
    // Its own status must not wake it: it looks when it is time.
    wakes: (next, previous) => !isEqual(asked(next), asked(previous)),
    reads: [Pod, CustomResourceDefinition] as readonly unknown[] as readonly KindRef<KubeObject>[],
    workers: 5,
    meters: declared(autoscalerMetrics),
    async reconcile(key, context): Promise<ReconcileResult> {
      const autoscaler = context.cache.get(HorizontalPodAutoscaler, key);
      const name = keyText(key);
      const { clock } = context;
      const meter = context.metrics.meter(autoscalerMetrics);
      meter.known.set(context.cache.list(HorizontalPodAutoscaler).length);
      if (!autoscaler) {
        memories.delete(name);
        selectors.delete(name);
        return done;
      }
      const look = new Look(autoscaler, context, memories, selectors);
      const began = clock.monotonic();
      try {
        await look.run();
      } catch (error) {
        look.failed = "internal";
        // What went wrong stands in its conditions and events; the next look is the next try.
        const level = isStatus(error, "Conflict", "NotFound") ? "debug" : "warn";
        context.log[level](`autoscaler ${name}: ${errorMessage(error)}`);
      }
      meter.looked(look.action, look.failed, (clock.monotonic() - began) / 1000);
      return { requeueAfter: period };
    },
  });
}

const asked = (object: KubeObject) => (object as unknown as HorizontalPodAutoscaler).spec;

/** One look at one autoscaler. */
class Look {
  /** What it came to, and what was in its way. */
  action: ScaleAction = "none";
  failed: ErrorKind = "none";
  readonly #autoscaler: HorizontalPodAutoscaler;
  readonly #context: ReconcileContext;
  readonly #memories: Map<string, Memory>;
  readonly #selectors: Map<string, Selector>;
  readonly #name: string;
  #conditions: readonly Condition[];

  constructor(
    autoscaler: HorizontalPodAutoscaler,
    context: ReconcileContext,
    memories: Map<string, Memory>,
    selectors: Map<string, Selector>,
  ) {
    this.#autoscaler = autoscaler;
    this.#context = context;
    this.#memories = memories;
    this.#selectors = selectors;
    this.#name = keyText(autoscaler.metadata);
    this.#conditions = autoscaler.status?.conditions ?? [];
  }

  async run(): Promise<void> {
    const target = await this.#target();
    if (!target) return;
    const { minReplicas = 1, maxReplicas } = this.#autoscaler.spec;
    const current = target.scale.spec?.replicas ?? 0;
    const now = this.#context.clock.now();
    if (!this.#memories.has(this.#name)) {
      this.#memories.set(this.#name, { recommendations: [{ replicas: current, at: now }], ups: [], downs: [] });
    }
    if (current === 0 && minReplicas !== 0) {
      const message = "scaling is disabled since the replica count of the target is zero";
      this.#note("ScalingActive", "False", "ScalingDisabled", message);
      await this.#write({ currentReplicas: current, desiredReplicas: current, currentMetrics: [] });
    } else if (current > maxReplicas) {
      await this.#resize(target, maxReplicas, "Current number of replicas above Spec.MaxReplicas", []);
    } else if (current < minReplicas) {
      await this.#resize(target, minReplicas, "Current number of replicas below Spec.MinReplicas", []);
    } else {
      await this.#measure(target, current);
    }
  }

  async #target(): Promise<ScaleTarget | undefined> {
    const { scaleTargetRef } = this.#autoscaler.spec;
    try {
      const target = await readScale(scaleTargetRef, this.#autoscaler.metadata.namespace, this.#context);
      const message = "the HPA controller was able to get the target's current scale";
      this.#note("AbleToScale", "True", "SucceededGetScale", message);
      return target;
    } catch (error) {
      const why = errorMessage(error);
      this.#tell("Warning", "FailedGetScale", why);
      this.failed = "internal";
      const message = `the HPA controller was unable to get the target's current scale: ${why}`;
      this.#note("AbleToScale", "False", "FailedGetScale", message);
      await this.#write({});
      return undefined;
    }
  }

  async #measure(target: ScaleTarget, current: number): Promise<void> {
    const { spec } = this.#autoscaler;
    const { clock, log } = this.#context;
    const selector = this.#selector(target);
    if (typeof selector === "string") {
      this.#tell("Warning", "FailedComputeMetricsReplicas", selector);
      await this.#write({ currentReplicas: current });
      return;
    }
    const verdicts = await this.#verdicts(target, current, selector);
    const good = verdicts.filter((verdict) => verdict.ok);
    const bad = verdicts.filter((verdict) => !verdict.ok);
    const best = good.reduce<(typeof good)[number] | undefined>(
      (most, each) => (!most || each.replicas > most.replicas ? each : most),
      undefined,
    );
    const count = `${bad.length} invalid out of ${verdicts.length}`;
    const fault = bad[0] && `invalid metrics (${count}), first error is: ${bad[0].summary}`;
    // What is not known could be a reason to stay large: without it nothing is made smaller.
    if (!best || (bad[0] && best.replicas < current)) {
      this.failed = "internal";
      const { reason = "", message = "" } = bad[0] ?? {};
      this.#note("ScalingActive", "False", reason, `the HPA was unable to compute the replica count: ${message}`);
      if (fault) this.#tell("Warning", "FailedComputeMetricsReplicas", fault);
      await this.#write({ currentReplicas: current });
      return;
    }
    if (fault) log.info(`autoscaler ${this.#name}: ${fault}`);
    const found = `the HPA was able to successfully calculate a replica count from ${best.name}`;
    this.#note("ScalingActive", "True", "ValidMetricFound", found);
    const metrics = good.map(({ status }) => status);
    const why = best.replicas > current ? `${best.name} above target` : "All metrics below target";
    const limited = limit({
      current,
      desired: best.replicas,
      minimum: spec.minReplicas ?? 1,
      maximum: spec.maxReplicas,
      ...(spec.behavior ? { behavior: spec.behavior } : {}),
      memory: this.#memory,
      now: clock.now(),
    });
    this.#memories.set(this.#name, limited.memory);
    const { reason, message } = limited.stabilizedBy ?? {
      reason: "ReadyForNewScale",
      message: "recommended size matches current size",
    };
    this.#note("AbleToScale", "True", reason, message);
    const isLimited = limited.replicas !== limited.stabilized;
    this.#note("ScalingLimited", isLimited ? "True" : "False", limited.range.reason, limited.range.message);
    if (limited.replicas === current) {
      await this.#write({ currentReplicas: current, desiredReplicas: current, currentMetrics: metrics });
    } else {
      await this.#resize(target, limited.replicas, best.replicas === current ? "" : why, metrics);
    }
  }

  /** Asks every metric; who fails is told in an event of its own. */
  async #verdicts(target: ScaleTarget, current: number, selector: Selector): Promise<readonly Verdict[]> {
    const { spec, metadata } = this.#autoscaler;
    const { cache, clock, metrics } = this.#context;
    const tolerance = (rules: { readonly tolerance?: string } | undefined) =>
      rules?.tolerance === undefined ? usualTolerance : quantityToNumber(rules.tolerance);
    const question = {
      namespace: metadata.namespace,
      pods: cache.list(Pod, metadata.namespace).filter((pod) => selector.matches(pod.metadata.labels)),
      selector: `${selector}`,
      specReplicas: current,
      statusReplicas: target.scale.status?.replicas ?? 0,
      tolerances: { up: tolerance(spec.behavior?.scaleUp), down: tolerance(spec.behavior?.scaleDown) },
    };
    const verdicts: Verdict[] = [];
    for (const metric of spec.metrics ?? []) {
      const began = clock.monotonic();
      const verdict = await ask(metric, question, this.#context);
      const [action, error] = verdict.ok
        ? [actionOf(current, verdict.replicas), "none" as const]
        : ["none" as const, "internal" as const];
      metrics.meter(autoscalerMetrics).asked(action, error, metric.type, (clock.monotonic() - began) / 1000);
      if (!verdict.ok) this.#tell("Warning", verdict.reason, verdict.message);
      verdicts.push(verdict);
    }
    return verdicts;
  }

  /** What finds the target's pods, or why nothing can be measured. */
  #selector({ scale }: ScaleTarget): Selector | string {
    const text = scale.status?.selector;
    if (!text) {
      const message = "the HPA target's scale is missing a selector";
      return this.#inactive("SelectorRequired", "selector is required", { reason: "InvalidSelector", message });
    }
    let selector: Selector;
    try {
      selector = parseSelector(text);
    } catch (error) {
      const why = `couldn't convert selector into a corresponding internal selector object: ${errorMessage(error)}`;
      return this.#inactive("InvalidSelector", why);
    }
    this.#selectors.set(this.#name, selector);
    const { namespace } = this.#autoscaler.metadata;
    const pods = this.#context.cache.list(Pod, namespace).filter(({ metadata }) => selector.matches(metadata.labels));
    const rivals = [...this.#selectors]
      .filter(([name]) => name.startsWith(`${namespace}/`))
      .filter(([, other]) => pods.some(({ metadata }) => other.matches(metadata.labels)))
      .map(([name]) => name);
    if (rivals.length < 2) return selector;
    const why = `pods by selector ${text} are controlled by multiple HPAs: [${rivals.join(" ")}]`;
    return this.#inactive("AmbiguousSelector", why);
  }

  #inactive(event: string, text: string, condition = { reason: event, message: text }): string {
    this.failed = "spec";
    this.#tell("Warning", event, text);
    this.#note("ScalingActive", "False", condition.reason, condition.message);
    return text;
  }

  async #resize(target: ScaleTarget, replicas: number, why: string, currentMetrics: Status["currentMetrics"]) {
    const { clock } = this.#context;
    const current = target.scale.spec?.replicas ?? 0;
    try {
      await writeScale(target, replicas, this.#context);
    } catch (error) {
      const text = errorMessage(error);
      this.#tell("Warning", "FailedRescale", `New size: ${replicas}; reason: ${why}; error: ${text}`);
      const message = `the HPA controller was unable to update the target scale: ${text}`;
      this.#note("AbleToScale", "False", "FailedUpdateScale", message);
      await this.#write({ currentReplicas: current });
      throw error;
    }
    this.action = actionOf(current, replicas);
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    this.#note("AbleToScale", "True", "SucceededRescale", message);
    this.#tell("Normal", "SuccessfulRescale", `New size: ${replicas}; reason: ${why}`);
    const { behavior } = this.#autoscaler.spec;
    const wish = { ...(behavior ? { behavior } : {}), now: clock.now() };
    this.#memories.set(this.#name, remember(this.#memory, current, replicas, wish));
    await this.#write({
      currentReplicas: current,
      desiredReplicas: replicas,
      currentMetrics,
      lastScaleTime: timeOf(clock.now()),
    });
  }

  get #memory(): Memory {
    return this.#memories.get(this.#name) ?? { recommendations: [], ups: [], downs: [] };
  }

  #tell(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#context.events.record(this.#autoscaler, type, reason, message);
  }

  #note(type: Condition["type"], status: Condition["status"], reason: string, message: string): void {
    const before = this.#conditions.find((condition) => condition.type === type);
    const lastTransitionTime =
      before?.status === status ? before.lastTransitionTime : timeOf(this.#context.clock.now());
    const next: Condition = { type, status, reason, message, ...(lastTransitionTime ? { lastTransitionTime } : {}) };
    this.#conditions = before
      ? this.#conditions.map((condition) => (condition === before ? next : condition))
      : [...this.#conditions, next];
  }

  async #write(changes: Partial<Status>): Promise<void> {
    const before: Status = this.#autoscaler.status ?? { desiredReplicas: 0 };
    const status: Status = { ...before, ...changes, conditions: this.#conditions };
    if (isEqual(status, before)) return;
    await this.#context.client.updateStatus(HorizontalPodAutoscaler, { ...this.#autoscaler, status });
  }
}
