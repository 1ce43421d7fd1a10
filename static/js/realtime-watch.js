/*
 * Realtime.Watch: what happens to the page and its machine that a connection cannot notice by itself.
 *
 * The network went or came, the page is shown again, it comes out of the browser's back/forward cache, or the machine
 * slept, which nobody says: a timer that comes much too late tells it. This file only tells. It knows no connection.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var TICK = 5000, ASLEEP = 10000;

  /** `tell(what)`: 'offline', 'online', 'aside' (into the cache), 'restored' (from it), 'shown' or 'woke'. */
  function Watch(options, tell) {
    var self = this;
    this.clock = options.clock;
    this.page = options.page && options.page.addEventListener ? options.page : null;
    this.tell = tell;
    this.timer = null;
    this.heard = function (e) {
      if (e.type === 'pagehide') { return e.persisted && tell('aside'); }
      if (e.type === 'pageshow') { return e.persisted && tell('restored'); }
      if (e.type !== 'visibilitychange') { return tell(e.type); }
      return self.page.document.visibilityState === 'visible' && tell('shown');
    };
  }

  Watch.prototype.start = function () {
    if (this.timer !== null) { return; }
    this.tick();
    this.listen('addEventListener');
  };

  Watch.prototype.stop = function () {
    this.clock.clearTimeout(this.timer);
    this.timer = null;
    this.listen('removeEventListener');
  };

  Watch.prototype.listen = function (how) {
    var page = this.page, heard = this.heard;
    if (!page) { return; }
    ['online', 'offline', 'pagehide', 'pageshow'].forEach(function (type) { page[how](type, heard, false); });
    if (page.document) { page.document[how]('visibilitychange', heard, false); }
  };

  Watch.prototype.tick = function () {
    var self = this, due = this.clock.now() + TICK;
    this.timer = this.clock.setTimeout(function () {
      self.tick();
      if (self.clock.now() - due > ASLEEP) { self.tell('woke'); }
    }, TICK);
  };

  Realtime.Watch = Watch;
}(typeof window === 'undefined' ? {} : window));
