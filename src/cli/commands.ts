import type { Command } from "commander";
import { addCertsCommands } from "./certs-commands.ts";
import { addConfigCommands } from "./config-commands.ts";
import { addHistoryCommands } from "./history-commands.ts";
import { addImageCommands } from "./image-commands.ts";
import { addInstallCommands } from "./install-commands.ts";
import { addJoinCommand } from "./join-command.ts";
import { addLifeCommands } from "./life-commands.ts";
import { addNodesCommands } from "./nodes-commands.ts";
import { addSnapshotCommands } from "./snapshot-commands.ts";
import { addStatusCommand } from "./status-command.ts";
import { addStoreCommands } from "./store-commands.ts";
import { addTokenCommands } from "./token-commands.ts";
import { addWhyCommand } from "./why-command.ts";

/** Every command for people, in the order of the help. */
export function addCommands(program: Command): void {
  addLifeCommands(program);
  addImageCommands(program);
  addStoreCommands(program);
  addCertsCommands(program);
  addWhyCommand(program);
  addStatusCommand(program);
  addNodesCommands(program);
  addTokenCommands(program);
  addJoinCommand(program);
  addSnapshotCommands(program);
  addHistoryCommands(program);
  addConfigCommands(program);
  addInstallCommands(program);
}
