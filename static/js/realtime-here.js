/*
 * What is about now only: transient messages, which nobody keeps.
 *
 * This file may not let anything wait: whatever cannot be sent at once has failed.
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
}(typeof window === 'undefined' ? {} : window));
