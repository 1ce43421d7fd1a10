/*
 * The page that an invitation's link leads to: it hands in what stands behind the "#", and goes on to the room.
 *
 * The secret is taken out of the address at once, so that it is neither in the browser's history nor on a screen that
 * others see. This file may not keep it.
 */
(function (root) {
  'use strict';

  var Realtime = root.Realtime, document = root.document, location = root.location;
  var invitation = '';

  function byId(id) { return document.getElementById(id); }

  function fail(title, words, again) {
    document.title = title + ' · Realtime';
    byId('title').textContent = title;
    byId('words').textContent = words;
    byId('lobby').hidden = false;
    byId('again').hidden = !again;
  }

  function open() {
    var address = document.body.getAttribute('data-accept');   // which says by itself what the application is below
    byId('again').hidden = true;
    Realtime.request(Realtime.fill({url: ''}), 'POST', address, {invitation: invitation},
      function (error, answer) {
        if (!error) { return location.replace(answer.address); }
        if (error.status === 403) {
          return fail('This link does not open anything', 'It has expired, or it is not whole. Ask whoever sent it ' +
            'for a new one, and copy all of it.', false);
        }
        if (error.status === 401) { return fail('Log in first', 'Then open the link again.', false); }
        fail('The invitation could not be opened', 'It is still good. The reason: ' + error.message + '.', true);
      });
  }

  function take() {
    invitation = location.hash.replace(/^#/, '');
    if (root.history.replaceState) { root.history.replaceState({}, '', location.pathname + location.search); }
    open();
  }

  byId('again').addEventListener('click', open, false);
  root.addEventListener('hashchange', take, false);   // another link was put into the address of this page
  take();
}(window));
