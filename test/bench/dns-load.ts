import { createSocket } from "node:dgram";
import { systemRandom } from "../../src/lib/random.ts";
import { questionFor } from "../../src/network/dns/server.ts";

const [port = "", names = "", milliseconds = ""] = process.argv.slice(2);

/** A client of its own process: keeps questions under way on several sockets and says how many answers came per second. */
const questions = names.split(",").map((name) => questionFor(name, 1, systemRandom));
const sockets = 4;
const atOnce = 32;
let answers = 0;
let failures = 0;
const began = performance.now();
const ends = began + Number(milliseconds);

for (let index = 0; index < sockets; index++) {
  const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 21, sendBufferSize: 1 << 21 });
  let turn = index;
  const ask = () => socket.send(questions[turn++ % questions.length]!);
  socket.on("message", (reply) => {
    answers++;
    if ((reply[3]! & 15) !== 0 || reply.readUInt16BE(6) === 0) failures++;
    if (performance.now() < ends) ask();
  });
  socket.connect(Number(port), "127.0.0.1", () => {
    for (let i = 0; i < atOnce; i++) ask();
  });
}
setTimeout(() => {
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(JSON.stringify({ answers, perSecond: Math.round(answers / seconds), failures }));
  process.exit(0);
}, Number(milliseconds) + 20);
