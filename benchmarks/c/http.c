/* HTTP as far as a load generator needs it: opening requests, heads, chunked bodies, answers to messages.
 *
 * Everything may arrive in pieces of any size. Payload bytes go on to check.c as they come, frames to frames.c; this
 * file may not look for messages. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_ROOM = 4096 };
enum { CHUNK_SIZE, CHUNK_SKIP, CHUNK_DATA, CHUNK_END, CHUNK_LAST }; /* parts of a chunked body */

/* Fill in "{room}" and "{data}". */
size_t expand(char *to, size_t space, const char *text, uint32_t room, const char *data) {
    char number[16];
    snprintf(number, sizeof number, "%u", room);
    size_t size = 0;
    while (*text && size + 1 < space) {
        const char *value = strncmp(text, "{room}", 6) == 0 ? number : strncmp(text, "{data}", 6) == 0 ? data : NULL;
        if (value) {
            size += (size_t)snprintf(to + size, space - size, "%s", value);
            text += 6;
        } else {
            to[size++] = *text++;
        }
    }
    if (size >= space) exit(2);
    to[size] = 0;
    return size;
}

void wire_live(struct conn *c) {
    c->live = true;
    connecting--;
    if (c->subscriber && !c->frozen) rooms[c->room].listening++;
}

void wire_open(struct conn *c, const char *path) {
    static const char *const accepts[] = {
        [SSE] = "Accept: text/event-stream\r\nCache-Control: no-cache\r\n",
        [WEBSOCKET] = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    };
    char target[1024], request[2048];
    if (c->phase == CLOSED) {
        connecting--;
        return;
    }
    expand(target, sizeof target, path, c->room, "");
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", target,
                        accepts[c->wire == SSE ? SSE : WEBSOCKET]);
    conn_send(c, request, (size_t)size);
    if (options.blind && c->phase != CLOSED) wire_live(c);
}

/* Returns the number of bytes used when the body ends (an answer's), 0 when it goes on. */
static size_t chunks_read(struct conn *c, char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        if (c->part == CHUNK_DATA) {
            size_t take = size - at < c->left ? size - at : c->left;
            if (c->wire == SSE) check_read(c, data + at, take);
            at += take;
            c->left -= take;
            if (!c->left) c->part = CHUNK_END;
            continue;
        }
        char byte = data[at++];
        if (c->part == CHUNK_SIZE && byte != '\n') {
            int digit = byte >= '0' && byte <= '9'                 ? byte - '0'
                        : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10
                                                                   : -1;
            if (digit < 0) c->part = CHUNK_SKIP;
            if (digit >= 0) c->left = c->left * 16 + (unsigned)digit;
        } else if (byte == '\n') {
            if (c->part == CHUNK_LAST) return at;
            c->part = c->part == CHUNK_END ? CHUNK_SIZE : c->left ? CHUNK_DATA : CHUNK_LAST;
        }
    }
    return 0;
}

/* The head is whole: is it the answer that was hoped for, and how does the body come? */
static void head_done(struct conn *c) {
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    int status = atoi(c->head + 9), expected = c->wire == SSE ? 200 : c->wire == POST ? status / 100 * 100 : 101;
    c->chunked = strcasestr(c->head, "\r\ntransfer-encoding: chunked") != NULL;
    c->part = 0;
    c->left = length ? strtoull(length + 17, NULL, 10) : 0;
    if (c->wire == POST) {
        /* Kept for the verdict, which falls when the body has come. */
        c->note[0] = (char)(status / 100);
        if (!length && !c->chunked && status != 204) conn_close(c, "an answer without a length");
    } else if (status != expected) {
        fault("a subscriber was answered: %.60s", c->head);
        conn_close(c, "");
    } else if (c->wire == SOCKETIO) {
        c->phase = OPENING;
    } else {
        c->phase = STREAM;
        c->left = 0;
        if (!options.blind) wire_live(c);
    }
}

static size_t head_read(struct conn *c, const char *data, size_t size) {
    if (!c->head) c->head = malloc(HEAD_ROOM);
    for (size_t at = 0; at < size; at++) {
        if (c->head_size == HEAD_ROOM - 1) {
            conn_close(c, "an endless head");
            return size;
        }
        c->head[c->head_size++] = data[at];
        if (c->head_size < 4 || memcmp(c->head + c->head_size - 4, "\r\n\r\n", 4) != 0) continue;
        c->head[c->head_size] = 0;
        if (c->wire == POST) c->phase = STREAM;
        head_done(c);
        free(c->head);
        c->head = NULL;
        c->head_size = 0;
        return at + 1;
    }
    return size;
}

void wire_read(struct conn *c, char *data, size_t size) {
    if (c->phase == HEAD) {
        size_t used = head_read(c, data, size);
        data += used;
        size -= used;
        if (c->phase == HEAD || c->phase == CLOSED || (!size && (c->wire != POST || c->left || c->chunked))) return;
    }
    if (c->wire == POST) {
        size_t used = size < c->left ? size : c->left;
        if (c->chunked && !(used = chunks_read(c, data, size))) return;
        if (!c->chunked) c->left -= used;
        if (c->left && !c->chunked) return;
        c->phase = HEAD;
        feed_answered(c, c->note[0] == 2, "a message was refused over HTTP");
    } else if (c->wire == SSE && c->chunked) {
        if (chunks_read(c, data, size)) conn_close(c, "the server ended a stream");
    } else if (c->wire == SSE) {
        check_read(c, data, size);
    } else {
        frames_read(c, data, size);
    }
}
