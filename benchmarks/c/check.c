/* Messages: written so that they can be told apart, and checked where they arrive.
 *
 * A payload is "~", its room (5 digits), its number in the room (8), the time it was sent (16 digits of microseconds),
 * padding that is known, and "~": a string that every encoding leaves as it is. What is wrong is counted by kind:
 * doubled, swapped (not the order that the others see), damaged, strayed (another room's), late (after it was given
 * up). What is missing is what is still owed when a flow has drained. Where one subscriber misses a message, the others
 * may count as swapped for it: the place of a message is where it was first seen. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 1 + 5 + 8 + 16, DEEP = 8192, SHALLOW = 16, FINE = 64, STEPS = 40 * FINE };

static char padding[MOST_PAYLOAD];
static size_t whole = 64; /* bytes of a payload */
static uint32_t ring, words;
static uint64_t latency[STEPS], latencies;
static int64_t latency_max;

void payload_size(size_t size) {
    whole = size;
    for (size_t i = 0; i < sizeof padding; i++)
        padding[i] = (char)('a' + i % 26);
}

size_t payload_write(char *to, uint32_t room, uint32_t seq, int64_t sent) {
    snprintf(to, NUMBERS + 1, "~%05u%08u%016lld", room % 100000, seq % 100000000, (long long)sent);
    memcpy(to + NUMBERS, padding, whole - NUMBERS - 1);
    to[whole - 1] = '~';
    to[whole] = 0;
    return whole;
}

/* Room for the records of all rooms, each with a bit for each of its members. */
void check_rooms(uint32_t members) {
    ring = options.rooms == 1 ? DEEP : SHALLOW;
    words = (members + 63) / 64 + 1;
    for (uint32_t i = 0; i < options.rooms; i++) {
        struct room *room = &rooms[i];
        if (room->ring) free(room->ring[0].seen);
        free(room->ring);
        room->ring = calloc(ring, sizeof *room->ring);
        uint64_t *bits = calloc((size_t)ring * words, sizeof *bits);
        for (uint32_t k = 0; k < ring; k++)
            room->ring[k].seen = bits + (size_t)k * words;
    }
}

struct record *check_issue(uint32_t number, struct lane *lane, int64_t sent) {
    struct room *room = &rooms[number];
    struct record *r = &room->ring[++room->seq % ring];
    memset(r->seen, 0, words * sizeof *r->seen);
    r->seq = room->seq;
    r->left = room->listening;
    r->rank = 0;
    r->used = true;
    r->answered = false;
    r->sent = sent;
    r->lane = lane;
    stats.owed += r->left;
    return r;
}

/* Values in steps of 1/64 of their power of two: exact enough for percentiles, small enough to stay in the cache. */
static void latency_add(int64_t us) {
    uint64_t v = us < 0 ? 0 : (uint64_t)us;
    int shift = v < FINE ? 0 : 63 - __builtin_clzll(v) - 6;
    uint64_t step = v < FINE ? v : (uint64_t)(shift + 1) * FINE + ((v >> shift) - FINE);
    latency[step < STEPS ? step : STEPS - 1]++;
    latencies++;
    if (us > latency_max) latency_max = us;
}

void latency_clear(void) {
    memset(latency, 0, sizeof latency);
    latencies = 0;
    latency_max = 0;
}

int64_t latency_at(double share) {
    uint64_t wanted = (uint64_t)(share * (double)latencies), sum = 0;
    for (int step = 0; step < STEPS; step++) {
        sum += latency[step];
        if (sum <= wanted) continue;
        return step < FINE ? step : (int64_t)(step % FINE + FINE) << (step / FINE - 1);
    }
    return latency_max;
}

int64_t latency_most(void) { return latency_max; }

/* A reader that was frozen is owed every message, or a word that some are gone. One publisher feeds its room, so
 * that the numbers are the order. */
static void thawed(struct conn *c, uint32_t seq) {
    if (seq <= c->seq) {
        stats.doubled++;
        return;
    }
    *(c->reset ? &stats.lost : &stats.missing) += seq - c->seq - 1;
    c->reset = false;
    c->seq = seq;
}

static void delivered(struct conn *c) {
    char number[17];
    memcpy(number, c->stamp + 1, 5);
    number[5] = 0;
    uint32_t room = (uint32_t)atoi(number);
    memcpy(number, c->stamp + 6, 8);
    number[8] = 0;
    uint32_t seq = (uint32_t)atoi(number);
    memcpy(number, c->stamp + 14, 16);
    number[16] = 0;
    int64_t sent = atoll(number);
    if (c->spoilt) {
        stats.damaged++;
        return;
    }
    if (room != c->room || !c->subscriber) {
        stats.strayed++;
        return;
    }
    if (c->frozen) {
        thawed(c, seq);
        return;
    }
    struct record *r = &rooms[room].ring[seq % ring];
    uint64_t bit = 1ULL << (c->member & 63), *seen = &r->seen[c->member >> 6];
    if (r->seq != seq || !r->used) {
        stats.late++;
        return;
    }
    if (*seen & bit) {
        stats.doubled++;
        return;
    }
    *seen |= bit;
    /* Who sees a message first gives it its place; everybody else must see it at that place. */
    if (!r->rank) r->rank = ++rooms[room].rank;
    if (r->rank < c->rank)
        stats.swapped++;
    else
        c->rank = r->rank;
    c->seq = seq;
    stats.deliveries++;
    latency_add(now - sent);
    if (!r->left) return; /* a newcomer's, not owed to it */
    stats.owed--;
    if (--r->left == 0) feed_delivered(r);
}

static void look_for_reset(struct conn *c, const char *data, size_t size) {
    static const char word[] = "realtime.reset";
    for (size_t i = 0; i < size; i++) {
        c->matched = data[i] == word[c->matched] ? c->matched + 1 : data[i] == word[0];
        if (word[c->matched]) continue;
        c->matched = 0;
        c->reset = true;
        stats.resets++;
    }
}

/* Bytes of a stream, framing removed, in pieces of any size. */
void check_read(struct conn *c, const char *data, size_t size) {
    const char *end = data + size;
    if (!c->subscriber) return;
    while (data < end) {
        if (!c->got) {
            const char *start = memchr(data, '~', (size_t)(end - data));
            if (c->frozen) look_for_reset(c, data, (size_t)((start ? start : end) - data));
            if (!start) return;
            data = start;
            c->spoilt = false;
        }
        size_t left = (size_t)(end - data);
        if (c->got < NUMBERS) {
            size_t take = left < NUMBERS - c->got ? left : NUMBERS - c->got;
            memcpy(c->stamp + c->got, data, take);
            c->got += (uint32_t)take;
            data += take;
            /* A "~" that no digit follows is somebody else's. */
            if (c->got > 1 && (c->stamp[1] < '0' || c->stamp[1] > '9')) c->got = 0;
        } else if (c->got < whole - 1) {
            size_t take = left < whole - 1 - c->got ? left : whole - 1 - c->got;
            if (memcmp(data, padding + (c->got - NUMBERS), take) != 0) c->spoilt = true;
            c->got += (uint32_t)take;
            data += take;
        } else {
            if (*data++ != '~') c->spoilt = true;
            c->got = 0;
            delivered(c);
        }
    }
}
