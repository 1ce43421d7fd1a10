/* Lanes: who publishes the next message, and when.
 *
 * Closed loop: each lane publishes its next message as soon as its last one was answered and has reached everybody.
 * Fixed rate: messages are due on a schedule and count from their due time, also when every lane is busy, so that a
 * server that falls behind cannot hide it. It may not look at what subscribers read; check.c tells it. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOM_FOR_TEXT = 4096 };

static struct lane *lanes;
static uint32_t lane_count, used; /* open, and used by this flow */
static struct flow flow;
static bool running;
static int64_t begun, issued;

static void reopen(struct lane *lane) {
    uint32_t number = (uint32_t)(lane - lanes);
    /* The one before is not freed: events that came with this turn may still name it. */
    lane->conn = conn_open(options.feed, 0, number, false);
    lane->conn->lane = lane;
    if (options.feed == POST) {
        lane->conn->live = lane->conn->phase != CLOSED;
    } else {
        connecting++;
        wire_open(lane->conn, options.path);
    }
}

/* See that there are enough lanes; they may still be shaking hands when this returns (`connecting`). */
void feed_open(const struct flow *next) {
    flow = *next;
    payload_size(flow.payload);
    check_rooms(rooms[0].members);
    if (options.rooms > 1) {
        /* Many rooms: the first member of each publishes over its own connection. */
        if (!lanes) lanes = calloc(options.rooms, sizeof *lanes);
        used = lane_count = options.rooms;
        for (uint32_t i = 0; i < used; i++) {
            lanes[i].conn = subscribers[i];
            lanes[i].room = i;
            subscribers[i]->lane = &lanes[i];
        }
        return;
    }
    if (!lanes) lanes = calloc(MOST_LANES, sizeof *lanes);
    used = flow.lanes;
    if (used > MOST_LANES) exit(2);
    for (; lane_count < used; lane_count++)
        reopen(&lanes[lane_count]);
}

static void publish(struct lane *lane, int64_t sent) {
    static char payload[MOST_PAYLOAD + 64], body[MOST_PAYLOAD + ROOM_FOR_TEXT];
    static char request[MOST_PAYLOAD + 2 * ROOM_FOR_TEXT];
    if (options.feed == POST && lane->conn->phase == CLOSED) reopen(lane);
    struct record *r = lane->record = check_issue(lane->room, lane, sent);
    lane->busy = lane->waiting = true;
    stats.messages++;
    payload_write(payload, lane->room, r->seq, sent);
    if (options.feed == POST) {
        size_t size = expand(body, sizeof body, options.feed_body, lane->room, payload);
        int total = snprintf(request, sizeof request,
                             "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\n\r\n%s",
                             options.feed_path, size, body);
        conn_send(lane->conn, request, (size_t)total);
    } else {
        size_t size = (size_t)snprintf(request, sizeof request, "42%u", r->seq);
        size += expand(request + size, sizeof request - size, options.publish, lane->room, payload);
        wire_text(lane->conn, request, size);
    }
}

static void release(struct lane *lane) {
    lane->busy = false;
    if (running && flow.rate <= 0) publish(lane, now);
}

void feed_answered(struct conn *c, bool accepted, const char *answer) {
    struct lane *lane = c->lane;
    if (!lane || !lane->waiting) return;
    struct record *r = lane->record;
    lane->waiting = false;
    r->answered = true;
    if (!accepted) {
        fault("%s", answer);
        stats.refused++;
        stats.owed -= r->left;
        r->left = 0;
    }
    if (flow.rate > 0 || r->left == 0) release(lane);
}

void feed_delivered(struct record *r) {
    if (r->answered && flow.rate <= 0 && r->lane) release(r->lane);
}

void feed_start(void) {
    running = true;
    begun = now = clock_us();
    issued = 0;
    if (flow.rate > 0) return;
    for (uint32_t i = 0; i < used; i++)
        if (!lanes[i].busy) publish(&lanes[i], now);
}

void feed_stop(void) { running = false; }

/* Is every message answered and with everybody? */
bool feed_idle(void) {
    for (uint32_t i = 0; i < used; i++)
        if (lanes[i].waiting) return false;
    return stats.owed == 0;
}

static struct lane *free_lane(void) {
    for (uint32_t i = 0; i < used; i++)
        if (!lanes[i].busy) return &lanes[i];
    return NULL;
}

static int64_t next_due(void) { return begun + (int64_t)((double)issued * 1e6 / flow.rate); }

/* When feed_turn wants to be called next. */
int64_t feed_due(void) {
    int64_t soon = now + 100000;
    return running && flow.rate > 0 && next_due() < soon && free_lane() ? next_due() : soon;
}

/* Publish what has come due; give up what nobody has finished for long. */
void feed_turn(void) {
    /* The first free lane: order is kept while one lane is enough. */
    for (struct lane *lane; running && flow.rate > 0 && now >= next_due() && (lane = free_lane()); issued++)
        publish(lane, next_due());
    for (uint32_t i = 0; running && i < used; i++) {
        struct lane *lane = &lanes[i];
        if (!lane->busy || !lane->record->lane || now - lane->record->sent < options.stall * 1000000LL) continue;
        fault(lane->waiting ? "a message was never answered" : "a message did not reach everybody");
        lane->record->lane = NULL;
        if (!lane->waiting) release(lane);
    }
}
