import { isDeepStrictEqual } from "node:util";
import type { ApiObject } from "../api/tools/local-server.ts";
import type { History, Moment } from "./api-history-truth.ts";

/** Which part of the collection is watched at which server. */
export interface WatchedPart {
  readonly server: number;
  readonly name?: string;
  readonly labels?: readonly [string, string];
}

/** What a client did, with the order of its call and of its answer among all calls and answers. */
export type Operation =
  | {
      readonly kind: "read";
      readonly name: string;
      readonly called: number;
      readonly answered: number;
      readonly object: ApiObject | undefined;
    }
  | {
      readonly kind: "list";
      readonly called: number;
      readonly answered: number;
      readonly revision: bigint;
      readonly items: ReadonlyMap<string, ApiObject>;
    }
  | {
      readonly kind: "write";
      readonly how: "create" | "update" | "patch" | "delete";
      readonly name: string;
      readonly token: string;
      readonly called: number;
      readonly answered: number;
      readonly ok: boolean;
      readonly status: number;
      /** What the object was seen at before. */
      readonly expected?: bigint;
      readonly object?: ApiObject;
    };

type WriteOperation = Extract<Operation, { kind: "write" }>;

/** Throws unless a watch told exactly what happened to its part. */
export function verifyWatch(
  history: History,
  part: WatchedPart,
  events: readonly { readonly type: string; readonly object: ApiObject }[],
): void {
  const told = events.map(({ type, object: { metadata, data } }) => ({
    type,
    name: metadata.name,
    revision: BigInt(metadata.resourceVersion),
    data,
  }));
  for (const [at, expected] of history.eventsOf(part).entries()) {
    must(
      isDeepStrictEqual(told[at], expected),
      `a watch of ${show(part)} told ${show(told[at])}, not ${show(expected)}`,
    );
  }
  must(told.length === history.selected(part), `a watch of ${show(part)} told ${told.length} events`);
}

/** Throws unless every operation took effect at one moment between its call and its answer. */
export function verifyOperations(history: History, operations: readonly Operation[]): void {
  const effects = new Map<Operation, Moment>();
  for (const operation of operations) {
    if (operation.kind !== "write" || !operation.ok) continue;
    const moment = effectOf(history, operation);
    must(![...effects.values()].includes(moment), `two writes made the change at ${moment.revision}`);
    effects.set(operation, moment);
    verifyWrite(operation, moment);
  }
  must(effects.size === history.moments.length, `${effects.size} writes won, the store has ${history.moments.length}`);
  for (const operation of operations) verifyTime(history, operations, effects, operation);
}

function effectOf(history: History, { how, name, token, expected, object }: WriteOperation): Moment {
  const found =
    how === "delete"
      ? history.moments.find((each) => each.name === name && !each.object && each.previous?.revision === expected)
      : history.at(BigInt(object?.metadata.resourceVersion ?? 0));
  if (!found) throw fault(`the ${how} ${token} of ${name} was acknowledged and is nowhere`);
  must(found.name === name, `the ${how} ${token} of ${name} changed ${found.name}`);
  return found;
}

// Every write builds on the state right before it: nothing that somebody else wrote is lost.
function verifyWrite(
  { how, token, expected, object }: WriteOperation,
  { object: made, previous, revision }: Moment,
): void {
  const before = previous?.object;
  if (how === "create") must(before === undefined, `the create at ${revision} found something there`);
  else must(before !== undefined, `the ${how} at ${revision} found nothing there`);
  if (how === "update") must(previous?.revision === expected, `the update at ${revision} did not replace ${expected}`);
  if (how === "delete") return;
  must(isDeepStrictEqual(made?.data, object?.data), `what the ${how} at ${revision} answered was not stored`);
  must(made?.data?.token === token, `the ${how} at ${revision} stored another's data`);
  if (how !== "patch") return;
  const wanted = { ...before?.data, [`m${token.split(".")[0]}`]: token, token };
  must(isDeepStrictEqual(made?.data, wanted), `the patch at ${revision} lost ${show(before?.data)}`);
}

function verifyTime(
  history: History,
  operations: readonly Operation[],
  effects: ReadonlyMap<Operation, Moment>,
  operation: Operation,
): void {
  // It took effect at a revision from `least` on and before `most`.
  let least = history.begin;
  let most = history.end + 1n;
  for (const other of operations) {
    const revision = other.kind === "list" ? other.revision : effects.get(other)?.revision;
    if (revision === undefined) continue;
    if (other.answered < operation.called && revision > least) least = revision;
    const changed = other.kind === "write";
    if (changed && other.called > operation.answered && revision < most) most = revision;
  }
  switch (operation.kind) {
    case "list": {
      must(
        operation.revision >= least && operation.revision < most,
        `a list shows ${operation.revision}, not ${least} to ${most}`,
      );
      for (const { name } of history.moments) verifyShown(history, operation.revision, name, operation.items.get(name));
      return;
    }
    case "read": {
      const { name, object } = operation;
      const seen = object && BigInt(object.metadata.resourceVersion);
      if (seen) verifyShown(history, seen, name, object);
      const fits = history.wasEver(name, least, most, (state) => state?.revision === seen);
      must(fits, `${name} was read as of ${seen}, which it was not between ${least} and ${most}`);
      return;
    }
    case "write":
      verifyWriteTime(history, operation, effects.get(operation), least, most);
  }
}

function verifyWriteTime(
  history: History,
  operation: WriteOperation,
  effect: Moment | undefined,
  least: bigint,
  most: bigint,
): void {
  const { how, name, status, expected } = operation;
  if (effect) {
    must(effect.revision > least, `the ${how} at ${effect.revision} is older than ${least}, answered before`);
    must(effect.revision < most, `the ${how} at ${effect.revision} is newer than ${most}, called later`);
    return;
  }
  const reasons: Readonly<Record<number, (state: Moment | undefined) => boolean>> = {
    404: (state) => state === undefined,
    409: (state) => (how === "create" ? state !== undefined : state?.revision !== expected),
  };
  const reason = reasons[status];
  if (!reason) throw fault(`a ${how} of ${name} is answered with ${status}`);
  const fits = history.wasEver(name, least, most, reason);
  must(fits, `a ${how} of ${name} lost with ${status} for no reason between ${least} and ${most}`);
}

function verifyShown(history: History, revision: bigint, name: string, shown: ApiObject | undefined): void {
  const state = history.stateOf(name, revision);
  const same = shown
    ? state?.revision === BigInt(shown.metadata.resourceVersion) && isDeepStrictEqual(state.object?.data, shown.data)
    : state === undefined;
  must(same, `${name} is shown as ${show(shown?.data)} at ${revision}, it was ${show(state?.object?.data)}`);
}

const show = (value: unknown) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each));

function fault(message: string): Error {
  return new Error(`api-history: ${message}`);
}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw fault(message);
}
