/* Answers a line with what this language can do: see docs/languages.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm_roles.h"

static char events[1024];

static void heard(const char *event) {
    size_t length = strlen(events);
    snprintf(events + length, sizeof events - length, "%s%s", length > 0 ? " " : "", event);
}

wr_verdict wr_changing(const wr_change *changes, size_t count) {
    heard("changing");
    for (size_t i = 0; i < count; i++)
        if (changes[i].kind == WR_CONFIGURATION_SETTING && strcmp(changes[i].name, "Recycle") == 0)
            return WR_RECYCLE;
    return WR_ACCEPT;
}

void wr_changed(const wr_change *changes, size_t count) {
    (void)changes;
    (void)count;
    heard("changed");
}

wr_status wr_status_check(void) {
    /* It is asked all the time. */
    if (strstr(events, "status-check") == NULL)
        heard("status-check");
    return WR_READY;
}

void wr_stopping(void) {
    heard("stopping");
    printf("heard %s\n", events);
}

void wr_on_stop(void) {
    printf("stops\n");
}

static void setting(wr_connection *connection, const char *name) {
    const char *value = wr_setting(name);
    if (value != NULL)
        wr_printf(connection, "OK %s\n", value);
    else
        wr_printf(connection, "ERROR there is no setting %s\n", name);
}

static void instance(wr_connection *connection, const char *unused) {
    (void)unused;
    wr_printf(connection, "OK %s\n", wr_current_instance()->id);
}

static void store(wr_connection *connection, const char *text) {
    char path[256], read[256] = "";
    const wr_local_resource_info *disk = wr_local_resource("Disk");
    snprintf(path, sizeof path, "%s/cell.txt", disk != NULL ? disk->path : "");
    FILE *file = fopen(path, "w+");
    bool done = file != NULL && fputs(text, file) >= 0 && fseek(file, 0, SEEK_SET) == 0 &&
                fgets(read, sizeof read, file) != NULL;
    if (file != NULL)
        fclose(file);
    wr_printf(connection, done ? "OK %s\n" : "ERROR %s cannot be written\n", done ? read : path);
}

static void tell_events(wr_connection *connection, const char *unused) {
    (void)unused;
    wr_printf(connection, "OK %s\n", events);
}

static void fetch(wr_connection *connection, const char *url) {
    wr_error error;
    int status = wr_http_get(url, NULL, 0, &error);
    if (status >= 0)
        wr_printf(connection, "OK %d\n", status);
    else
        wr_printf(connection, "ERROR %s\n", error.text);
}

/* `10.0.0.4:80`, and what follows it. */
static const char *address_and_port(const char *text, char address[64], unsigned *port) {
    int length = 0;
    return sscanf(text, "%63[^: ]:%u%n", address, port, &length) == 2 ? text + length : NULL;
}

static void connect_to(wr_connection *connection, const char *text) {
    wr_error error;
    char address[64];
    unsigned port;
    if (address_and_port(text, address, &port) == NULL) {
        wr_printf(connection, "ERROR CONNECT wants an address and a port\n");
        return;
    }
    wr_connection *other = wr_connect(address, (uint16_t)port, &error);
    wr_printf(connection, other != NULL ? "OK\n" : "ERROR %s\n", error.text);
    wr_close(other);
}

static void ask_by_datagram(wr_connection *connection, const char *text) {
    wr_error error;
    char address[64], answer[512];
    unsigned port;
    const char *question = address_and_port(text, address, &port);
    if (question == NULL || *question != ' ') {
        wr_printf(connection, "ERROR UDP wants an address, a port and a text\n");
        return;
    }
    wr_socket *socket = wr_open_socket(&error);
    ptrdiff_t length = -1;
    if (socket != NULL && wr_send_to(socket, question + 1, strlen(question + 1), address, (uint16_t)port, &error)) {
        wr_fail(&error, "no answer");
        length = wr_wait_for_datagram(socket, answer, sizeof answer, 5000);
    }
    if (length >= 0)
        wr_printf(connection, "OK %.*s\n", (int)length, answer);
    else
        wr_printf(connection, "ERROR %s\n", error.text);
    wr_close_socket(socket);
}

static void awake(void *context) {
    wr_connection *connection = context;
    wr_printf(connection, "OK\n");
    wr_close(connection);
}

/* The others go on meanwhile. */
static void sleep_for(wr_connection *connection, const char *milliseconds) {
    wr_keep(connection);
    wr_after(strtoull(milliseconds, NULL, 10), awake, connection);
}

/* Keeps the connection, and finds that there is nothing to keep it for. */
static void change_its_mind(wr_connection *connection, const char *unused) {
    (void)unused;
    wr_keep(connection);
    wr_printf(connection, "OK\n");
    wr_close(connection);
}

static void leave(wr_connection *connection, const char *unused) {
    (void)unused;
    wr_printf(connection, "OK\n");
    wr_finish(NULL);
}

static void answer(wr_connection *connection, void *context) {
    static const struct {
        const char *verb;
        void (*answer)(wr_connection *connection, const char *rest);
    } all[] = {
        {"SETTING", setting}, {"INSTANCE", instance}, {"STORE", store},         {"EVENTS", tell_events}, {"FETCH", fetch},
        {"CONNECT", connect_to}, {"UDP", ask_by_datagram}, {"SLEEP", sleep_for}, {"EXIT", leave},
        {"CLOSE", change_its_mind},
    };
    char line[1024];
    (void)context;
    if (wr_read_line(connection, line, sizeof line) != WR_LINE)
        return;
    size_t length = strcspn(line, " ");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strlen(all[i].verb) == length && strncmp(line, all[i].verb, length) == 0) {
            all[i].answer(connection, line[length] == ' ' ? line + length + 1 : "");
            return;
        }
    }
    wr_printf(connection, "ERROR %s is not known\n", line);
}

static void echo(wr_socket *socket, const void *bytes, size_t size, const char *address, uint16_t port, void *context) {
    (void)context;
    wr_send_to(socket, bytes, size, address, port, NULL);
}

bool wr_on_start(wr_error *error) {
    const wr_instance *own = wr_current_instance();
    /* Datagrams to the endpoint `Echo`, where there is one, come back. */
    if (wr_endpoint_of(own, "Echo") != NULL && !wr_receive("Echo", echo, NULL, error))
        return false;
    return wr_serve("In", answer, NULL, error);
}
