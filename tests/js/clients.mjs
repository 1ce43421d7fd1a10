// Clients that are under way already, without anything that happens by itself. Nothing is checked here.

import { world } from "./fakes.mjs";

export const QUICK = { probeSchedule: [1e9], reconnectSchedule: [100] };

/** A client that reads its room over an event stream. */
export function streaming(options) {
  const w = world({ transports: ["sse", "poll"], ...QUICK, ...options });
  w.rt.join("a");
  w.rt.connect();
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  open(w);
  return w;
}

/** The newest event stream opens. */
export function open(w) {
  w.source().ready({ cursor: "10-0" });
  w.source().beat();
}

/** A client that reads its room over WebSocket. */
export function overWebSocket(options) {
  const w = world({ transports: ["websocket"], ...QUICK, ...options });
  w.rt.join("a");
  w.rt.connect();
  accept(w);
  return w;
}

/** The newest WebSocket is accepted, and its join answered. */
export function accept(w) {
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
}
