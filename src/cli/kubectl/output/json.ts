export { goJson } from "../../../lib/go-json.ts";
