/* The floor: the least a server that writes once per message and connection can cost.
 *
 * GET anything subscribes (SSE); POST anything sends its body, encoded once, to every subscriber in a plain loop of
 * send(2). One thread, no rooms, no history, no batching, no care for slow readers (one that does not keep up is
 * closed). It is there to be compared with, and may not learn anything else. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FILES = 65536, MOST_REQUEST = 1 << 17 };

static struct request {
    char *bytes;
    size_t size;
} requests[MOST_FILES];
static int subscribers[MOST_FILES], count, poller;
static unsigned long long published;

static void forget(int fd) {
    for (int i = 0; i < count; i++)
        if (subscribers[i] == fd) subscribers[i--] = subscribers[--count];
    free(requests[fd].bytes);
    requests[fd] = (struct request){NULL, 0};
    close(fd);
}

static void publish(const char *body, size_t size) {
    static char event[MOST_REQUEST + 128];
    size_t total = (size_t)sprintf(event, "id: %013llu-0\nevent: message\ndata: \"", 1790000000000ULL + published++);
    memcpy(event + total, body, size);
    memcpy(event + total + size, "\"\n\n", 3);
    total += size + 3;
    for (int i = 0; i < count; i++) {
        int fd = subscribers[i];
        if (send(fd, event, total, MSG_NOSIGNAL) == (ssize_t)total) continue;
        forget(fd);
        i--;
    }
}

/* Handle what is complete. Returns whether the connection still needs its buffer. */
static void serve(int fd) {
    static const char stream[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\r\n";
    static const char created[] = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    struct request *r = &requests[fd];
    char *end, *length;
    r->bytes[r->size] = 0;
    if (!(end = strstr(r->bytes, "\r\n\r\n"))) return;
    size_t head = (size_t)(end + 4 - r->bytes), body = 0;
    if ((length = strcasestr(r->bytes, "\r\ncontent-length:")) && length < end) body = strtoul(length + 17, NULL, 10);
    if (r->size < head + body) return;
    if (r->bytes[0] == 'P') {
        publish(r->bytes + head, body);
        send(fd, created, sizeof created - 1, MSG_NOSIGNAL);
    } else {
        subscribers[count++] = fd;
        send(fd, stream, sizeof stream - 1, MSG_NOSIGNAL);
    }
    r->size = 0;
}

static void readable(int fd) {
    struct request *r = &requests[fd];
    if (!r->bytes) r->bytes = malloc(MOST_REQUEST);
    ssize_t got = recv(fd, r->bytes + r->size, MOST_REQUEST - 1 - r->size, MSG_DONTWAIT);
    if (got > 0) {
        r->size += (size_t)got;
        serve(fd);
    } else if (got == 0 || errno != EAGAIN) {
        forget(fd);
    }
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event event = {.events = EPOLLIN}, events[256];
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("Listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    event.data.fd = listener;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                readable(fd);
                continue;
            }
            fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0) continue;
            event.data.fd = fd;
            epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
        }
    }
}
