/*
 * One message as an element: who, when, what, and where it stands when it is our own.
 *
 * Text from others becomes text nodes, and the address of links that `Chat.links` found; nothing else of it reaches the
 * document. This file may not know where a message stands in the conversation.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, document = root.document;

  /** An element with a class and a text, either may be left out. */
  Chat.make = function (tag, className, text) {
    var element = document.createElement(tag);
    if (className) { element.className = className; }
    if (text !== undefined) { element.textContent = text; }
    return element;
  };

  Chat.button = function (className, text, pressed) {
    var button = Chat.make('button', className, text);
    button.type = 'button';
    button.addEventListener('click', pressed, false);
    return button;
  };

  /** A person's sign, which has the same colour everywhere. */
  Chat.avatar = function (user) {
    var avatar = Chat.make('span', 'avatar', Chat.initials(user));
    avatar.setAttribute('aria-hidden', 'true');
    avatar.setAttribute('data-hue', Chat.hue(user));
    return avatar;
  };

  function written(text) {
    var element = Chat.make('div', 'text' + (Chat.isEmoji(text) ? ' emoji' : ''));
    element.setAttribute('dir', 'auto');
    Chat.links(text).forEach(function (part) {
      if (!part.href) { return element.appendChild(document.createTextNode(part.text)); }
      var anchor = Chat.make('a', '', part.text);
      anchor.href = part.href;
      anchor.target = '_blank';
      anchor.rel = 'noopener noreferrer nofollow';
      anchor.dir = 'ltr';
      element.appendChild(anchor);
    });
    return element;
  }

  /** A long text is shown in part; what is cut off stays in the page, where a search finds it. */
  function folded(element) {
    var more = Chat.button('more', 'Show more', function () {
      var open = more.getAttribute('aria-expanded') !== 'true';
      more.setAttribute('aria-expanded', open ? 'true' : 'false');
      more.textContent = open ? 'Show less' : 'Show more';
      element.className = open ? 'text' : 'text folded';
    });
    more.setAttribute('aria-expanded', 'false');
    element.className += ' folded';
    // A link in the part that is hidden may get the focus: then it is shown.
    element.addEventListener('focus', function (e) {
      if (more.getAttribute('aria-expanded') === 'true') { return; }
      element.scrollTop = 0;
      more.click();
      e.target.scrollIntoView(false);
    }, true);
    return more;
  }

  function when(date) {
    var time = Chat.make('time');
    if (date) {
      time.textContent = date.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
      time.setAttribute('datetime', date.toISOString());
      time.title = date.toLocaleString();
    }
    return time;
  }

  /** An element for {user, from, text, time, own}. Its `about` is {user, from, date}. */
  Chat.message = function (message) {
    var date = Chat.dateOf(message.time), item = Chat.make('div', 'message' + (message.own ? ' own' : ''));
    var body = Chat.make('div', 'body'), meta = Chat.make('div', 'meta'), text = written(message.text);
    var tag = Chat.make('span', 'tag', message.own ? 'you' : '#' + message.from);
    tag.hidden = true;
    [Chat.make('bdi', 'author', message.user), tag, when(date)].forEach(function (part) { meta.appendChild(part); });
    body.appendChild(meta);
    body.appendChild(text);
    if (Chat.isLong(message.text)) { body.appendChild(folded(text)); }
    item.appendChild(Chat.avatar(message.user));
    item.appendChild(body);
    item.about = {user: message.user, from: message.from || '', date: date};
    return item;
  };

  /** There is somebody else of that name: say which one this is. */
  Chat.tell = function (item) {
    if (item.about.from) { item.querySelector('.tag').hidden = false; }
  };

  /**
   * Where a message of our own stands: 'waiting' (with `words` for how), 'failed' (with why, and what can be done:
   * {label: function}), 'sent', or null for a message of which nothing is to be said.
   */
  Chat.mark = function (item, state, words, choices) {
    var body = item.querySelector('.body'), note = item.querySelector('.note'), mark = item.querySelector('.mark');
    if (note) { body.removeChild(note); }
    if (mark) { item.removeChild(mark); }
    if (!state) { return item.removeAttribute('data-state'); }
    item.setAttribute('data-state', state);
    if (state === 'failed') {
      note = Chat.make('p', 'note', words + ' ');
      Object.keys(choices).forEach(function (label) {
        note.appendChild(Chat.button('choice', label, choices[label]));
      });
      body.appendChild(note);
    } else {
      // Seen and not heard: what waits is told as a whole, by the line above the message field.
      mark = Chat.make('span', 'mark');
      mark.title = words;
      mark.setAttribute('aria-hidden', 'true');
      item.appendChild(mark);
    }
  };
}(window));
