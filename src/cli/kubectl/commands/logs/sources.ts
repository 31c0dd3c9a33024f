import { goQuote } from "../../../../lib/go-text.ts";
import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import {
  chooseContainer,
  defaultContainerAnnotation,
  findContainer,
  mostTelling,
  type Pod,
  podKind,
  podsOf,
} from "../../resources/pods.ts";
import { type AnyObject, itemsOf, pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** One container whose output is wanted. */
export interface LogSource {
  readonly pod: Pod;
  readonly container: string;
}

export interface SourceChoice {
  readonly container: string;
  readonly allContainers: boolean;
  readonly allPods: boolean;
  readonly selector: string;
  /** Milliseconds to wait for a workload's pod. */
  readonly podTimeout: number;
}

/** The containers that a command line means. Throws CommandError. */
export async function logSources(
  session: Session,
  named: string | undefined,
  choice: SourceChoice,
): Promise<readonly LogSource[]> {
  const { namespace } = session.access;
  if (choice.selector) {
    const list = await session.api.call<AnyObject>({
      path: pathOf(podKind, { namespace }),
      query: { labelSelector: choice.selector, limit: 500 },
    });
    return (itemsOf(list) as readonly unknown[] as readonly Pod[]).flatMap((pod) => containersOf(session, pod, choice));
  }
  const [type, name, ...more] = (named ?? "").split("/");
  if (more.length > 0) throw new CommandError("arguments in resource/name form may not have more than one slash");
  const resource = name === undefined ? undefined : await (await session.mapper()).resource(type ?? "");
  const path = pathOf(resource ?? podKind, { namespace, name: name ?? type });
  let object: AnyObject;
  try {
    object = await session.api.call<AnyObject>({ path });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    throw new CommandError(`error from server (NotFound): ${error.message} in namespace ${JSON.stringify(namespace)}`);
  }
  if (object.kind === "Pod") return containersOf(session, object as unknown as Pod, choice);
  const found = await podsOf(session, object, {
    timeout: choice.podTimeout,
    purpose: "get the logs from",
    order: mostTelling,
  });
  if (choice.allPods) return found.flatMap((pod) => containersOf(session, pod, choice));
  const [first] = found;
  if (!first) throw new CommandError("timed out waiting for the condition");
  if (found.length > 1) session.complain(`Found ${found.length} pods, using pod/${first.metadata.name}`);
  return containersOf(session, first, choice);
}

function containersOf(session: Session, pod: Pod, choice: SourceChoice): readonly LogSource[] {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  if (choice.allContainers) {
    return [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => ({ pod, container: name }));
  }
  const marked = pod.metadata.annotations?.[defaultContainerAnnotation];
  if (!choice.container && marked && !findContainer(pod, marked)) {
    session.complain(`Default container name ${goQuote(marked)} not found in pod ${pod.metadata.name}`);
  }
  if (choice.container && !findContainer(pod, choice.container)) {
    throw new CommandError(`container ${choice.container} is not valid for pod ${pod.metadata.name}`);
  }
  const { container } = chooseContainer(session, pod, { name: choice.container, quiet: choice.allPods });
  return [{ pod, container: container.name }];
}
