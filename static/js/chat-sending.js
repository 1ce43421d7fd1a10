/*
 * What was written here and is not confirmed yet, of all rooms: shown at once, sent, and tried again when asked.
 *
 * It is kept for a reload of the page, too: with its key, by which the server knows what it has got already. This file
 * may not decide when something is sent; the client's outbox does.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, Realtime = root.Realtime;
  var SAFE_MS = 8 * 60 * 1000;   // the server remembers keys for REALTIME_KEY_TTL, ten minutes unless told otherwise
  var LIMITED = {rate_limited: true, too_many_requests: true, http_429: true};
  var WORDS = {waiting: 'Waiting for the connection', sent: 'Sending', retrying: 'Trying again'};

  /** `changed()` is called whenever something here did. */
  function Sending(rt, view, settings, changed) {
    var self = this;
    this.rt = rt;
    this.view = view;
    this.settings = settings;
    this.changed = changed;
    this.entries = [];
    rt.on('realtime.outbox', function (now) {
      self.entries.forEach(function (entry) {
        if (entry.key !== now.key || !WORDS[now.state]) { return; }
        entry.state = now.state;
        if (now.state === 'retrying') { entry.limited = !!now.error && LIMITED[now.error.code] === true; }
        self.show(entry);
      });
    });
  }

  /** What waited when the page was left. What is too old is not sent without asking: others may have seen it. */
  Sending.prototype.restore = function () {
    this.settings.queued().forEach(function (found) {
      var entry = this.entry(found), old = new Date().getTime() - found.time > SAFE_MS;
      if (old) { entry.error = {message: 'the page was closed before'}; }
      this.entries.push(entry);
      if (!old) { this.publish(entry); }
    }, this);
    this.changed();
  };

  Sending.prototype.entry = function (said) {
    return {
      room: said.room, user: said.user, text: said.text, key: said.key, time: said.time, own: true,
      from: this.settings.tag, after: said.after || null, state: 'waiting', limited: false, error: null,
      item: null
    };
  };

  /** Say something. `after`: the newest id that is here; what is older cannot be its echo. */
  Sending.prototype.send = function (room, text, after) {
    var entry = this.entry({
      room: room, user: this.settings.name, text: text, key: Realtime.makeKey(this.rt.options),
      time: new Date().getTime(), after: after
    });
    this.entries.push(entry);
    entry.item = this.view.add(entry);
    this.publish(entry);
  };

  /** A room is shown: put what waits for it at its end. */
  Sending.prototype.enter = function (room) {
    this.entries.forEach(function (entry) {
      if (entry.room !== room) { return; }
      entry.item = this.view.add(entry);
      this.show(entry);
    }, this);
  };

  Sending.prototype.publish = function (entry) {
    var self = this;
    entry.error = null;
    // The same key at each try: had the server accepted it before, nobody sees it twice.
    this.rt.publish(entry.room, {user: entry.user, from: entry.from, text: entry.text}, {key: entry.key},
      function (error, result) {
        if (self.entries.indexOf(entry) < 0) { return; }
        if (!error) { return self.confirm(entry, result.id); }
        entry.error = error;
        self.show(entry);
      });
    this.show(entry);
  };

  /** Everything that failed, once more. */
  Sending.prototype.again = function () {
    this.failed().forEach(function (entry) { this.publish(entry); }, this);
  };

  Sending.prototype.failed = function () { return this.entries.filter(function (entry) { return entry.error; }); };

  /** How an entry stands, on its message and to whom it concerns. */
  Sending.prototype.show = function (entry) {
    var self = this;
    if (entry.item && entry.error) {
      Chat.mark(entry.item, 'failed', 'Not sent: ' + entry.error.message + '.', {
        'Try again': function () { self.publish(entry); },
        Discard: function () { self.discard(entry); }
      });
      this.view.scroll.resized();
    } else if (entry.item) {
      Chat.mark(entry.item, 'waiting', WORDS[entry.state]);
    }
    this.keep();
  };

  Sending.prototype.keep = function () {
    this.settings.queue(this.entries);
    this.changed();
  };

  Sending.prototype.discard = function (entry) {
    this.entries.splice(this.entries.indexOf(entry), 1);
    this.view.drop(entry.item);
    this.keep();
  };

  Sending.prototype.confirm = function (entry, id) {
    this.entries.splice(this.entries.indexOf(entry), 1);
    if (entry.item) { this.view.settle(entry.item, id); }
    this.keep();
  };

  /** Our own message may come back before it is confirmed; true if this was one of those. */
  Sending.prototype.echoed = function (room, said, id) {
    var mine = this.entries.filter(function (entry) {
      return id && entry.room === room && entry.user === said.user && entry.text === said.text &&
        (!said.from || entry.from === said.from) && entry.after && Realtime.compareIds(id, entry.after) > 0;
    })[0];
    if (mine) { this.confirm(mine, id); }
    return !!mine;
  };

  Chat.Sending = Sending;
}(window));
