// Stock clients of event streams for Node, as an application would use them, driven by the tests.
//
//     node streams.mjs PACKAGE URL EVENTS
//
// EVENTS is a JSON array of event names. Each line of its output is [event, id, data] as JSON. It ends with its input.
// It may not know what a test is about.

import { createRequire } from "node:module";
import { EventSource } from "eventsource";

const [name, url, wanted] = process.argv.slice(2);
const events = JSON.parse(wanted);
const say = (event, id, data) => console.log(JSON.stringify([event, id, data]));

const start = {
  eventsource() {
    const source = new EventSource(url);
    for (const event of events) source.addEventListener(event, (e) => say(event, e.lastEventId, e.data));
  },
  "@microsoft/fetch-event-source"() {
    // It is for browsers: what it takes from them.
    globalThis.window = globalThis;
    globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
    const { fetchEventSource } = createRequire(import.meta.url)("@microsoft/fetch-event-source");
    fetchEventSource(url, {
      // It hands on blocks without data, such as that of `retry`; JSON is never empty.
      onmessage: (e) => e.data && events.includes(e.event) && say(e.event, e.id, e.data),
      // As its documentation says: who throws here wants it to come back.
      onclose() {
        throw new Error("ended");
      },
      onerror() {},
    });
  },
};

start[name]();
process.stdin.resume().on("end", () => process.exit(0));
