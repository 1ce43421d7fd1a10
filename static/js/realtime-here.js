/*
 * What is about now only: transient messages, which nobody keeps, and who is there.
 *
 * This file may not let anything wait: whatever cannot be sent at once has failed. It keeps no roster for the page.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  /** Publish a transient message; cb(null, {}) or cb({code, message}), called exactly once. */
  Realtime.say = function (face, room, data, options, cb) {
    var now = face._link, clock = face.options.clock, timer, done = false, text;

    function finish(error) {
      if (done) { return; }
      done = true;
      clock.clearTimeout(timer);
      if (error) { cb({code: error.code, message: error.message}); } else { cb(null, {}); }
    }
    function refuse(code, why) {
      clock.setTimeout(function () { finish({code: code, message: why}); }, 0);
      return null;
    }

    try { text = JSON.stringify(data); } catch (_) { text = undefined; }
    if (text === undefined) { return refuse('invalid_value', 'the data has no JSON form'); }
    if (!now.open || !now.current) { return refuse('offline', 'there is no connection now'); }
    timer = clock.setTimeout(function () {
      finish({code: 'no_answer', message: 'the server did not confirm the message'});
    }, face.options.ackTimeout);
    now.current.publish(
      {room: room, event: options.event || 'message', data: JSON.parse(text), transient: true}, finish);
    return null;
  };

  function key(member) { return JSON.stringify([member.user, member.name]); }

  function known(members) {
    var byKey = Object.create(null);
    members.forEach(function (member) { byKey[key(member)] = member; });
    return byKey;
  }

  function values(byKey) { return Object.keys(byKey).map(function (name) { return byKey[name]; }); }

  function ask(face, room, cb) {
    return Realtime.request(face.options, 'GET', '/rooms/' + Realtime.encode(room) + '/presence', null, cb);
  }

  /** What an answer becomes with what was told while it was on its way. */
  function applied(answer, changes) {
    var byKey = known(answer.members || []), viewers = answer.viewers, total = answer.total;
    changes.forEach(function (change) {
      change.left.forEach(function (member) { delete byKey[key(member)]; });
      change.joined.concat(change.changed).forEach(function (member) { byKey[key(member)] = member; });
      viewers = change.viewers;
      total = change.total;
    });
    return {members: values(byKey), viewers: viewers, total: total};
  }

  /** Ask who is in a room. */
  Realtime.present = function (face, room, cb) {
    var changes = [];
    function heard(change) { if (change.room === room) { changes.push(change); } }
    face.on('realtime.presence', heard);
    ask(face, room, function (error, answer) {
      face.off('realtime.presence', heard);
      if (error) { cb({code: error.code, message: error.message}); } else { cb(null, applied(answer, changes)); }
    });
  };

  /** The name for a stream of several rooms, as a piece of its query: what was said last. */
  Realtime.named = function (rooms) {
    var last = rooms.filter(function (room) { return room.person; }).pop();
    return last ? 'name=' + Realtime.encode(last.person) + '&' : '';
  };

  /** Be present in a room under another name from now on. */
  Realtime.rename = function (face, room, person) {
    var now = face._link.current;
    room.person = person;
    if (room.joined && now && now.rename) { now.rename(room); }
  };

  /** What has changed from one answer to the next, as it would have been told. */
  function difference(room, before, after) {
    var old = known(before.members), fresh = known(after.members), change;
    change = {room: room, joined: [], left: [], changed: [], viewers: after.viewers, total: after.total};
    after.members.forEach(function (member) {
      var other = old[key(member)];
      if (!other) {
        change.joined.push(member);
      } else if (JSON.stringify(other) !== JSON.stringify(member)) {
        change.changed.push(member);
      }
    });
    before.members.forEach(function (member) { if (!fresh[key(member)]) { change.left.push(member); } });
    return change;
  }

  /** Asks, for a transport to which nothing is pushed, who is in its rooms; only while the page wants to know. */
  function Here(host) {
    this.host = host;
    this.last = Object.create(null);   // room name -> the last answer
    this.refused = Object.create(null);   // room name -> true: it is off there, or not for us
    this.aborts = [];
    this.timer = null;
  }

  Here.prototype.begin = function () {
    var self = this;
    this.timer = this.host.options.clock.setTimeout(function () {
      if (self.host.events().indexOf('realtime.presence') >= 0) { self.look(); }
      self.begin();
    }, this.host.options.presencePoll);
  };

  Here.prototype.look = function () {
    var self = this, host = this.host;
    this.close(true);
    this.aborts = host.rooms().filter(function (room) {
      return room.joined && !self.refused[room.name];
    }).map(function (room) {
      return ask(host, room.name, function (error, answer) {
        if (error) { self.refused[room.name] = !error.retry; return; }
        var before = self.last[room.name] || {members: [], viewers: 0, total: 0};
        var change = difference(room.name, before, answer);
        self.last[room.name] = answer;
        if (change.joined.length || change.left.length || change.changed.length || before.viewers !== answer.viewers) {
          host.control('realtime.presence', change);
        }
      });
    });
  };

  Here.prototype.close = function (only) {
    this.aborts.splice(0).forEach(function (abort) { abort(); });
    if (!only) { this.host.options.clock.clearTimeout(this.timer); }
  };

  Realtime.Here = Here;
}(typeof window === 'undefined' ? {} : window));
