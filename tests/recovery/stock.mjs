// The stock socket.io-client from npm, driven over pipes: it does nothing about recovery but what the library does.
//
//     node stock.mjs URL OPTIONS
//
// Each line of its input is a JSON array: ["emit", …] is emitted and answered by {"answer": […]}, ["drop"] breaks the
// connection off, ["leave"] disconnects, after which only ["connect"] brings it back. Each line of its output says what happened.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const [url, options] = process.argv.slice(2);
const socket = io(url, JSON.parse(options));

function say(what) {
  console.log(JSON.stringify(what));
}

socket.on("connect", () => say({ connected: socket.id, recovered: Boolean(socket.recovered) }));
socket.on("connect_error", (error) => say({ failed: String(error.message) }));
socket.on("disconnect", (reason) => say({ disconnected: reason }));
socket.onAny((event, ...args) => say({ event, args }));

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [verb, ...rest] = JSON.parse(line);
    if (verb === "emit") socket.emit(...rest, (...answer) => say({ answer }));
    else if (verb === "drop") socket.io.engine.close();
    else if (verb === "leave") socket.disconnect();
    else socket.connect();
  })
  .on("close", () => process.exit(0));
