/*
 * The chat on "/": joins what the page shows (chat-view.js, chat-frame.js), what it remembers (chat-model.js)
 * and the connection.
 *
 * One room is shown at a time, because events do not say their room: the old room is left, and only when the server
 * has let go of it the new one is joined. This file may not build messages on the page or open connections itself.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, Realtime = root.Realtime, document = root.document, location = root.location;
  var HISTORY = 50;
  var storage = null;
  try { storage = root.localStorage; } catch (_) { storage = null; }

  function byId(id) { return document.getElementById(id); }

  var settings = new Chat.Settings(storage);
  var view = new Chat.View({
    messages: byId('messages'), scroll: byId('scroll'), empty: byId('empty'), jump: byId('jump')
  });
  var frame = new Chat.Frame(settings, go);
  var forced = Chat.query(location.search, 'transport');
  var rt = new Realtime(Realtime.transports[forced] ? {transports: [forced]} : {});
  var wanted = null;    // the room that the person wants to be in
  var inside = null;    // the room whose events we get
  var moving = false;   // between the two
  var newest = '0-0';   // the latest id that was shown
  var waiting = [];     // our messages that are not confirmed yet, of all rooms

  // ---- rooms ----

  function enter(room) {
    wanted = room;
    view.clear();
    frame.say('');
    frame.title(room);
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
    rt.join(room, {history: HISTORY}, function (error) {
      if (room !== inside || room !== wanted) { return; }
      if (error && (error.code === 'left' || error.code === 'closed')) { return; }
      view.ready();
      if (error) {
        inside = null;
        settings.forget(room);
        frame.say('#' + room + ' cannot be entered: ' + error.message);
        view.hint('Choose another room.');
      } else {
        settings.visit(room);
      }
      listRooms();
    });
    // What was written here and is not confirmed yet; the view was cleared when the room was chosen.
    waiting.forEach(function (entry) { if (entry.room === room && !entry.item.parentNode) { show(entry); } });
  }

  function listRooms() {
    var rooms = settings.rooms.slice();
    if (rooms.indexOf(wanted) < 0) { rooms.push(wanted); }
    frame.list(rooms, wanted, function (room) { return Chat.address(location.search, room); });
  }

  function go(room) {
    if (room !== wanted) { root.history.pushState({}, '', Chat.address(location.search, room)); }
    if (room !== wanted || !inside) { enter(room); }
    byId('text').focus();
  }

  root.addEventListener('popstate', function () {
    var room = Chat.query(location.search, 'room') || document.body.getAttribute('data-room');
    if (room !== wanted) { enter(room); }
  }, false);

  // ---- messages ----

  rt.on('message', function (data, id) {
    var said = Chat.read(data), mine;
    if (!inside || (id && view.has(id))) { return; }
    // Our own message may come back before it is confirmed. What is older than the sending is not its echo.
    mine = waiting.filter(function (entry) {
      return id && entry.room === inside && entry.user === said.user && entry.text === said.text &&
        Realtime.compareIds(id, entry.after) > 0;
    })[0];
    if (id && Realtime.compareIds(id, newest) > 0) { newest = id; }
    if (mine) { return confirm(mine, id); }
    view.add({id: id, user: said.user, text: said.text, time: id ? Realtime.timeOf(id) : new Date().getTime()});
  });

  // Something is missing and cannot be had: rather than leaving a hole that nobody sees, show the room anew.
  rt.on('realtime.reset', function () { enter(wanted); });

  function send(text) {
    var entry = {
      room: wanted, user: settings.name, text: text, time: new Date().getTime(), own: true, key: null, after: newest
    };
    waiting.push(entry);
    show(entry);
    publish(entry);
  }

  function show(entry) {
    entry.item = view.add(entry);
    mark(entry);
  }

  function mark(entry) {
    if (entry.error) {
      view.mark(entry.item, 'failed', 'Not sent: ' + entry.error.message + '. ', function () { publish(entry); });
    } else {
      view.mark(entry.item, 'waiting', 'Sending…');
    }
  }

  function publish(entry) {
    entry.error = null;
    mark(entry);
    // The same key at each try: had the server accepted it before, nobody sees it twice.
    var data = {user: entry.user, text: entry.text};
    entry.key = rt.publish(entry.room, data, {key: entry.key}, function (error, result) {
      if (waiting.indexOf(entry) < 0) { return; }
      if (!error) { return confirm(entry, result.id); }
      entry.error = error;
      mark(entry);
    });
  }

  function confirm(entry, id) {
    waiting.splice(waiting.indexOf(entry), 1);
    view.settle(entry.item, id);
  }

  // ---- the composer ----

  var text = byId('text');

  function grow() {
    text.style.height = 'auto';
    text.style.height = Math.min(text.scrollHeight, 180) + 'px';
    view.resized();
  }

  function submit(e) {
    var written = text.value.replace(/\s+$/, '');
    e.preventDefault();
    if (!written.trim()) { return; }
    text.value = '';
    grow();
    send(written);
    text.focus();
  }

  root.addEventListener('resize', grow, false);
  byId('composer').addEventListener('submit', submit, false);
  text.addEventListener('input', grow, false);
  text.addEventListener('keydown', function (e) {
    // An input method that is still composing a word keeps its Enter (as key code 229 where it is not said).
    if (e.keyCode === 13 && !e.shiftKey && !e.isComposing) { submit(e); }
  }, false);

  // ---- the connection ----

  rt.on('realtime.state', function (now) { frame.status(now.state, now.transport, now.degraded); });
  rt.on('realtime.error', function (error) {
    if (error.code === 'no_transport') { frame.say('This browser offers no way to connect: ' + error.message); }
  });

  enter(document.body.getAttribute('data-room') || 'lobby');
  rt.connect();
}(window));
