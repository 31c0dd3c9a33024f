import { defineCommand } from "../../command.ts";
import { usageError } from "../../messages.ts";
import { scripts } from "./scripts.ts";

/** `kubectl completion` */
export const completion = defineCommand({
  name: "completion",
  short: "Output shell completion code for the specified shell (bash, zsh, fish, or powershell)",
  long: "Prints code that teaches your shell to complete commands, flags, types and names when you press Tab. The shell reads it when it starts.",
  examples: `# bash, now and in every new shell
source <(kubectl completion bash)
echo 'source <(kubectl completion bash)' >> ~/.bashrc

# zsh
echo 'source <(kubectl completion zsh)' >> ~/.zshrc

# fish
kubectl completion fish > ~/.config/fish/completions/kubectl.fish

# PowerShell
kubectl completion powershell | Out-String | Invoke-Expression`,
  usage: "SHELL",
  async run({ session, args, path }) {
    const [shell, ...more] = args;
    if (shell === undefined) throw usageError(path, "Shell not specified.");
    if (more.length > 0) throw usageError(path, "Too many arguments. Expected only the shell type.");
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined) throw usageError(path, `Unsupported shell type ${JSON.stringify(shell)}.`);
    session.host.stdout.write(script);
  },
});
