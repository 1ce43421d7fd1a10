/* Stages: what is done, in order, over the same connections; each ends in one line of JSON.
 *
 *   connect:N[,frozen=1][,path=TEXT]    N more subscribers; frozen ones stop reading when they are subscribed
 *   flow:inflight=K|rate=R[,lanes=4][,payload=64][,seconds=2][,warm=0.3]    messages, measured after the warm-up
 *   rest:SECONDS    wait: until a line comes on standard input    thaw: frozen ones read again
 *
 * They say what happens and when; they may not touch a byte of it. */
#define _GNU_SOURCE
#include "load.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    AT_ONCE = 32,
    BLIND_PACE_US = 1500,
    BLIND_LOOK_US = 400000,
    BLIND_LIMIT_US = 20000000,
    SETTLE_US = 300000,
    MOST_SAMPLES = 3600,
    RATE_LANES = 4
};

struct conn **subscribers;
uint32_t subscribed, connecting;

static void turn(int64_t until) {
    do
        net_turn(until);
    while (now < until);
}

/* Returns whether nothing came of it for as long as a stall is allowed to last. */
static bool patient(int64_t *since, uint64_t progress, uint64_t *seen) {
    if (progress != *seen) *since = now;
    *seen = progress;
    return now - *since > options.stall * 1000000LL;
}

static void faults_print(void) {
    printf("\"missing\": %lu, \"doubled\": %lu, \"swapped\": %lu, \"damaged\": %lu, \"strayed\": %lu, \"late\": %lu, "
           "\"refused\": %lu, \"closed\": %lu, \"lost\": %lu, \"resets\": %lu, \"first_error\": \"%s\"}\n",
           stats.missing, stats.doubled, stats.swapped, stats.damaged, stats.strayed, stats.late, stats.refused,
           stats.closed, stats.lost, stats.resets, stats.first_error);
    fflush(stdout);
    memset(&stats, 0, sizeof stats);
}

static void subscribe(bool frozen, const char *path) {
    uint32_t i = subscribed++;
    struct room *room = &rooms[i % options.rooms];
    struct conn *c = conn_open(options.wire, i % options.rooms, i / options.rooms + i % options.rooms, frozen);
    c->subscriber = true;
    c->member = room->members++;
    c->seq = room->seq;
    subscribers = realloc(subscribers, subscribed * sizeof *subscribers);
    subscribers[i] = c;
    connecting++;
    wire_open(c, path);
}

/* Where being subscribed cannot be seen, wait until the server has stopped working. */
static void settle_blind(void) {
    int64_t limit = clock_us() + BLIND_LIMIT_US;
    for (double before = -1, spent = account_cpu(); now < limit; before = spent, spent = account_cpu()) {
        if (before >= 0 && spent - before < 0.05 * BLIND_LOOK_US) return;
        turn(clock_us() + BLIND_LOOK_US);
    }
}

static void stage_connect(uint32_t count, bool frozen, const char *path) {
    uint32_t target = subscribed + count, first = subscribed;
    uint64_t seen = 0;
    long before = account_resident();
    account_start();
    int64_t begun = now = clock_us(), since = begun;
    while ((subscribed < target || connecting) && !patient(&since, (uint64_t)subscribed * 2 - connecting, &seen)) {
        if (options.blind && subscribed < target) {
            subscribe(frozen, path);
            turn(now + BLIND_PACE_US);
            continue;
        }
        while (connecting < AT_ONCE && subscribed < target)
            subscribe(frozen, path);
        net_turn(now + 100000);
    }
    double seconds = (double)(now - begun) / 1e6;
    turn(now + SETTLE_US);
    if (options.blind) settle_blind();
    if (connecting) fault("%u subscribers were never served", connecting);
    for (uint32_t i = first; frozen && i < subscribed; i++)
        if (subscribers[i]->phase != CLOSED) conn_watch(subscribers[i], false);
    printf("{\"stage\": \"connect\", \"count\": %u, \"unserved\": %u, \"seconds\": %.3f, \"kib_before\": %ld, ", count,
           connecting, seconds, before);
    account_print(count);
    faults_print();
}

