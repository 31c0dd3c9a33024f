/** That an address is one of those that a term or block means, with the ports that a named port is there. */
export interface Membership {
  readonly id: string;
  readonly ports?: readonly number[] | undefined;
}

/** The text of a class: equal for equal memberships in any order. */
export function membershipText(memberships: readonly Membership[]): string {
  const sorted = [...memberships].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return JSON.stringify(sorted.map(({ id, ports }) => (ports ? [id, ...ports] : [id])));
}

/** The memberships of a class again. */
export function readMembership(text: string): Membership[] {
  const entries = JSON.parse(text) as readonly (readonly [id: string, ...ports: number[]])[];
  return entries.map(([id, ...ports]) => ({ id, ports: ports.length > 0 ? ports : undefined }));
}
