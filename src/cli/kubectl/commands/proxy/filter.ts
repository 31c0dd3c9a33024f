import { RE2JS, RE2JSException } from "re2js";
import { CommandError } from "../../messages.ts";

/** Decides which requests may reach the API server. */
export interface RequestFilter {
  accepts(request: { readonly method: string; readonly path: string; readonly host: string }): boolean;
}

/** Patterns with commas between them, one list for each thing that is looked at. */
export interface FilterFlags {
  readonly "accept-hosts": string;
  readonly "accept-paths": string;
  readonly "reject-methods": string;
  readonly "reject-paths": string;
}

/** The filter that the flags describe. Throws CommandError for patterns that are none. */
export function requestFilter(flags: FilterFlags): RequestFilter {
  const hosts = patterns(flags["accept-hosts"]);
  const paths = patterns(flags["accept-paths"]);
  const badMethods = patterns(flags["reject-methods"]);
  const badPaths = patterns(flags["reject-paths"]);
  return {
    accepts: ({ method, path, host }) =>
      !fits(path, badPaths) && !fits(method, badMethods) && fits(path, paths) && fits(hostOf(host), hosts),
  };
}

const fits = (text: string, list: readonly RE2JS[]) => list.some((pattern) => pattern.matcher(text).find());

function patterns(text: string): readonly RE2JS[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    try {
      return RE2JS.compile(part);
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error;
      throw new CommandError(`Error compiling re: ${error.message}`, { exitCode: 255 });
    }
  });
}

/** A Host header without its port; an address in brackets keeps them only where no port follows, as Go reads it. */
function hostOf(header: string): string {
  const bracketed = /^\[(.*)\]:[^:\]]*$/.exec(header);
  if (bracketed) return bracketed[1] ?? "";
  const plain = /^([^:]*):[^:]*$/.exec(header);
  return plain ? (plain[1] ?? "") : header;
}
