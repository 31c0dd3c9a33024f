import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { compileGoTemplate, type TemplateFunctions } from "../../../expr/go-template/go-template.ts";
import { compileJsonPath } from "../../../expr/jsonpath/jsonpath.ts";
import { errorMessage } from "../../../lib/fault.ts";
import { goPrint, goQuote, goSyntax } from "../../../lib/go-text.ts";
import { fileProblem } from "../config/kubeconfig.ts";
import { CommandError } from "../messages.ts";
import type { Session } from "../session.ts";
import { goJson } from "./json.ts";
import type { ObjectPrinter, PrintFlagValues } from "./printer.ts";

/** Printers of templates: text of the command line or of a file, carried out on each object. Throws CommandError. */
export async function templatePrinter(
  session: Session,
  form: string,
  argument: string,
  flags: PrintFlagValues,
): Promise<ObjectPrinter> {
  if (argument === "") throw new CommandError("template format specified but no template given");
  const { stdout } = session.host;
  const lenient = flags["allow-missing-template-keys"];
  const fromFile = form.endsWith("-file") || form === "templatefile";
  const source = fromFile ? readTemplate(session, argument) : argument;
  if (form.startsWith("jsonpath")) {
    let compiled: ReturnType<typeof compileJsonPath>;
    try {
      compiled = compileJsonPath(source);
    } catch (error) {
      throw new CommandError(`error parsing jsonpath ${source}, ${errorMessage(error)}`);
    }
    return {
      print(object) {
        try {
          if (form === "jsonpath-as-json") {
            const values = compiled.find(object, { allowMissingKeys: lenient }).flat();
            stdout.write(`${goJson(values, "    ")}\n`);
          } else stdout.write(compiled.print(object, { allowMissingKeys: lenient }));
        } catch (error) {
          const why = errorMessage(error);
          throw new CommandError(
            `error executing jsonpath ${goQuote(source)}: Error executing template: ${why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${source}\n\tobject given to jsonpath engine was:\n\t\t${goSyntax(object)}\n\n\n`,
          );
        }
      },
    };
  }
  let compiled: ReturnType<typeof compileGoTemplate>;
  try {
    compiled = compileGoTemplate(source, { name: "output", functions, strict: !lenient });
  } catch (error) {
    throw new CommandError(`error parsing template ${source}, ${errorMessage(error)}`);
  }
  return {
    print(object) {
      try {
        stdout.write(compiled.execute(object));
      } catch (error) {
        const why = errorMessage(error);
        stdout.write(
          `Error executing template: ${why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t${source}\n\traw data was:\n\t\t${goJson(object)}\n\tobject given to template engine was:\n\t\t${goPrint(object)}\n\n`,
        );
        throw new CommandError(`error executing template ${goQuote(source)}: ${why}`);
      }
    },
  };
}

/** What kubectl's templates have beside Go's own functions. */
const functions: TemplateFunctions = {
  base64decode: {
    least: 1,
    most: 1,
    call: ([text]) => {
      if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(String(text))) {
        throw new Error("base64 decode failed: illegal base64 data at input byte 0");
      }
      return Buffer.from(String(text), "base64").toString();
    },
  },
};

function readTemplate(session: Session, file: string): string {
  try {
    return readFileSync(resolve(session.host.cwd, file), "utf8");
  } catch (error) {
    throw new CommandError(`error reading --template ${file}, ${fileProblem(error, file)}\n`);
  }
}
