import { defineCommand } from "../../command.ts";
import { CommandError, throwAll } from "../../messages.ts";
import { podSpecOf, withContainers, withPodSpec } from "../../resources/pod-template.ts";
import { changeFlags, changeObjects } from "./change.ts";
import { noTemplate, splitChanges } from "./words.ts";

/** `kubectl set image` */
export const image = defineCommand({
  name: "image",
  short: "Update the image of a pod template",
  long: "Give containers other images. The name * means every container.",
  examples: `# A deployment's container nginx
kubectl set image deployment/nginx nginx=nginx:1.9.1

# Every container of all of them
kubectl set image deployments,rc '*=nginx:1.9.1' --all`,
  usage: "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
  flags: changeFlags,
  async run({ session, args, flags }) {
    const { resources, changes } = splitChanges(args, "image");
    if (resources.length > 0 || flags.filename.length > 0) {
      if (changes.length === 0) throw new CommandError("at least one image update is required");
    }
    if (changes.length > 1 && changes.some(({ name }) => name === "*")) {
      throw new CommandError(
        "all containers are already specified by *, but saw more than one container_name=container_image pairs",
      );
    }
    await changeObjects(session, flags, {
      args: resources,
      done: "image updated",
      change({ object, resource, name }) {
        let spec = podSpecOf(object);
        if (!spec) throw noTemplate(resource, name);
        const missing: CommandError[] = [];
        for (const one of changes) {
          const changed = withContainers(spec, one.name, (container) => ({ ...container, image: one.value }), {
            init: true,
          });
          if (changed.found === 0)
            missing.push(new CommandError(`unable to find container named ${JSON.stringify(one.name)}`));
          spec = changed.spec;
        }
        throwAll(missing);
        return withPodSpec(object, spec);
      },
    });
  },
});
