import { isMembers, type Members } from "./identity.ts";
import type { ImageRule } from "./kustomization.ts";

/** The image that a rule makes of one; others stay as they are. */
export function renamedImage(image: string, rule: ImageRule): string {
  const { name: wanted = "", newName, newTag, tagSuffix, digest } = rule;
  const form = new RegExp(`^${wanted}(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?$`);
  if (!form.test(image)) return image;
  const was = parts(image);
  const name = newName || was.name;
  if (newTag || digest) return imageText({ name, tag: newTag ?? "", digest: digest ?? "" });
  if (tagSuffix) return imageText({ name, tag: was.tag + tagSuffix, digest: "" });
  return imageText({ ...was, name });
}

interface ImageParts {
  readonly name: string;
  readonly tag: string;
  readonly digest: string;
}

const imageText = ({ name, tag, digest }: ImageParts) => `${name}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;

/** A colon before the last slash belongs to the registry's port. */
function parts(image: string): ImageParts {
  const [rest = "", digest = ""] = image.split("@");
  const colon = rest.indexOf(":", rest.lastIndexOf("/") + 1);
  return colon < 0
    ? { name: rest, tag: "", digest }
    : { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}

/** The same for the containers of any kind, wherever its objects keep them. */
export function withRenamedImages(object: Members, rule: ImageRule): Members {
  return object.kind === "CustomResourceDefinition" ? object : (within(object, rule) as Members);
}

function within(value: unknown, rule: ImageRule): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => within(item, rule));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  if (!isMembers(value)) return value;
  let made: Record<string, unknown> | undefined;
  for (const [key, member] of Object.entries(value)) {
    const list = (key === "containers" || key === "initContainers") && Array.isArray(member);
    const changed = list ? containers(member, rule) : within(member, rule);
    if (changed === member) continue;
    made ??= { ...value };
    made[key] = changed;
  }
  return made ?? value;
}

function containers(list: readonly unknown[], rule: ImageRule): readonly unknown[] {
  const changed = list.map((item) => {
    if (!isMembers(item) || typeof item.image !== "string") return item;
    const image = renamedImage(item.image, rule);
    return image === item.image ? item : { ...item, image };
  });
  return changed.some((item, at) => item !== list[at]) ? changed : list;
}
