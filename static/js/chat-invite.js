/*
 * Private rooms: opens one, and makes links by which others are let in.
 *
 * The dialog has the focus while it is open, and gives it back. This file may not enter a room: the browser's session
 * is known to connections that begin after it, so that a new room is a page of its own.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, Realtime = root.Realtime, document = root.document;

  function byId(id) { return document.getElementById(id); }

  /** `url`: where invitations are made. `address(room)`: of a room. */
  function Invite(url, options, address) {
    var self = this;
    this.url = url;
    this.options = options;
    this.address = address;
    this.room = null;       // the room that the link is for; null while there is none yet
    this.from = null;       // what had the focus before
    byId('private').addEventListener('click', function () { self.open(null); }, false);
    byId('invite').addEventListener('click', function () { self.open(self.current); }, false);
    byId('lasts').addEventListener('change', function () { self.ask(); }, false);
    byId('copy').addEventListener('click', function () { self.copy(); }, false);
    byId('cancel').addEventListener('click', function () { self.close(); }, false);
    byId('veil').addEventListener('click', function (e) { if (e.target === byId('veil')) { self.close(); } }, false);
    byId('veil').addEventListener('keydown', function (e) { self.key(e); }, false);
  }

  /** The room that is shown; there is a button for it where people can be invited to it. */
  Invite.prototype.enter = function (room, isPrivate) {
    this.current = room;
    byId('invite').hidden = !isPrivate;
  };

  Invite.prototype.open = function (room) {
    this.room = room;
    this.from = document.activeElement;
    byId('veil').hidden = false;
    byId('invite-title').textContent = room ? 'Invite to this room' : 'A private room';
    byId('invite-words').textContent = 'Whoever has this link can enter' + (room ? '.' : ', and nobody else.');
    byId('enter-private').hidden = true;
    byId('invite-box').focus();
    this.ask();
  };

  Invite.prototype.close = function () {
    byId('veil').hidden = true;
    byId('link').value = '';
    if (this.from && this.from.focus) { this.from.focus(); }
  };

  Invite.prototype.ask = function () {
    var self = this, wanted = {expires: Number(byId('lasts').value)};
    if (this.room) { wanted.room = this.room; }
    byId('copy').disabled = true;
    byId('link').value = '';
    byId('copied').textContent = 'Making a link…';
    Realtime.request(this.options, 'POST', this.url, wanted, function (error, answer) {
      if (error) {
        byId('copied').textContent = 'No link could be made: ' + error.message + '.';
        return;
      }
      self.room = answer.room;
      byId('link').value = root.location.protocol + '//' + root.location.host + answer.link;
      byId('copied').textContent = '';
      byId('copy').disabled = false;
      byId('enter-private').href = self.address(answer.room);
      byId('enter-private').hidden = answer.room === self.current;
    });
  };

  Invite.prototype.copy = function () {
    function told(done) {
      byId('copied').textContent = done ? 'Copied.' : 'Press Ctrl+C (⌘C) to copy.';
    }
    byId('link').focus();
    byId('link').select();
    if (root.navigator.clipboard && root.navigator.clipboard.writeText) {
      root.navigator.clipboard.writeText(byId('link').value).then(function () { told(true); }, function () {
        told(false);
      });
      return;
    }
    try { told(document.execCommand('copy')); } catch (_) { told(false); }
  };

  /** Escape closes; Tab stays inside. */
  Invite.prototype.key = function (e) {
    var all = byId('invite-box').querySelectorAll('input, select, button, a'), can = [], i, last;
    if (e.keyCode === 27) { this.close(); }
    if (e.keyCode !== 9) { return; }
    for (i = 0; i < all.length; i += 1) { if (!all[i].disabled && !all[i].hidden) { can.push(all[i]); } }
    last = can[can.length - 1];
    if (e.shiftKey && (document.activeElement === can[0] || document.activeElement === byId('invite-box'))) {
      e.preventDefault();
      last.focus();
    } else if (!e.shiftKey && document.activeElement === last) {
      e.preventDefault();
      can[0].focus();
    }
  };

  Chat.Invite = Invite;
}(window));
