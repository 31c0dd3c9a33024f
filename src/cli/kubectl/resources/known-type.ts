/** Loads the tables of the whole API: only commands that merge by type may import this. */
export { knownType } from "../../../api/known-type.ts";
