/* Sockets and the one loop. It moves bytes between sockets and the wire; it may not look into them. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t now;
static int poller;
static char buffer[1 << 20];

int64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

void net_start(void) {
    poller = epoll_create1(EPOLL_CLOEXEC);
    now = clock_us();
}

/* A frozen reader gets the smallest buffers the kernel gives, so that what is sent to it soon has nowhere to go; small
 * segments keep the server's share small, too. When it reads again, it may take more at a time. */
static void shrink(int fd) {
    int bytes = 2048, segment = 536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
}

struct conn *conn_open(enum wire wire, uint32_t room, uint32_t server, bool frozen) {
    struct conn *c = calloc(1, sizeof *c);
    int yes = 1;
    /* Reset on close: no port waits for a minute, and rounds follow each other at once. */
    struct linger reset = {1, 0};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    c->wire = wire;
    c->room = room;
    c->frozen = frozen;
    if (frozen) shrink(c->fd);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    /* Blocking: on loopback the kernel completes it before the server has accepted. */
    struct sockaddr_in *to = &options.to[server % options.servers];
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)to, sizeof *to) < 0) {
        fault("connect: %s", strerror(errno));
        c->phase = CLOSED;
        stats.closed++;
        return c;
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
    return c;
}

void conn_watch(struct conn *c, bool reading) {
    struct epoll_event event = {.events = (reading ? EPOLLIN : 0u) | (c->want_write ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

void conn_thaw(struct conn *c) {
    int bytes = 1 << 18;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    conn_watch(c, true);
}

void conn_close(struct conn *c, const char *why) {
    if (c->phase == CLOSED) return;
    if (why) fault("%s", why);
    if (why) stats.closed++;
    if (c->live && c->subscriber && !c->frozen) rooms[c->room].listening--;
    if (!c->live) connecting--;
    c->phase = CLOSED;
    c->live = false;
    close(c->fd);
}

void conn_send(struct conn *c, const char *data, size_t size) {
    if (c->phase == CLOSED) return;
    ssize_t sent = c->out_size ? 0 : send(c->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) {
            conn_close(c, strerror(errno));
            return;
        }
        sent = 0;
    }
    if ((size_t)sent == size) return;
    c->out = realloc(c->out, c->out_size + size - sent);
    memcpy(c->out + c->out_size, data + sent, size - sent);
    c->out_size += size - sent;
    c->want_write = true;
    conn_watch(c, true);
}

static void flush(struct conn *c) {
    ssize_t sent = send(c->fd, c->out, c->out_size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) conn_close(c, strerror(errno));
        return;
    }
    c->out_size -= sent;
    memmove(c->out, c->out + sent, c->out_size);
    if (c->out_size) return;
    c->want_write = false;
    conn_watch(c, true);
}

/* Wait for events until a moment at most, and handle what came. */
void net_turn(int64_t until) {
    struct epoll_event events[1024];
    int64_t wait = until - clock_us();
    struct timespec limit = {wait / 1000000, wait % 1000000 * 1000};
    if (wait < 0) limit = (struct timespec){0, 0};
    int count = epoll_pwait2(poller, events, 1024, &limit, NULL);
    for (int i = 0; i < count; i++) {
        struct conn *c = events[i].data.ptr;
        if (c->phase == CLOSED) continue;
        if (events[i].events & EPOLLOUT) flush(c);
        if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || c->phase == CLOSED) continue;
        ssize_t size = recv(c->fd, buffer, sizeof buffer, 0);
        now = clock_us();
        if (size > 0 && c->frozen) stats.thawed_bytes += (uint64_t)size;
        if (size > 0)
            wire_read(c, buffer, size);
        else if (size == 0)
            /* An idle keep-alive connection may be closed; its lane opens another. */
            conn_close(c, c->wire == POST && !c->lane->waiting ? NULL : "the server closed a connection");
        else if (errno != EAGAIN)
            conn_close(c, strerror(errno));
    }
    now = clock_us();
}
