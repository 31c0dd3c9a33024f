import { parseGoBool } from "../flags/go-values.ts";
import { CommandError } from "../messages.ts";
import type { Session } from "../session.ts";

/** Reads `--cascade` into what a deletion is asked for; tells of its old forms. Throws CommandError. */
export function propagationOf(session: Session, cascade: string): string {
  switch (cascade) {
    case "background":
      return "Background";
    case "foreground":
      return "Foreground";
    case "orphan":
      return "Orphan";
    default: {
      const old = parseGoBool(cascade);
      if ("problem" in old) {
        throw new CommandError(`invalid cascade value (${cascade}). Must be "background", "foreground", or "orphan"`);
      }
      const now = old.value ? "background" : "orphan";
      session.complain(
        `warning: --cascade=${cascade} is deprecated (boolean value) and can be replaced with --cascade=${now}.`,
      );
      return old.value ? "Background" : "Orphan";
    }
  }
}
