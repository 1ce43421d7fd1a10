/* The load generator: what its files share.
 *
 * One thread, one epoll set: it opens subscribers, publishes messages the way the peer wants them, and checks that
 * each subscriber gets each message once, whole, and in the order everybody else gets it. It knows three wires (SSE,
 * WebSocket, Socket.IO) and no peer: whatever differs between peers is a text on its command line (main.c).
 *
 *   main.c     options                             http.c     heads, chunked bodies
 *   stages.c   what is done, and its results       frames.c   WebSocket frames, Engine.IO and Socket.IO
 *   net.c      sockets and the one loop            check.c    payloads, exactly once, order, latency
 *   measure.c  the kernel's account of the server  feed.c     lanes: who publishes the next message, and when
 *
 * It may not look at a server from the inside, and a fault that it sees must end up in the results. */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST_SERVERS = 8, MOST_LANES = 64, MOST_PAYLOAD = 1 << 20, STAMP = 30, NOTE = 192 };

enum wire { SSE, WEBSOCKET, SOCKETIO, POST };
enum phase { HEAD, OPENING, JOINING, STREAM, CLOSED };

/* One connection. Subscribers of one room differ in `member`, which is also their bit in each message's record. */
struct conn {
    int fd;
    uint8_t wire, phase;
    bool subscriber, chunked, live, frozen, reset, want_write;
    uint32_t room, member;
    struct lane *lane; /* publishes through this connection, or NULL */
    uint32_t rank;     /* place of the last message it got, in the room's order */
    uint32_t seq;      /* number of the last message it got */
    char *out;         /* what the socket did not take yet */
    size_t out_size;
    char *head; /* an HTTP head so far */
    uint32_t head_size;
    uint64_t left;      /* bytes still to come of a chunk, a frame, or a POST's answer */
    uint8_t part;       /* chunk: in the size line, the data, the line end; frame: bytes of its head so far */
    uint8_t frame[14];  /* a frame's head so far */
    uint8_t note_size;  /* a small frame so far (Engine.IO's own packets, acknowledgements, pings) */
    uint8_t stamp_size; /* a payload's first bytes so far */
    uint8_t matched;    /* bytes of "realtime.reset" so far */
    char note[NOTE];
    char stamp[STAMP];
    uint32_t got; /* bytes of the payload so far */
    bool spoilt;  /* and one of them was wrong */
};

/* One message under way: when it left, who has it, and which place it has in its room's order. */
struct record {
    uint32_t seq, left, rank;
    bool used, answered;
    int64_t sent;
    struct lane *lane; /* NULL once it has been given up */
    uint64_t *seen;
};

struct room {
    struct record *ring;
    uint32_t seq, rank, members, listening;
};

/* A publisher that has at most one message unanswered. */
struct lane {
    struct conn *conn;
    uint32_t room;
    bool waiting; /* for the answer to its last message */
    bool busy;    /* it may not publish: waiting or, in a closed loop, until everyone has its last message */
    struct record *record;
};

struct options {
    struct sockaddr_in to[MOST_SERVERS];
    unsigned servers, rooms, stall;
    enum wire wire, feed;
    bool blind; /* the peer sends no head before its first message */
    const char *path, *join, *feed_path, *feed_body, *publish;
};

struct stats {
    uint64_t deliveries, messages, doubled, swapped, damaged, strayed, late, refused, closed, lost, resets;
    uint64_t owed;    /* deliveries that messages under way are still waiting for */
    uint64_t missing; /* what was owed when it was given up */
    uint64_t thawed_bytes;
    char first_error[160];
};

extern struct options options;
extern struct stats stats;
extern struct room *rooms;
extern struct conn **subscribers;
extern uint32_t subscribed, connecting;
extern int64_t now; /* microseconds of the monotonic clock, taken after each read */

/* net.c */
int64_t clock_us(void);
struct conn *conn_open(enum wire wire, uint32_t room, uint32_t server, bool frozen);
void conn_send(struct conn *c, const char *data, size_t size);
void conn_close(struct conn *c, const char *why);
void conn_watch(struct conn *c, bool reading);
void conn_thaw(struct conn *c);
void net_start(void);
void net_turn(int64_t until);

/* http.c */
void wire_open(struct conn *c, const char *path);
void wire_read(struct conn *c, char *data, size_t size);
void wire_live(struct conn *c);
size_t expand(char *to, size_t space, const char *text, uint32_t room, const char *data);

/* frames.c */
void wire_text(struct conn *c, const char *text, size_t size);
void frames_read(struct conn *c, char *data, size_t size);

/* check.c */
void check_rooms(uint32_t members);
struct record *check_issue(uint32_t room, struct lane *lane, int64_t sent);
size_t payload_write(char *to, uint32_t room, uint32_t seq, int64_t sent);
void payload_size(size_t size);
void check_read(struct conn *c, const char *data, size_t size);
void latency_clear(void);
int64_t latency_at(double share);
int64_t latency_most(void);

/* feed.c */
struct flow {
    uint32_t lanes; /* publishers: in a closed loop, the number of messages in flight */
    double rate;    /* messages a second over all; 0 is a closed loop */
    size_t payload;
    double seconds, warm;
};
void feed_open(const struct flow *flow);
void feed_start(void);
void feed_stop(void);
bool feed_idle(void);
void feed_turn(void);
int64_t feed_due(void);
void feed_answered(struct conn *c, bool accepted, const char *answer);
void feed_delivered(struct record *record);

/* stages.c */
void stage(const char *text);

/* measure.c */
struct account {
    const char *name;
    int pids[64];
    unsigned count;
    int64_t cpu, waited; /* nanoseconds at the last snapshot */
};
void account_add(const char *text);
void account_start(void);
void account_print(double per); /* CPU since account_start, in nanoseconds; resident memory now */
long account_resident(void);
double account_cpu(void);
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
