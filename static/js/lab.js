/*
 * The transport lab on "/lab": joins the form and the figures (lab-view.js), the lanes (lab-lane.js) and the feeder.
 *
 * A run: find out how far the clocks are apart; let every lane into a room of its own making; feed; wait until all have
 * everything; judge. This file may not count, draw or build anything itself.
 */
(function (root) {
  'use strict';

  var Lab = root.Lab, Realtime = root.Realtime, document = root.document, location = root.location;
  var TICK = 500, JOINING = 8000, SETTLING = 8000, QUIET = 700;
  var asking = Realtime.fill({url: '', requestTimeout: 15000, XMLHttpRequest: Lab.browser.XMLHttpRequest});
  var paths = {
    time: document.body.getAttribute('data-time'), feed: document.body.getAttribute('data-feed'),
    cut: document.body.getAttribute('data-cut')
  };
  var clock = {setTimeout: function (fn, ms) { return root.setTimeout(fn, ms); }, now: Lab.now};
  var view = new Lab.View(press);
  var charts = new Lab.Charts(document.getElementById('over'), view.small);
  var run = null;

  function request(method, path, body, cb) { Realtime.request(asking, method, path, body, cb); }

  function post(path, body, cb) { request('POST', path, body, cb); }

  // ---- a run ----

  function begin(settings) {
    var room = 'lab-' + Realtime.makeKey({crypto: root.crypto, random: Math.random});
    if (run) { run.lanes.forEach(function (lane) { lane.stop(); }); }
    run = {
      settings: settings, room: room, began: new Date(), phase: 'learning', ended: null, timer: null, missing: 0,
      feeder: new Lab.Feeder(paths, request, clock),
      lanes: settings.lanes.map(function (key) { return new Lab.Lane(key, told); })
    };
    view.complain('');
    view.choose(settings.lanes);
    view.results([], [], '');
    view.running(true);
    view.progress(0);
    view.say('Comparing clocks…');
    learn(run);
  }

  function learn(now) {
    var head = new Lab.browser.XMLHttpRequest();
    // How long the head of a stream's answer is: an EventSource does not show it.
    head.open('HEAD', Realtime.fill({}).url + '/events?room=' + now.room, true);
    head.onreadystatechange = function () {
      if (head.readyState !== 4) { return; }
      if (head.status === 200) { Lab.heads.stream = head.getAllResponseHeaders().length + 19; }
      now.feeder.learn(function (error) {
        if (error) { return finish(now, error.message); }
        join(now);
      });
    };
    head.send(null);
  }

  function join(now) {
    var left = now.lanes.length, timer = root.setTimeout(late, JOINING);
    function answered() {
      left -= 1;
      if (!left && now.phase === 'joining') { root.clearTimeout(timer); feed(now); }
    }
    function late() {
      now.lanes.forEach(function (lane) {
        if (!lane.ready && lane.state !== 'failed') { lane.fail(lane.reason || 'it did not connect in time'); }
      });
      if (now.phase === 'joining') { feed(now); }
    }
    now.phase = 'joining';
    view.say('Connecting ' + left + (left === 1 ? ' lane…' : ' lanes…'));
    now.lanes.forEach(function (lane) {
      if (!lane.available()) {
        lane.fail('this browser has none, or its script is missing');
        return answered();
      }
      lane.start(now.room, function (text, id) {
        var read = now.feeder.read(text);
        if (read) { lane.tally.got(id, text.length + 2, read.sent, Lab.now()); }
      }, function (error) {
        if (error && lane.state !== 'failed') { lane.fail(error.message); }
        lane.ready = !error;
        answered();
      });
    });
  }

  function feed(now) {
    if (now.stopped) { return finish(now, 'it was stopped'); }
    now.phase = 'feeding';
    view.say('Running.');
    charts.start(now.lanes, now.settings);
    now.lanes.forEach(told);
    now.feeder.run(now.room, now.settings, function (error) {
      now.ended = error ? error.message : now.stopped ? 'it was stopped' : null;
      settle(now);
    });
    tick(now);
  }

  function tick(now) {
    var at = (Lab.now() - now.feeder.began) / 1000, seconds = now.settings.seconds;
    if (now !== run || now.phase === 'done') { return; }
    now.lanes.forEach(function (lane) { lane.tally.point(Math.round(at * 1000) / 1000); });
    show(now, false);
    charts.update();
    if (now.phase === 'feeding') {
      view.progress(Math.min(1, at / seconds));
      view.count(now.feeder.accepted.length + ' messages in ' + Math.min(seconds, Math.floor(at)) + ' of ' + seconds +
        ' s');
    }
    now.timer = root.setTimeout(function () { tick(now); }, TICK);
  }

  /** All is published. Wait for lanes that come back or are behind, but not for ever. */
  function settle(now) {
    var until = Lab.now() + SETTLING, whole = null;
    now.phase = 'settling';
    view.count('');
    view.say('Waiting for the last messages…');
    now.lanes.forEach(function (lane) {
      if (lane.wire) { lane.undo(); }
      told(lane);
    });
    (function look() {
      var time = Lab.now();
      var behind = now.lanes.some(function (lane) {
        return lane.state !== 'failed' && (lane.state !== 'connected' || lane.tally.missing(now.feeder.accepted));
      });
      // A moment longer, for what might come twice.
      if (behind) { whole = null; } else if (whole === null) { whole = time; }
      if (time > until || (whole !== null && time - whole > QUIET)) { return finish(now, now.ended); }
      root.setTimeout(look, 100);
    }());
  }

  function finish(now, ended) {
    var report, lanes = now.lanes;
    now.phase = 'done';
    root.clearTimeout(now.timer);
    show(now, true);
    report = Lab.report({
      settings: now.settings, began: now.began.toISOString(), browser: root.navigator.userAgent,
      server: location.protocol + '//' + location.host, doubt: now.feeder.doubt,
      accepted: now.feeder.accepted.length, refused: now.feeder.refused, ended: ended
    }, lanes.map(function (lane) {
      return {
        key: lane.key, state: lane.state, reason: lane.reason, transport: lane.transport, disturbed: lane.disturbed,
        figures: lane.figures(now.feeder.accepted), points: lane.tally.points
      };
    }));
    lanes.forEach(function (lane) { lane.stop(); });
    Lab.last = report;
    charts.update();
    view.progress(1);
    view.running(false);
    view.over();
    lanes.forEach(told);
    if (ended && !report.accepted && !now.stopped) { view.complain('The run could not begin: ' + ended); }
    view.results(Lab.verdict(report), Lab.table(report), report.accepted ? Lab.fine(report) : '');
    view.say('Done: ' + report.accepted + ' messages.');
  }

  function show(now, over) {
    var figures = now.lanes.map(function (lane) { return lane.figures(now.feeder.accepted); });
    now.lanes.forEach(function (lane, i) { view.figures(lane.key, figures[i], over); });
    view.describe(now.settings.lanes, figures);
  }

  function told(lane) {
    if (run && run.lanes.indexOf(lane) >= 0) {
      view.lane(lane, run.phase === 'feeding');
    }
  }

  // ---- hands ----

  function press(key, what, value) {
    var lane = run && run.phase === 'feeding' && run.lanes.filter(function (one) { return one.key === key; })[0];
    var name = Lab.NAMES[key];
    if (!lane || !lane.wire) { return; }
    if (what === 'cut') { lane.cut(); view.say('Cut ' + name + ' here.'); }
    if (what === 'freeze') { lane.freeze(value); }
    if (what === 'block') { lane.block(value); }
    if (what === 'delay') { lane.slow(Number(value)); }
    if (what === 'switch') {
      lane.change(value, function (error) {
        view.say(error ? name + ' stays as it is: ' + error.message : name + ' goes on over ' + Lab.NAMES[value] + '.');
        told(lane);
      });
    }
    if (what === 'end') {
      lane.disturb('cut');
      post(paths.cut, {lane: lane.wire.name}, function (error, answer) {
        view.say(error ? 'Not cut: ' + error.message : answer.ended ? 'The server has cut ' + name + '.' :
          'The server cuts the next request of ' + name + ' to the same process.');
      });
    }
  }

  function save(type, name, text) {
    var anchor = document.createElement('a'), address = root.URL.createObjectURL(new root.Blob([text], {type: type}));
    anchor.href = address;
    anchor.download = name;
    document.body.appendChild(anchor);
    anchor.click();
    document.body.removeChild(anchor);
    root.setTimeout(function () { root.URL.revokeObjectURL(address); }, 1000);
  }

  document.getElementById('csv').addEventListener('click', function () {
    save('text/csv;charset=utf-8', 'lab.csv', Lab.csv(Lab.last));
  }, false);
  document.getElementById('json').addEventListener('click', function () {
    save('application/json', 'lab.json', Lab.json(Lab.last));
  }, false);
  document.getElementById('stop').addEventListener('click', function () {
    if (!run || run.phase === 'settling') { return; }
    run.stopped = true;
    run.feeder.stop();
    if (run.phase !== 'feeding') { view.say('Stopping…'); }
  }, false);
  document.getElementById('setup').addEventListener('submit', function (e) {
    var settings = Lab.settings(view.asked());
    e.preventDefault();
    root.history.replaceState({}, '', Lab.query(settings));
    view.fill(settings);
    begin(settings);
  }, false);

  (function open() {
    var settings = Lab.settings(location.search);
    view.fill(settings);
    view.running(false);
    if (settings.run) { begin(settings); }
  }());
}(typeof window === 'undefined' ? {} : window));
