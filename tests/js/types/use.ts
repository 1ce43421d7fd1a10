// Uses of the client that must type-check, and misuses that must not. Nothing here runs.

/// <reference path="../../../static/js/realtime.d.ts" />

const rt: Realtime = new Realtime({ transports: ["sse", "poll"], publishTimeout: 1000, auth: { token: "x" } });

rt.on("realtime.state", (now) => {
  const wait: number | null = now.retryIn;
  return [wait, now.degraded, now.state === "connected"];
})
  .on("realtime.outbox", (now) => now.state === "failed" && now.error)
  .on<{ text: string }>("message", (data, id) => [data.text.length, id])
  .join("lobby", { history: 50 }, (error, answer) => [error && error.code, answer && answer.recovered])
  .connect();

const key: string = rt.publish("lobby", { text: "hi", tags: ["a", null] }, { event: "said" }, (error, result) => {
  if (error) return error.key;
  return result && Realtime.timeOf(result.id);
});
rt.publish("lobby", 1).concat(key);
const none: null = rt.publish("lobby", "Ann", { event: "typing", transient: true }, (error) => error && error.code);
rt.join("lobby", { name: "Ann" }).presence("lobby", (error, here) => here && here.members[0].transports.concat("sse"));
rt.on("realtime.presence", (now) => [now.room, now.joined.map((one) => one.user || one.name), now.viewers, none]);
rt.switchTo("poll").switchTo(null, (error) => error && error.message);
const waiting: string[] = rt.outbox().map((one) => one.state + one.tries);
rt.off("message").leave("lobby").close();

// @ts-expect-error a transport that there is not
rt.switchTo("telepathy");
// @ts-expect-error a room has a name
rt.publish(1, waiting);
// @ts-expect-error the state is only read
rt.state = "connected";
// @ts-expect-error an option that there is not
new Realtime({ transport: "sse" });
