import type { LabelSelector } from "../../../machinery/generated/meta-v1.ts";
import { selectorOfObject } from "../../../machinery/labels.ts";
import { ageText } from "../output/age.ts";
import { row, rowIf, rows, sortedKeys, type Text } from "./text.ts";

type Map = Readonly<Record<string, string>> | null | undefined;

/** The metadata that descriptions tell of. */
export interface Described {
  readonly metadata: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Map;
    readonly annotations?: Map;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
      readonly controller?: boolean;
    }[];
  };
}

/** One `key=value` on each line. */
export function labelRows(title: string, labels: Map): readonly string[] {
  return rows(
    title,
    sortedKeys(labels).map((key) => `${key}=${labels?.[key]}`),
  );
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";
const longest = 140;

/** One annotation on each line; long ones are cut, those of several lines stand below their key. */
export function annotationRows(title: string, annotations: Map): readonly string[] {
  const told = sortedKeys(annotations)
    .filter((key) => key !== lastApplied)
    .flatMap((key) => {
      const value = (annotations?.[key] ?? "").replace(/\n$/, "");
      if (Buffer.byteLength(value) + Buffer.byteLength(key) + 2 <= longest && !value.includes("\n")) {
        return [`${key}: ${value}`];
      }
      return [`${key}:`, ...value.split("\n").map((line) => `  ${shortened(line, longest - 2)}`)];
    });
  return rows(title, told);
}

/** At most so many bytes, with dots for the rest. */
export function shortened(text: string, bytes: number): string {
  const whole = Buffer.from(text);
  return whole.length > bytes ? `${whole.subarray(0, bytes).toString()}...` : text;
}

/** Labels and annotations. */
export function marks({ metadata }: Described): Text {
  return [labelRows("Labels", metadata.labels), annotationRows("Annotations", metadata.annotations)];
}

/** Name, and the namespace. */
export function nameRows({ metadata }: Described): Text {
  return [row("Name", metadata.name), row("Namespace", metadata.namespace)];
}

/** The owner that is in charge. */
export function controllerOf({ metadata }: Described): { readonly kind: string; readonly uid: string } | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller);
}

/** `Controlled By:  ReplicaSet/web`, if anything does. */
export function controllerRow({ metadata }: Described): Text {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return rowIf("Controlled By", owner && `${owner.kind}/${owner.name}`);
}

/** `Terminating (lasts 3s)`, or how it is else. */
export function statusRow({ metadata }: Described, phase: string | undefined, now: number): string {
  const { deletionTimestamp } = metadata;
  return row("Status", deletionTimestamp ? `Terminating (lasts ${ageText(deletionTimestamp, now)})` : phase);
}

/** `a=b,c in (d)`, `<none>` of what asks for nothing. */
export function selectorText(selector: LabelSelector | null | undefined): string {
  try {
    return selectorOfObject(selector).toString() || "<none>";
  } catch {
    return "<error>";
  }
}
