/*
 * The long-poll transport: the last resort, where nothing that streams gets through. Plain requests, one per room.
 *
 * Each room is asked for what came after its own position, and the server holds the request back until there is
 * something. A browser has few connections to a server, so at most three requests wait at once: whoever follows more
 * rooms than that gets their news in turns. Within a room the order is the log's; across rooms it is not.
 * This file may not choose another transport, or keep anything beyond its own life.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var AT_ONCE = 3, PAGE = 200, PAGES = 100, TURN = 1;

  function PollTransport(host) {
    this.host = host;
    this.past = new Realtime.Past(host);
    this.here = new Realtime.Here(host);
    this.polls = Object.create(null);     // room name -> {name, cursor, abort, timer}
    this.waiting = [];                    // the polls whose turn is to come
    this.busy = 0;                        // requests that are under way
    this.entering = Object.create(null);  // room name -> the room whose past is being read
    this.whole = true;
    this.opened = this.over = false;
  }

  PollTransport.available = function (options) { return !!options.XMLHttpRequest; };

  PollTransport.prototype.open = function () {
    this.host.rooms().forEach(function (room) { this.enter(room); }, this);
    this.ready();
  };

  PollTransport.prototype.join = function (room) {
    if (this.opened) { this.enter(room); }
  };

  /** Bring what a room wants of its past, then keep asking. */
  PollTransport.prototype.enter = function (room) {
    var self = this, host = this.host, again = room.joined;
    var from = again ? Realtime.newestOf([host.position(), room.since]) : null;
    this.entering[room.name] = room;
    host.joining(!this.opened);

    function entered(error, entry) {
      if (self.over) { return; }
      if (self.entering[room.name] === room) { delete self.entering[room.name]; }
      host.covered(error ? null : entry.cursor);
      if (error) {
        host.joined(room, error);
      } else if (host.wants(room)) {
        room.since = entry.cursor;
        self.whole = self.whole && (!again || entry.recovered);
        self.polls[room.name] = {name: room.name, cursor: entry.cursor, abort: null, timer: null,
          person: function () { return room.person; }};
        host.joined(room, null, {recovered: entry.recovered, cursor: entry.cursor});
        self.line(self.polls[room.name]);
      }
      self.ready();
    }

    if (from) {
      this.past.follow({room: room, cursor: from, recovered: true}, null, PAGES, entered);
    } else {
      this.past.fetch(room, entered);
    }
  };

  PollTransport.prototype.ready = function () {
    if (this.over || this.opened || Object.keys(this.entering).length) { return; }
    this.opened = true;
    this.host.opened(this.whole);
    this.here.begin();
    if (this.over) { return; }
    // Rooms that were joined while the first ones were being entered.
    this.host.rooms().forEach(function (room) {
      if (!this.polls[room.name] && !this.entering[room.name]) { this.enter(room); }
    }, this);
    this.turn();
  };

  PollTransport.prototype.line = function (poll) {
    this.waiting.push(poll);
    this.turn();
  };

  PollTransport.prototype.turn = function () {
    if (!this.opened) { return; }
    while (!this.over && this.busy < AT_ONCE && this.waiting.length) { this.ask(this.waiting.shift()); }
  };

  PollTransport.prototype.ask = function (poll) {
    var self = this, host = this.host, options = host.options, began = options.clock.now();
    var wait = Object.keys(this.polls).length > AT_ONCE ? TURN : options.pollWait;
    this.busy += 1;
    poll.abort = Realtime.request(options, 'GET',
      Realtime.messagesPath(poll.name, {after: poll.cursor, limit: PAGE, wait: wait, name: poll.person()}), null,
      function (error, answer) {
        poll.abort = null;
        self.busy -= 1;
        if (self.over || self.polls[poll.name] !== poll) { return; }
        host.alive();
        if (error && error.retry) { return host.lost(error); }
        if (error) {
          delete self.polls[poll.name];
          self.refused(poll.name, error);
        } else {
          self.took(poll, answer);
          if (self.over || self.polls[poll.name] !== poll) { return; }
          // A busy room is not asked more than ten times a second: what comes in between is taken together.
          poll.timer = options.clock.setTimeout(function () {
            poll.timer = null;
            self.line(poll);
          }, Math.max(0, (answer.messages || []).length < PAGE ? began + options.pollPause - options.clock.now() : 0));
        }
        self.turn();
      }, wait * 1000);
  };

  PollTransport.prototype.refused = function (name, error) {
    var host = this.host;
    host.rooms().forEach(function (room) { if (room.name === name) { host.joined(room, error); } });
  };

  PollTransport.prototype.took = function (poll, answer) {
    var host = this.host, messages = answer.messages || [], last = messages[messages.length - 1];
    var room = host.rooms().filter(function (one) { return one.name === poll.name; })[0];
    if (!room) { return; }
    poll.cursor = last ? last.id : Realtime.newestOf([poll.cursor, answer.cursor]);
    if (answer.recovered === false) {
      poll.cursor = last ? last.id : answer.cursor || poll.cursor;
      host.reset(answer.cursor);
    }
    // The position that all rooms share stands still meanwhile: a listener may close the connection half-way.
    host.joining(false);
    messages.forEach(function (message) {
      if (!this.over && host.wants(room)) { host.deliver(message.event, message.data, message.id); }
    }, this);
    if (this.over) { return; }
    host.covered(null);
    room.since = poll.cursor;
    this.level();
  };

  /** What every room has reached is the position; each room's own is remembered in `since`. */
  PollTransport.prototype.level = function () {
    var polls = this.polls, lowest = null;
    Object.keys(polls).forEach(function (name) {
      var cursor = polls[name].cursor;
      if (!lowest || Realtime.compareIds(cursor, lowest) < 0) { lowest = cursor; }
    });
    if (lowest) { this.host.moved(lowest); }
  };

  PollTransport.prototype.leave = function (room, cb) {
    this.stop(this.polls[room.name]);
    delete this.polls[room.name];
    this.turn();
    cb();
  };

  PollTransport.prototype.stop = function (poll) {
    if (!poll) { return; }
    this.host.options.clock.clearTimeout(poll.timer);
    this.waiting = this.waiting.filter(function (other) { return other !== poll; });
    if (poll.abort) {
      poll.abort();
      this.busy -= 1;
    }
  };

  /** Be present under another name at once: the poll that says the old one is asked anew. */
  PollTransport.prototype.rename = function (room) {
    var poll = this.polls[room.name];
    if (!poll || !poll.abort) { return; }
    this.stop(poll);
    poll.abort = null;
    this.line(poll);
  };

  PollTransport.prototype.publish = function (message, cb) { Realtime.post(this.host.options, message, cb); };

  PollTransport.prototype.watch = function () {};   // an answer has every event

  PollTransport.prototype.close = function () {
    var polls = this.polls;
    this.over = true;
    this.past.close();
    this.here.close();
    Object.keys(polls).forEach(function (name) { this.stop(polls[name]); }, this);
  };

  Realtime.transports.poll = PollTransport;
}(typeof window === 'undefined' ? {} : window));
