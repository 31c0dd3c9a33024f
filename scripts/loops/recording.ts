import type { KubeletRule, NodeGiven, PodMatch } from "../../src/testing/fake-kubelets.ts";

export interface RecordedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

interface Named {
  readonly kind: string;
  readonly name: string;
}

/** What a scenario waits for. */
export interface Until {
  readonly kind: string;
  readonly name?: string;
  readonly has?: string;
  readonly gone?: boolean;
}

/** One action of a step; exactly one field is there. */
export interface Action {
  readonly create?: RecordedObject | readonly RecordedObject[];
  readonly apply?: RecordedObject | readonly RecordedObject[];
  readonly patch?: Named & { readonly body: object };
  readonly status?: Named & { readonly body: object };
  readonly delete?: {
    readonly kind: string;
    readonly name?: string;
    readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
    readonly selector?: Readonly<Record<string, string>>;
    readonly count?: number;
  };
  readonly deleteNamespace?: object;
  readonly evict?: { readonly name: string };
  readonly wait?: number | "settled" | { readonly until: Until; readonly max: number };
  readonly addNode?: NodeGiven;
  readonly deleteNode?: string;
  readonly nodeDown?: string;
  readonly nodeUp?: string;
  readonly kubelet?: readonly KubeletRule[];
  readonly set?: KubeletRule & { readonly match: PodMatch; readonly count?: number };
}

/** An object or an event in the form the recordings have it: selected parts, names of chance replaced. */
export type Entry = Readonly<Record<string, unknown>>;

/** What is to be seen at the end of a step. */
export interface Outcome {
  readonly objects: readonly Entry[];
  readonly events: readonly Entry[];
  readonly eventsSometimes?: readonly Entry[];
  readonly objectsVary?: readonly string[];
  readonly summary?: Entry;
  readonly answers?: readonly Entry[];
}

export interface Scenario {
  readonly name: string;
  readonly setting: {
    readonly nodes: 3 | readonly NodeGiven[];
    readonly kinds: readonly string[];
    readonly onlyEvents?: readonly string[];
    readonly eventsOfNodesToo?: boolean;
  };
  readonly steps: readonly { readonly do: readonly Action[]; readonly then: Outcome }[];
}

/** How the recordings write what stands for something else: `${name}`. */
export const placeholder = (name: string): string => `\${${name}}`;
