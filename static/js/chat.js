/*
 * The chat on "/": joins what the page shows (chat-view.js and the other parts), what it remembers (chat-settings.js)
 * and the connection.
 *
 * One room is shown at a time, because events do not say their room: the old room is left, and only when the server
 * has let go of it the new one is joined. This file may not build messages on the page or open connections itself.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, Realtime = root.Realtime, document = root.document, location = root.location;
  var HISTORY = 50;

  function byId(id) { return document.getElementById(id); }

  /** A browser's store, or null where it keeps nothing. */
  function store(name) {
    try { return root[name]; } catch (_) { return null; }
  }

  var forced = Chat.transport(location.search, Object.keys(Realtime.transports));
  var rt = new Realtime(forced ? {transports: [forced]} : {});
  var settings = new Chat.Settings(store('localStorage'), store('sessionStorage'), rt.options.url);
  var wanted = null;    // the room that the person wants to be in
  var inside = null;    // the room whose events we get
  var moving = false;   // between the two
  var newest = '0-0';   // the latest id that was shown
  var came = 0;         // messages of this room's history
  var marking = null;   // the timer until it is noted how far this room was read

  var view = new Chat.View({
    messages: byId('messages'), scroll: byId('scroll'), empty: byId('empty'), jump: byId('jump'), back: byId('back'),
    how: byId('how')
  }, {looked: looked, top: older, trimmed: trimmed});
  var people = new Chat.People(rt, settings, function () { view.scroll.resized(); });
  var frame = new Chat.Frame(settings, go, function () { people.renamed(); });
  var past = new Chat.Past({
    older: byId('older'), begin: byId('begin'), beginRoom: byId('begin-room'), trouble: byId('trouble')
  }, rt.options, function (messages, then) {
    view.older(messages.map(function (one) { return messageOf(one.data, one.id); }), then);
  });
  var queue = new Chat.Queue({
    queue: byId('queue'), words: byId('queue-words'), toggle: byId('queue-toggle'), list: byId('queue-list'),
    all: byId('queue-all')
  }, go, called);
  var sending = new Chat.Sending(rt, view, settings, function () { queue.update(sending); });
  var composer = new Chat.Composer({form: byId('composer'), text: byId('text'), left: byId('left')}, settings, {
    send: function (text) {
      people.sent();
      sending.send(wanted, text, newest);
    },
    resized: function () { view.scroll.resized(); },
    wrote: function (text) { people.wrote(text); }
  });
  var banner = new Chat.Banner({
    banner: byId('banner'), words: byId('banner-words'), rest: byId('banner-rest'), now: byId('banner-now')
  }, function () { rt.connect(); });

  var elsewhere = new Chat.Elsewhere(settings, function (room, after, limit, cb) {
    Realtime.request(rt.options, 'GET', Realtime.messagesPath(room, {after: after, limit: limit}), null, cb);
  }, function (room, count) { frame.news(room, count); }, rt.options.clock);
  var invite = byId('veil') && new Chat.Invite(document.body.getAttribute('data-invitations'), Realtime.fill({url: ''}),
    address);

  // ---- rooms ----

  function address(room) { return Chat.address(location.search, room); }

  function called(room) { return Chat.called(room, document.body.getAttribute('data-private')); }

  function enter(room) {
    mark();
    wanted = room;
    came = 0;
    past.leave();
    people.leave();
    view.clear(settings.readUpTo(room));
    frame.say('');
    frame.title(called(room));
    frame.unread(called(room).title, 0);
    if (invite) { invite.enter(room, called(room).isPrivate); }
    composer.enter(room);
    listRooms();
    if (!moving) { move(); }
  }

  function move() {
    var from = inside;
    moving = true;
    inside = null;
    function arrive() {
      moving = false;
      join(wanted);
    }
    if (from) { rt.leave(from, arrive); } else { arrive(); }
  }

  function join(room) {
    inside = room;
    rt.join(room, {history: HISTORY, name: people.name()}, function (error) {
      if (room !== inside || room !== wanted) { return; }
      if (error && (error.code === 'left' || error.code === 'closed')) { return; }
      // Before the view goes to its end: the line at the top takes room, too.
      if (!error) { past.enter(room, function () { return view.oldest(); }, came < HISTORY, called(room).title); }
      view.ready();
      if (error) {
        refused(room, error);
      } else {
        settings.visit(room);
        people.enter(room);
      }
      listRooms();
    });
    // What was written here and is not confirmed yet; the view was cleared when the room was chosen.
    sending.enter(room);
  }

  /** A room cannot be entered, or not any more. */
  function refused(room, error) {
    var who = called(room), closed = who.isPrivate && (error.code === 'unauthorized' || error.code === 'forbidden');
    inside = null;
    settings.forget(room);
    if (invite) { invite.enter(room, false); }
    frame.say(closed ? 'This room is private. Ask somebody who is in it for an invitation.' :
      '#' + room + ' cannot be entered: ' + error.message);
    view.hint('Choose another room.');
    listRooms();
  }

  function listRooms() {
    var rooms = settings.rooms.slice();
    if (rooms.indexOf(wanted) < 0) { rooms.push(wanted); }
    frame.list(rooms, wanted, address, called);
    elsewhere.watch(rooms.filter(function (room) { return room !== wanted; }));
  }

  function go(room) {
    if (room !== wanted) { root.history.pushState({}, '', address(room)); }
    if (room !== wanted || !inside) { enter(room); }
    // Where the focus would bring up a keyboard, who chooses a room wants to read first.
    byId(root.matchMedia && root.matchMedia('(pointer: coarse)').matches ? 'scroll' : 'text').focus();
  }

  root.addEventListener('popstate', function () {
    var room = Chat.query(location.search, 'room') || document.body.getAttribute('data-room');
    if (room !== wanted) { enter(room); }
  }, false);

  // ---- messages ----

  function looked() {
    if (wanted === null) { return; }
    frame.unread(called(wanted).title, view.unread.count);
    if (marking === null) { marking = root.setTimeout(mark, 500); }   // not for each message of many
  }

  function mark() {
    root.clearTimeout(marking);
    marking = null;
    if (wanted !== null) { settings.mark(wanted, view.unread.read); }
  }

  root.addEventListener('pagehide', mark, false);

  function older() { past.more(); }

  function trimmed() { past.trimmed(); }

  function messageOf(data, id) {
    var said = Chat.read(data);
    return {
      id: id, user: said.user, from: said.from, text: said.text, own: said.from === settings.tag,
      time: id ? Realtime.timeOf(id) : new Date().getTime()
    };
  }

  rt.on('message', function (data, id) {
    var message = messageOf(data, id);
    if (!inside || (id && view.has(id))) { return; }
    came += 1;
    people.said(message);
    if (!sending.echoed(inside, message, id)) { view.add(message); }
    if (id && Realtime.compareIds(id, newest) > 0) { newest = id; }
  });

  // Something is missing and cannot be had: rather than leaving a hole that nobody sees, show the room anew.
  rt.on('realtime.reset', function () {
    enter(wanted);
    frame.say('Something that was said is gone from the server’s log: this is the room as it is there now.', 15000);
  });

  ['realtime.revoked', 'realtime.expired'].forEach(function (event) {
    rt.on(event, function (now) {
      if (!inside || (now.room && now.room !== inside)) { return; }
      frame.say('Your permission to be in this room has ended.');
      settings.forget(inside);
    });
  });

  // ---- the connection ----

  /** `anew`: the page is looked at again. */
  function watch(anew) { elsewhere.look(!document.hidden && rt.state === 'connected', anew); }

  document.addEventListener('visibilitychange', function () { watch(true); }, false);

  rt.on('realtime.state', function (now) {
    frame.status(now.state, now.transport, now.degraded);
    banner.update(now);
    people.connected(now.state === 'connected');
    watch(false);
    view.scroll.resized();
  });
  rt.on('realtime.error', function (error) {
    if (error.room && error.room === inside) { refused(error.room, error); }
    if (error.code === 'no_transport') { frame.say('This browser offers no way to connect: ' + error.message); }
  });

  sending.restore();
  enter(document.body.getAttribute('data-room') || 'lobby');
  rt.connect();
}(window));