static double own_cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void stage_flow(const struct flow *flow) {
    static long samples[MOST_SAMPLES];
    uint32_t sampled = 0;
    uint64_t seen = 0;
    feed_open(flow);
    for (int64_t since = now = clock_us(); connecting && !patient(&since, connecting, &seen);)
        net_turn(now + 100000);
    feed_start();
    int64_t warm = now + (int64_t)(flow->warm * 1e6);
    while (now < warm) {
        feed_turn();
        net_turn(feed_due() < warm ? feed_due() : warm);
    }
    latency_clear();
    stats.deliveries = stats.messages = 0;
    double own = own_cpu();
    account_start();
    int64_t begun = now, end = begun + (int64_t)(flow->seconds * 1e6);
    while (now < end) {
        feed_turn();
        net_turn(feed_due() < end ? feed_due() : end);
        if (now >= begun + sampled * 1000000LL && sampled < MOST_SAMPLES) samples[sampled++] = account_resident();
    }
    double seconds = (double)(now - begun) / 1e6;
    printf("{\"stage\": \"flow\", \"lanes\": %u, \"rate\": %g, \"payload\": %zu, \"seconds\": %.3f, "
           "\"deliveries\": %lu, \"messages\": %lu, \"per_second\": %.0f, \"busy\": %.3f, ",
           flow->lanes, flow->rate, flow->payload, seconds, stats.deliveries, stats.messages,
           (double)stats.deliveries / seconds, (own_cpu() - own) / seconds);
    account_print((double)stats.deliveries);
    printf("\"p50_us\": %ld, \"p99_us\": %ld, \"max_us\": %ld, \"kib_by_second\": [", latency_at(0.5), latency_at(0.99),
           latency_most());
    for (uint32_t i = 0; i < sampled; i++)
        printf("%s%ld", i ? ", " : "", samples[i]);
    printf("], ");
    feed_stop();
    int64_t since = now;
    while (!feed_idle() && !patient(&since, stats.owed, &seen))
        net_turn(now + 100000);
    printf("\"drained_in\": %.3f, ", (double)(now - end) / 1e6);
    /* A moment more: what comes now comes twice. */
    turn(now + SETTLE_US / 3);
    stats.missing += stats.owed;
    faults_print();
}

static void stage_rest(double seconds) {
    account_start();
    turn(clock_us() + (int64_t)(seconds * 1e6));
    printf("{\"stage\": \"rest\", \"seconds\": %.3f, ", seconds);
    account_print(seconds);
    faults_print();
}

static void stage_wait(void) {
    char byte = 0;
    printf("{\"stage\": \"wait\"}\n");
    fflush(stdout);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    /* Zero is the end of the input: whoever was to wake us has gone. */
    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) != 0)
        turn(clock_us() + 10000);
}

/* Frozen readers read again, until they have the newest message or nothing more comes. */
static void stage_thaw(void) {
    uint64_t seen = 0, behind = 1;
    int64_t begun = now = clock_us(), since = begun;
    for (uint32_t i = 0; i < subscribed; i++)
        if (subscribers[i]->frozen && subscribers[i]->phase != CLOSED) conn_thaw(subscribers[i]);
    while (behind && !patient(&since, stats.thawed_bytes, &seen)) {
        turn(clock_us() + 20000);
        behind = 0;
        for (uint32_t i = 0; i < subscribed; i++)
            behind += subscribers[i]->frozen && subscribers[i]->phase != CLOSED && subscribers[i]->seq < rooms[0].seq;
    }
    printf("{\"stage\": \"thaw\", \"seconds\": %.3f, \"behind\": %lu, \"bytes\": %lu, ", (double)(now - begun) / 1e6,
           behind, stats.thawed_bytes);
    faults_print();
}

static double setting(const char *text, const char *name, double otherwise) {
    const char *at = strstr(text, name);
    return at ? atof(at + strlen(name)) : otherwise;
}

void stage(const char *text) {
    if (strncmp(text, "connect:", 8) == 0) {
        const char *path = strstr(text, "path=");
        stage_connect((uint32_t)atoi(text + 8), setting(text, "frozen=", 0) > 0, path ? path + 5 : options.path);
    } else if (strncmp(text, "flow:", 5) == 0) {
        struct flow flow = {
            .rate = setting(text, "rate=", 0),
            .lanes = (uint32_t)setting(text, "inflight=", setting(text, "lanes=", RATE_LANES)),
            .payload = (size_t)setting(text, "payload=", 64),
            .seconds = setting(text, "seconds=", 2),
            .warm = setting(text, "warm=", 0.3),
        };
        if (flow.payload <= STAMP + 1 || flow.payload > MOST_PAYLOAD - 64) exit(2);
        stage_flow(&flow);
    } else if (strncmp(text, "rest:", 5) == 0) {
        stage_rest(atof(text + 5));
    } else if (strcmp(text, "wait") == 0) {
        stage_wait();
    } else if (strcmp(text, "thaw") == 0) {
        stage_thaw();
    } else {
        exit(2);
    }
}
