// The stock socket.io-client from npm, as an application would use it, driven over pipes by the tests.
//
//     node stock.mjs URL OPTIONS [ROOM]
//
// OPTIONS are the client's own, as JSON. With a ROOM it joins at every connection, from the second time on after the
// last id that it has seen: that is all an application has to do to lose nothing. Each line of its input is a JSON
// array to emit, answered by {"answer": […]}; each line of its output says what happened. When its input ends, it
// disconnects. It may not know what a test is about.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, options, room] = process.argv.slice(2);
const socket = io(url, JSON.parse(options));
let last = null;

function say(what) {
  console.log(JSON.stringify(what, (key, value) => (value?.type === "Buffer" ? { bytes: value.data } : value)));
}

socket.io.on("open", () => {
  socket.io.engine.on("upgrade", (transport) => say({ upgraded: transport.name }));
});
socket.on("connect", () => {
  say({ connected: socket.id });
  if (room) socket.emit("join", last ? { room, after: last } : { room }, (answer) => say({ joined: answer }));
});
socket.on("connect_error", (error) => say({ failed: String(error.message) }));
socket.on("disconnect", (reason) => say({ disconnected: reason }));
socket.onAny((event, ...args) => {
  if (typeof args.at(-1) === "string") last = args.at(-1);
  say({ event, args });
});

createInterface({ input: process.stdin })
  .on("line", (line) => socket.emit(...JSON.parse(line), (...answer) => say({ answer })))
  .on("close", () => socket.disconnect());
