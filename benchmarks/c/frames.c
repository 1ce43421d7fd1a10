/* WebSocket frames, and Engine.IO's and Socket.IO's packets in them: handshakes, pings, acknowledgements.
 *
 * Frames may arrive in pieces of any size. What is in a message goes on to check.c; this file may not look there. */
#include "load.h"

#include <string.h>

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, IN_PAYLOAD = 255 };

/* A masked text frame, or another kind when `opcode` says so. */
static void frame_send(struct conn *c, int opcode, const char *text, size_t size) {
    static char frame[MOST_PAYLOAD + 4096];
    static const uint8_t mask[4] = {0x5a, 0x17, 0xc3, 0x6e};
    size_t at = 0;
    frame[at++] = (char)(0x80 | opcode);
    if (size < 126) {
        frame[at++] = (char)(0x80 | size);
    } else if (size < 65536) {
        frame[at++] = (char)(0x80 | 126);
        for (int shift = 8; shift >= 0; shift -= 8)
            frame[at++] = (char)(size >> shift);
    } else {
        frame[at++] = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            frame[at++] = (char)(size >> shift);
    }
    memcpy(frame + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < size; i++)
        frame[at + i] = (char)(text[i] ^ mask[i & 3]);
    conn_send(c, frame, at + size);
}

void wire_text(struct conn *c, const char *text, size_t size) { frame_send(c, TEXT, text, size); }

/* A small text frame of Engine.IO that is no event. */
static void packet(struct conn *c, const char *text) {
    char join[1024];
    if (strcmp(text, "2") == 0) {
        wire_text(c, "3", 1);
    } else if (text[0] == '0') {
        wire_text(c, "40", 2);
    } else if (strncmp(text, "40", 2) == 0 && c->phase == OPENING) {
        if (!c->subscriber || !options.join) {
            c->phase = STREAM;
            wire_live(c);
            return;
        }
        c->phase = JOINING;
        memcpy(join, "420", 3);
        wire_text(c, join, 3 + expand(join + 3, sizeof join - 3, options.join, c->room, ""));
    } else if (strncmp(text, "43", 2) == 0) {
        bool accepted = strstr(text, "\"ok\":true") != NULL;
        if (c->phase == STREAM) {
            feed_answered(c, accepted, text);
        } else if (accepted) {
            c->phase = STREAM;
            wire_live(c);
        } else {
            conn_close(c, text);
        }
    } else if (text[0] == '1' || strncmp(text, "41", 2) == 0 || strncmp(text, "44", 2) == 0) {
        conn_close(c, text);
    }
}

static void frame_done(struct conn *c) {
    int opcode = c->frame[0] & 15;
    c->part = 0;
    c->note[c->note_size] = 0;
    if (opcode == CLOSE)
        conn_close(c, "the server sent a close frame");
    else if (opcode == PING)
        frame_send(c, PONG, c->note, c->note_size);
    else if (opcode == TEXT && c->wire == SOCKETIO && strncmp(c->note, "42", 2) != 0)
        packet(c, c->note);
}

/* Keep the start of a small frame. */
static void note(struct conn *c, const char *data, size_t size) {
    size_t space = NOTE - 1u - c->note_size;
    if (size > space) size = space;
    memcpy(c->note + c->note_size, data, size);
    c->note_size += (uint8_t)size;
}

void frames_read(struct conn *c, char *data, size_t size) {
    while (size && c->phase != CLOSED) {
        if (c->part != IN_PAYLOAD) {
            c->frame[c->part++] = (uint8_t)*data++;
            size--;
            if (c->part < 2) continue;
            uint8_t length = c->frame[1] & 127, more = length == 126 ? 2 : length == 127 ? 8 : 0;
            if (c->part < 2 + more) continue;
            if (c->frame[1] & 128) conn_close(c, "the server masked a frame");
            c->left = more ? 0 : length;
            for (int i = 0; i < more; i++)
                c->left = c->left << 8 | c->frame[2 + i];
            c->part = IN_PAYLOAD;
            if (c->frame[0] & 15) c->note_size = 0; /* else more of the message before */
        }
        bool text = (c->frame[0] & 15) <= 2, event = text && c->wire == WEBSOCKET;
        if (text && c->wire == SOCKETIO) {
            /* The first two bytes tell what it is: an event's others go where messages are looked for. */
            for (; c->note_size < 2 && c->left && size; data++, size--, c->left--)
                note(c, data, 1);
            event = c->note_size >= 2 && c->note[0] == '4' && c->note[1] == '2';
        }
        size_t take = size < c->left ? size : c->left;
        if (event)
            check_read(c, data, take);
        else
            note(c, data, take);
        data += take;
        size -= take;
        c->left -= take;
        if (!c->left) frame_done(c);
    }
}
