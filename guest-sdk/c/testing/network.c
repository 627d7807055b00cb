/* Connections in memory. Whoever is asked is called when the asker reads, and has heard everything by then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

struct wr_connection {
    struct wr__text in;
    size_t taken;
    struct wr__text out;
    struct listener *asked; /* who has not been called yet */
    bool kept, closed;
};

static struct listener *listeners;
static size_t listener_count;

struct listener *double_listener(const char *role, const char *endpoint) {
    for (size_t i = 0; i < listener_count; i++)
        if (strcmp(listeners[i].role, role) == 0 && strcmp(listeners[i].endpoint, endpoint) == 0)
            return &listeners[i];
    return NULL;
}

void double_listen(const char *role, const char *endpoint, wr_handler handler, void *context) {
    listeners = wr__grow(listeners, (listener_count + 1) * sizeof *listeners);
    listeners[listener_count++] = (struct listener){
        wr__copy(role, strlen(role)), wr__copy(endpoint, strlen(endpoint)), handler, context};
}

void wr_test_answers(const char *role, const char *endpoint, wr_handler handler, void *context) {
    double_listen(role, endpoint, handler, context);
}

bool wr_serve(const char *endpoint, wr_handler handler, void *context, wr_error *error) {
    const wr_instance *own = wr_current_instance();
    if (wr_endpoint_of(own, endpoint) == NULL)
        return wr_fail(error, "the service definition has no endpoint named %s for the role %s", endpoint, own->role);
    double_listen(own->role, endpoint, handler, context);
    return true;
}

bool wr_greet(const char *endpoint, wr_handler handler, void *context, wr_error *error) {
    return wr_serve(endpoint, handler, context, error);
}

/* What a listener answers to a text. */
static struct wr__text answer(struct listener *listener, const char *text, size_t size) {
    wr_connection connection = {0};
    wr__add(&connection.in, text, size);
    wr__add(&connection.out, "", 0);
    listener->handler(&connection, listener->context);
    return connection.out;
}

const char *wr_test_ask(const char *endpoint, const char *text) {
    struct listener *listener = double_listener(double_own_role(), endpoint);
    return listener != NULL ? answer(listener, text, strlen(text)).bytes : NULL;
}

/* The listener at an address: of whichever role has the instance and the port. */
static struct listener *listener_at(const char *address, uint16_t port) {
    size_t count;
    const wr_role_info *roles = wr_roles(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < roles[i].instance_count; j++)
            for (size_t k = 0; k < roles[i].instances[j].endpoint_count; k++) {
                const wr_endpoint *endpoint = &roles[i].instances[j].endpoints[k];
                if (endpoint->port == port && strcmp(endpoint->address, address) == 0)
                    return double_listener(roles[i].name, endpoint->name);
            }
    return NULL;
}

wr_connection *wr_connect(const char *address, uint16_t port, wr_error *error) {
    struct listener *listener = listener_at(address, port);
    if (listener == NULL) {
        wr_fail(error, "connecting to %s:%u: connection-refused", address, port);
        return NULL;
    }
    wr_connection *connection = wr__new(sizeof *connection);
    connection->asked = listener;
    return connection;
}

/* In a component the connection is gone by then. */
static void be_open(const wr_connection *connection, const char *call) {
    if (connection->closed)
        double_give_up("it was called with a connection that was closed", call);
}

ptrdiff_t wr_read(wr_connection *connection, void *bytes, size_t size) {
    be_open(connection, "wr_read");
    if (connection->asked != NULL) {
        struct listener *asked = connection->asked;
        connection->asked = NULL;
        connection->in = answer(asked, connection->out.bytes != NULL ? connection->out.bytes : "", connection->out.length);
    }
    size_t left = connection->in.length - connection->taken;
    size_t count = left < size ? left : size;
    if (count > 0)
        memcpy(bytes, connection->in.bytes + connection->taken, count);
    connection->taken += count;
    return (ptrdiff_t)count;
}

bool wr_write(wr_connection *connection, const void *bytes, size_t size) {
    be_open(connection, "wr_write");
    wr__add(&connection->out, bytes, size);
    return true;
}

void wr_keep(wr_connection *connection) {
    connection->kept = true;
}

/* What a test has asked for is kept until it ends. */
void wr_close(wr_connection *connection) {
    if (connection == NULL)
        return;
    be_open(connection, "wr_close");
    connection->closed = true;
}

void wr_set_timeout(wr_connection *connection, uint64_t milliseconds) {
    (void)connection;
    (void)milliseconds;
}

const char *wr_peer(wr_connection *connection) {
    (void)connection;
    return "10.0.0.254:49152";
}

/* ---- UDP: not there ---- */

static bool no_udp(wr_error *error) {
    return wr_fail(error, "the double of tests has no UDP");
}

bool wr_receive(const char *endpoint, wr_datagram datagram, void *context, wr_error *error) {
    (void)endpoint;
    (void)datagram;
    (void)context;
    return no_udp(error);
}

wr_socket *wr_open_socket(wr_error *error) {
    no_udp(error);
    return NULL;
}

bool wr_send_to(wr_socket *socket, const void *bytes, size_t size, const char *address, uint16_t port,
                wr_error *error) {
    (void)socket;
    (void)bytes;
    (void)size;
    (void)address;
    (void)port;
    return no_udp(error);
}

ptrdiff_t wr_wait_for_datagram(wr_socket *socket, void *bytes, size_t size, uint64_t milliseconds) {
    (void)socket;
    (void)bytes;
    (void)size;
    (void)milliseconds;
    return -1;
}

void wr_close_socket(wr_socket *socket) {
    (void)socket;
}
