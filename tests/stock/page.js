([name, address, events]) => {
  // As a page would use them. Each event that is heard is [event, id, data] in `got`.
  const got = window.got = [];
  const kinds = {
    'event-source-polyfill': window.EventSourcePolyfill,
    'eventsource-polyfill': window.AmvtekEventSource,
    'reconnecting-eventsource': window.ReconnectingEventSource,
    'native': window.EventSource,
  };

  function open(url) {
    const source = window.source = new kinds[name](url);
    events.forEach((event) => source.addEventListener(event, (e) => {
      if (typeof e.data === 'string' && source.readyState !== 2) { got.push([event, e.lastEventId || '', e.data]); }
    }));
    source.addEventListener('error', () => {
      // amvtek's gives up when the connection is lost; a page goes on by itself then.
      if (name === 'eventsource-polyfill' && source.readyState === 2 && window.source === source) {
        const last = got.map((one) => one[1]).filter(Boolean).pop();
        setTimeout(() => open(address + (last ? '&after=' + last : '')), 200);
      }
    });
  }

  open(address);
}
