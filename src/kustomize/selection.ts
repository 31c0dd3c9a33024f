import { RE2JS } from "re2js";
import { Fault } from "../lib/fault.ts";
import { parseSelector } from "../machinery/labels.ts";
import { effectiveNamespace, isSelected, type Members } from "./identity.ts";
import type { Selector } from "./kustomization.ts";
import { currentId, metadataOf, originalId, type Resource } from "./resource.ts";

/**
 * The resources that a selector means: its texts are patterns for the whole of a name, namespace, group, version or kind,
 * of now or of the beginning. Throws `invalid` for a pattern that is none.
 */
export function selected(resources: readonly Resource[], selector: Selector): readonly Resource[] {
  const [group, version, kind] = [selector.group, selector.version, selector.kind].map(patternOf);
  const [name, namespace] = [selector.name, selector.namespace].map(patternOf);
  return resources.filter((resource) => {
    const [now, then] = [currentId(resource), originalId(resource)];
    const { labels, annotations } = metadataOf(resource.object);
    return (
      (namespace?.(effectiveNamespace(then)) || namespace?.(effectiveNamespace(now))) &&
      (name?.(then.name) || name?.(now.name)) &&
      group?.(now.group) &&
      version?.(now.version) &&
      kind?.(now.kind) &&
      hasLabels(labels, selector.labelSelector) &&
      hasLabels(annotations, selector.annotationSelector)
    );
  });
}

type Pattern = (text: string) => boolean;

function patternOf(text: string | undefined): Pattern {
  if (!text) return () => true;
  const whole = `^(?:${text})$`;
  try {
    const compiled = RE2JS.compile(whole);
    return (value) => compiled.matcher(value).find();
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/: `[\s\S]*$/, "") : "";
    throw new Fault("invalid", `${reason}: \`${whole}\``);
  }
}

/** Whether an object's labels, or annotations, fit a selector of `kubectl -l`'s form. */
export function hasLabels(labels: unknown, selector: string | undefined): boolean {
  if (!selector) return true;
  return parseSelector(selector).matches((labels ?? {}) as Readonly<Record<string, string>>);
}

/** Whether a selector that names things as they are means one of a resource's identities. */
export function isNamed(id: Members, selector: Selector): boolean {
  const { group = "", version = "", kind = "", name, namespace } = id as Readonly<Record<string, string>>;
  if (!isSelected({ group, version, kind }, selector)) return false;
  return (!selector.name || selector.name === name) && (!selector.namespace || selector.namespace === namespace);
}
