/* Options. The program may not know a peer by name: all that differs between them comes from here.
 *
 *   load --to 127.0.0.1:5000 --wire sse --path '/events?room=bench' --feed post --feed-path /rooms/bench/messages
 *        --feed-body '{"data":"{data}"}' --account server=4711  connect:500  flow:inflight=4,payload=64,seconds=2 */
#include "load.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {.rooms = 1, .stall = 15, .path = "/"};
struct stats stats;
struct room *rooms;

static void servers(char *text) {
    for (char *at = strtok(text, ","); at; at = strtok(NULL, ",")) {
        char *colon = strchr(at, ':');
        if (!colon || options.servers == MOST_SERVERS) exit(2);
        *colon = 0;
        struct sockaddr_in *to = &options.to[options.servers++];
        to->sin_family = AF_INET;
        to->sin_port = htons((uint16_t)atoi(colon + 1));
        if (inet_pton(AF_INET, at, &to->sin_addr) != 1) exit(2);
    }
}

static enum wire wire_named(const char *name) {
    return strcmp(name, "sse") == 0   ? SSE
           : strcmp(name, "ws") == 0  ? WEBSOCKET
           : strcmp(name, "sio") == 0 ? SOCKETIO
                                      : POST;
}

int main(int count, char **arguments) {
    int i = 1;
    net_start();
    for (; i + 1 < count && strncmp(arguments[i], "--", 2) == 0; i += 2) {
        const char *name = arguments[i] + 2;
        char *value = arguments[i + 1];
        if (strcmp(name, "to") == 0)
            servers(value);
        else if (strcmp(name, "wire") == 0)
            options.wire = wire_named(value);
        else if (strcmp(name, "feed") == 0)
            options.feed = wire_named(value);
        else if (strcmp(name, "rooms") == 0)
            options.rooms = (uint32_t)atoi(value);
        else if (strcmp(name, "stall") == 0)
            options.stall = (uint32_t)atoi(value);
        else if (strcmp(name, "blind") == 0)
            options.blind = atoi(value) > 0;
        else if (strcmp(name, "path") == 0)
            options.path = value;
        else if (strcmp(name, "join") == 0)
            options.join = value;
        else if (strcmp(name, "feed-path") == 0)
            options.feed_path = value;
        else if (strcmp(name, "feed-body") == 0)
            options.feed_body = value;
        else if (strcmp(name, "publish") == 0)
            options.publish = value;
        else if (strcmp(name, "account") == 0)
            account_add(value);
        else {
            fprintf(stderr, "load: no option --%s\n", name);
            return 2;
        }
    }
    if (!options.servers || !options.rooms) return 2;
    rooms = calloc(options.rooms, sizeof *rooms);
    for (; i < count; i++)
        stage(arguments[i]);
    return 0;
}
