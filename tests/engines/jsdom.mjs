// A page in jsdom, an engine without EventSource and without a layout, driven by lines of JSON as qtwebkit.py is.
//
//     node jsdom.mjs URL [BEFORE]
//
// The scripts of the page are the server's own, loaded from it. It may not know what a test is about.

import { createInterface } from "node:readline";
import { JSDOM, VirtualConsole } from "jsdom";

const [url, before = ""] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const virtualConsole = new VirtualConsole();
for (const level of ["error", "warn", "log"]) virtualConsole.on(level, (text) => say({ console: String(text) }));
// A page that goes away, and what jsdom cannot show, are no faults of the page.
virtualConsole.on("jsdomError", (error) => error.type !== "not-implemented" && say({ console: error.message }));

const { window } = await JSDOM.fromURL(url, {
  runScripts: "dangerously",
  resources: "usable",
  pretendToBeVisual: true,
  virtualConsole,
  beforeParse: (page) => page.eval(before),
});

const work = {
  js: (text) => JSON.parse(window.eval(`JSON.stringify((function () { return ${text}; }()))`) ?? "null"),
  keys(text) {
    const { document, KeyboardEvent, Event } = window;
    for (const char of text) {
      const target = document.activeElement;
      const [key, keyCode] = char === "\n" ? ["Enter", 13] : [char, char.toUpperCase().charCodeAt(0)];
      const down = new KeyboardEvent("keydown", { key, keyCode, bubbles: true, cancelable: true });
      const taken = !target.dispatchEvent(down);
      if (taken || char === "\n") continue;
      target.value += char;
      target.dispatchEvent(new Event("input", { bubbles: true }));
    }
    return null;
  },
};

function start() {
  say({ loaded: true });
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const [[name, value]] = Object.entries(JSON.parse(line));
      say({ value: work[name](value) ?? null });
    })
    .on("close", () => process.exit(0));
}

if (window.document.readyState === "complete") start();
else window.addEventListener("load", start);
