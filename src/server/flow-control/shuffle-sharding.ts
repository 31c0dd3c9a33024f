import { createHash } from "node:crypto";

/**
 * The queues that a flow may use: `handSize` of `queues`, the same for the same flow, so that two flows seldom share
 * all of theirs. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */
export function dealHand(flow: string, queues: number, handSize: number): readonly number[] {
  let entropy = createHash("sha256").update(flow).digest().readBigUInt64LE();
  const hand: number[] = [];
  for (let dealt = 0; dealt < Math.min(handSize, queues); dealt++) {
    const left = BigInt(queues - dealt);
    let card = Number(entropy % left);
    entropy /= left;
    // Numbered among the cards that are left: each dealt one at or below it moves it up by one.
    for (const other of [...hand].sort((a, b) => a - b)) if (other <= card) card += 1;
    hand.push(card);
  }
  return hand;
}
