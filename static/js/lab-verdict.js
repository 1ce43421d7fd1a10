/*
 * Lab.verdict: what a run has shown, in plain words.
 *
 * It says no more than the figures do: differences too small to count are ties, a lane that did not work is compared
 * with nobody, and neither is the speed of one that somebody held up. This file may not measure or show anything.
 */
(function (root) {
  'use strict';

  var Lab = typeof module === 'object' && module.exports ? require('./lab-settings.js') : root.Lab;
  var ALL = ['', '', 'Both', 'All three', 'All four', 'All five'];

  function and(words) {
    return words.length < 2 ? words.join('') : words.slice(0, -1).join(', ') + ' and ' + words[words.length - 1];
  }

  function names(lanes) { return and(lanes.map(function (lane) { return Lab.NAMES[lane.lane]; })); }

  function times(count) { return count === 1 ? 'once' : count === 2 ? 'twice' : count + ' times'; }

  function many(count, one) { return count + ' ' + one + (count === 1 ? '' : 's'); }

  function by(name) { return function (a, b) { return a[name] - b[name]; }; }

  /** Those that are as good as the best: within a share of it, or a difference that means nothing. */
  function best(lanes, name, share, least) {
    var sorted = lanes.slice().sort(by(name)), first = sorted[0][name];
    var most = first + Math.max(least, Math.abs(first) * share);
    return sorted.filter(function (lane) { return lane[name] <= most; });
  }

  function quickest(lanes) {
    var first = best(lanes, 'p50', 0.1, 0.5), last = lanes.slice().sort(by('p50'))[lanes.length - 1], top = first[0];
    var share = last.p50 / Math.max(top.p50, 0.1), said;
    var middle = 'half of the messages took no longer than ' + Lab.ms(first[first.length - 1].p50) +
      ', 99 of 100 no longer than ' + Lab.ms(Math.max.apply(null, first.map(function (lane) { return lane.p99; })));
    if (lanes.length === 1) { return names(first) + ': ' + middle + '.'; }
    if (first.length === lanes.length) {
      return ALL[lanes.length] + ' were equally quick: ' + middle + '.';
    }
    said = first.length > 1 ? names(first) + ' were the quickest, with no difference that counts: ' + middle + '.' :
      names(first) + ' was the quickest: ' + middle + '.';
    return said + ' The slowest was ' + names([last]) + ' with ' + Lab.ms(last.p50) + ' at half' +
      (share >= 2 ? ', ' + Math.round(share) + ' times as long.' : '.');
  }

  function cheapest(lanes, size) {
    var first = best(lanes, 'overhead', 0.05, 1), last = lanes.slice().sort(by('overhead'))[lanes.length - 1];
    var cost = Lab.size(Math.abs(first[0].overhead)) + (first[0].overhead < 0 ?
      ' saved, for it compresses, on each message of ' : ' on the wire beside each message of ') + Lab.size(size);
    if (lanes.length === 1) {
      return names(first) + ' cost ' + cost + ', in ' + many(first[0].requests, 'request') + '.';
    }
    if (first.length === lanes.length) { return ALL[lanes.length] + ' cost the same: about ' + cost + '.'; }
    return names(first) + (first.length > 1 ? ' were the cheapest: about ' : ' was the cheapest: ') + cost +
      '. The dearest was ' + names([last]) + ' with ' + Lab.size(last.overhead) + ', in ' +
      many(last.requests, 'request') + '.';
  }

  function whole(lane) { return !lane.lost && !lane.doubled && !lane.disordered; }

  function losses(lanes, accepted) {
    var fine = lanes.filter(whole), said = [];
    if (fine.length === lanes.length) {
      return [(lanes.length === 1 ? names(lanes) : ALL[lanes.length] + ' lanes') + ' got all ' +
        many(accepted, 'message') + ', each once and in order.'];
    }
    lanes.forEach(function (lane) {
      var faults = [];
      if (lane.lost) { faults.push('lost ' + lane.lost + ' of ' + many(accepted, 'message')); }
      if (lane.doubled) { faults.push('got ' + lane.doubled + ' twice'); }
      if (lane.disordered) { faults.push('got ' + lane.disordered + ' out of order'); }
      if (faults.length) { said.push(names([lane]) + ' ' + and(faults) + '.'); }
    });
    if (fine.length) { said.push(names(fine) + ' got everything, once and in order.'); }
    return said;
  }

  function recoveries(lanes) {
    return lanes.filter(function (lane) { return lane.reconnects; }).map(function (lane) {
      var all = lane.lost ? 'was back after ' : 'had everything again after ';
      return names([lane]) + ' lost its connection ' + times(lane.reconnects) + ' and ' + all +
        (lane.reconnects > 1 ? 'at most ' : '') + Lab.ms(lane.recovery) + '; ' +
        (lane.replayed ? many(lane.replayed, 'message') + ' came from the log.' : 'it had missed nothing.');
    });
  }

  function gone(lanes) {
    var away = lanes.filter(function (lane) { return lane.state === 'reconnecting'; });
    return away.length ? [names(away) + (away.length > 1 ? ' were' : ' was') + ' not connected at the end.'] : [];
  }

  /** Lanes of which the same is to be said, together. */
  function alike(lanes, key) {
    var groups = [], known = {};
    lanes.forEach(function (lane) {
      var name = key(lane);
      if (!known[name]) { groups.push(known[name] = []); }
      known[name].push(lane);
    });
    return groups;
  }

  function changes(lanes) {
    return alike(lanes.filter(function (lane) { return lane.changes; }), function (lane) {
      return lane.changes + ' ' + (lane.lost > 0);
    }).map(function (group) {
      var whose = group.length > 1 ? 'their' : 'its';
      return names(group) + ' changed ' + whose + ' transport ' + times(group[0].changes) + ' while messages flowed' +
        (group[0].lost ? '.' : ', and lost nothing.');
    });
  }

  function disturbed(lanes) {
    return alike(lanes, function (lane) { return lane.disturbed.join(); }).map(function (group) {
      var more = group.length > 1;
      return names(group) + (more ? ' were ' : ' was ') + and(group[0].disturbed) + ' by hand, so that ' +
        (more ? 'their' : 'its') + ' speed and cost are compared with nobody’s.';
    });
  }

  /** The sentences about a report; see Lab.report. */
  Lab.verdict = function (report) {
    var said = [], working = [], failed = [], compared, held;
    report.lanes.forEach(function (lane) {
      (lane.state === 'failed' || (!lane.messages && report.accepted) ? failed : working).push(lane);
    });
    if (report.ended) { said.push('The run ended early: ' + report.ended + '.'); }
    if (!report.accepted) { return said.concat('Nothing was published, so there is nothing to compare.'); }
    if (working.length) {
      compared = working.filter(function (lane) { return !lane.disturbed.length; });
      held = working.filter(function (lane) { return lane.disturbed.length; });
      if (compared.length) { said.push(quickest(compared), cheapest(compared, report.settings.size)); }
      said = said.concat(losses(working, report.accepted), recoveries(working), gone(working), changes(working));
      said = said.concat(disturbed(held));
    }
    failed.forEach(function (lane) {
      said.push(names([lane]) + ' did not work here' + (lane.reason ? ': ' + lane.reason : '') + '.');
    });
    return said;
  };
}(typeof window === 'undefined' ? {} : window));
