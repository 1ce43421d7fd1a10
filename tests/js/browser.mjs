// What the tabs of one browser share, as far as the client uses it. It does only what a test tells it to.

import { FakeClock } from "./fakes.mjs";

/** What the tabs of a browser share: channels, and locks that go to the next who asked. */
export class Browser {
  constructor() {
    const channels = [];
    this.queue = [];
    this.holder = null;
    this.keys = 0;
    this.clock = new FakeClock();
    this.BroadcastChannel = class {
      constructor(name) {
        this.name = name;
        channels.push(this);
      }
      postMessage(data) {
        const copy = JSON.stringify(data);
        if (this.frozen) return;
        for (const other of channels) {
          if (other !== this && other.name === this.name && !other.closed && !other.frozen) {
            other.onmessage({ data: JSON.parse(copy) });
          }
        }
      }
      close() {
        this.closed = true;
      }
    };
    this.channels = channels;
  }

  request(options, granted) {
    return new Promise((_, reject) => {
      const wish = { granted, reject };
      if (options.steal) {
        if (this.holder) this.holder.reject(Object.assign(new Error("stolen"), { name: "AbortError" }));
        this.holder = null;
        this.queue.unshift(wish);
      } else {
        this.queue.push(wish);
      }
      this.next();
    });
  }

  next() {
    if (this.holder || !this.queue.length) return;
    const wish = (this.holder = this.queue.shift());
    Promise.resolve(wish.granted()).then(() => this.free(wish));
  }

  free(wish) {
    if (this.holder !== wish) return;
    this.holder = null;
    this.next();
  }
}
