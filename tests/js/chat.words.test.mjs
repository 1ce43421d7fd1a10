// What the words of a message are: links that may be clicked and no others, in a time that grows with the text only.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const Chat = createRequire(import.meta.url)("../../static/js/chat-words.js");
const hrefs = (text) => Chat.links(text).flatMap((part) => part.href ?? []);

test("web and mail addresses are links, and the parts together are the text", () => {
  const links = [
    ["see https://example.org/a?b=c#d now", ["https://example.org/a?b=c#d"]],
    ["HTTP://EXAMPLE.ORG", ["HTTP://EXAMPLE.ORG"]],
    ["www.example.org/x", ["https://www.example.org/x"]],
    ["mailto:ann@example.org?subject=hi", ["mailto:ann@example.org?subject=hi"]],
    ["http://localhost:5000/ and https://127.0.0.1:1", ["http://localhost:5000/", "https://127.0.0.1:1"]],
    ["https://example.org/דף ועוד", ["https://example.org/דף"]],
    ["שלוםhttps://example.org", ["https://example.org"]],
    ["line\nhttps://a.example\nhttps://b.example\n", ["https://a.example", "https://b.example"]],
    ["", []],
    ["no link", []],
  ];
  for (const [text, expected] of links) {
    assert.deepEqual(hrefs(text), expected, text);
    assert.equal(
      Chat.links(text)
        .map((part) => part.text)
        .join(""),
      text,
    );
  }
});

test("what ends the sentence or closes a bracket around a link is not the link's", () => {
  const ends = [
    ["Look: https://example.org.", "https://example.org"],
    ["https://example.org/?!…", "https://example.org/"],
    ["(https://example.org)", "https://example.org"],
    ["(see https://example.org/wiki/Foo_(bar))", "https://example.org/wiki/Foo_(bar)"],
    ["https://example.org/a_(b)_c", "https://example.org/a_(b)_c"],
    ["[https://example.org]: there", "https://example.org"],
    ["“https://example.org”", "https://example.org"],
    ["<https://example.org>", "https://example.org"],
    ['"https://example.org"', "https://example.org"],
    ["（https://example.org）。", "https://example.org"],
    ["**https://example.org**", "https://example.org"],
    ["https://example.org/a,b", "https://example.org/a,b"],
  ];
  for (const [text, expected] of ends) assert.deepEqual(hrefs(text), [expected], text);
});

test("nothing else is a link: no script, no data, no file, no address that looks like another", () => {
  const not = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https:",
    "data:text/html,<script>",
    "file:///etc/passwd",
    "vbscript:x",
    "ftp://example.org",
    "https://",
    "https://.",
    "https://)))",
    "http:///x",
    "https://?x",
    "https://example.org@evil.example/",
    "https://user:secret@example.org",
    "https://example.org:80@evil.example",
    "mailto:",
    "mailto:nobody",
    "mailto:@",
    "xhttps://example.org",
    "www.",
  ];
  for (const text of not) assert.deepEqual(hrefs(text), [], text);
});

test("marks that turn the direction of text end a link", () => {
  assert.deepEqual(hrefs("https://example.org/\u202Egnp.exe"), ["https://example.org/"]);
  assert.deepEqual(hrefs("https://example.org/\u2067x"), ["https://example.org/"]);
});

test("a hostile text takes no longer than any other of its length", () => {
  const size = 200_000;
  const texts = ["http://", "((((", "))))", "http://a(", "mailto:a@", "www.", "https://a.b/)(", "\ud83d\ude00", "a@"];
  for (const text of texts) {
    const long = text.repeat(Math.ceil(size / text.length));
    const began = Date.now();
    Chat.links(long);
    Chat.links("https://a.example/" + long);
    Chat.isEmoji(long);
    Chat.isLong(long);
    assert.ok(Date.now() - began < 1000, `${text}: ${Date.now() - began} ms`);
  }
});

test("long is what would push everything else off the page", () => {
  assert.ok(!Chat.isLong("a word ".repeat(100)));
  assert.ok(Chat.isLong("W".repeat(8000)));
  assert.ok(Chat.isLong("x\n".repeat(40)));
  assert.ok(!Chat.isLong("x\n".repeat(10)));
});

test("a few emoji by themselves are recognised", () => {
  for (const text of ["🎉", "👍🏽 👍", "❤️", "👩‍👩‍👧", "🇩🇪", "☀️🌧️"]) assert.ok(Chat.isEmoji(text), text);
  for (const text of ["", "  ", "a", "ok 👍", "12", "🎉".repeat(20), "…", "©"]) assert.ok(!Chat.isEmoji(text), text);
});
