/*
 * The line below the bar while the connection is away: why, for how long still, and "try now".
 *
 * A short break shows nothing: the sign in the bar is enough. This file may not connect by itself.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat;
  var PATIENCE_MS = 1500, FIRST_MS = 6000;   // a first connection may have to find out what works here
  var KEPT = ' What you write is kept, and sent when ';

  /** `elements`: {banner, words, rest, now}; `connect()` tries at once. */
  function Banner(elements, connect) {
    var self = this;
    this.elements = elements;
    this.state = null;      // the last of 'realtime.state'
    this.patience = FIRST_MS;
    this.since = null;      // when the connection went
    this.until = null;      // when the next attempt begins
    this.timer = null;
    elements.now.addEventListener('click', function () {
      connect();
      // The button goes away under the finger that pressed it.
      root.document.getElementById('text').focus();
    }, false);
    ['online', 'offline'].forEach(function (event) {
      root.addEventListener(event, function () { self.draw(); }, false);
    });
  }

  /** The connection's state, as 'realtime.state' tells it. */
  Banner.prototype.update = function (now) {
    var self = this, time = new Date().getTime();
    this.state = now;
    if (now.state === 'connected') {
      this.since = this.until = null;
      this.patience = PATIENCE_MS;
    } else {
      if (this.since === null) { this.since = time; }
      this.until = now.retryIn === null ? null : time + now.retryIn;
    }
    root.clearInterval(this.timer);
    if (now.state !== 'connected') { this.timer = root.setInterval(function () { self.draw(); }, 250); }
    this.draw();
  };

  Banner.prototype.draw = function () {
    var elements = this.elements, time = new Date().getTime(), state = this.state && this.state.state;
    var left = this.until === null ? 0 : Math.ceil((this.until - time) / 1000);
    var offline = root.navigator.onLine === false, away = this.since !== null && state !== 'closed';
    var lasting = away && (offline || left > 1 || time - this.since > this.patience);
    var words = '';
    if (this.state && this.state.degraded) {
      words = 'The server cannot deliver just now.' + KEPT + 'it can.';
    } else if (lasting) {
      words = (offline ? 'You are offline: the network is away.' : 'The connection is away.') + KEPT + 'it is back.';
    }
    this.set(elements.words, words);
    // The seconds are not read out one by one.
    this.set(elements.rest, lasting && !offline ? left > 0 ? 'Next try in ' + left + ' s' : 'Trying…' : '');
    elements.now.hidden = !lasting || left <= 0;
    elements.banner.hidden = !words;
    elements.banner.setAttribute('data-degraded', this.state && this.state.degraded ? 'true' : 'false');
  };

  Banner.prototype.set = function (element, text) { if (element.textContent !== text) { element.textContent = text; } };

  Chat.Banner = Banner;
}(window));
