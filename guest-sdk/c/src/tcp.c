/* TCP: listeners that `run` waits for, and connections that are read and written inside of a call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "waiting.h"

#define BUFFER 4096
#define ACCEPTED_AT_ONCE 8

typedef wasi_sockets_types_error_code_t network_error;

struct listener;

struct wr_connection {
    struct wr__waiter waiter; /* for the first bytes */
    struct listener *listener; /* where it waits for them */
    wasi_sockets_types_own_tcp_socket_t socket;
    wasi_sockets_types_stream_u8_t in;
    wasi_sockets_types_stream_u8_writer_t out;
    uint64_t timeout;
    uint64_t overdue; /* when it has waited too long for its first bytes */
    struct wr_connection *next_waiting;
    size_t taken, have; /* of the buffer */
    bool ended, lost;
    bool answering; /* its handler is at work, so it is freed when that returns */
    bool kept, closed;
    char peer[WR__ADDRESS_SIZE + 8];
    uint8_t buffer[BUFFER];
};

struct listener {
    struct wr__waiter waiter;
    wasi_sockets_types_own_tcp_socket_t socket;
    wasi_sockets_types_stream_own_tcp_socket_t accepted;
    wasi_sockets_types_own_tcp_socket_t arrived[ACCEPTED_AT_ONCE];
    wr_handler handler;
    void *context;
    bool speaks_first, full, closed;
    struct wr_connection *waiting;
    size_t waiting_count;
    wr_timer *sweep;
};

static wasi_sockets_types_borrow_tcp_socket_t borrowed(wasi_sockets_types_own_tcp_socket_t socket) {
    return wasi_sockets_types_borrow_tcp_socket(socket);
}

/* ---- A connection ---- */

static wr_connection *connection(wasi_sockets_types_own_tcp_socket_t socket) {
    wr_connection *connection = wr__new(sizeof *connection);
    connection->socket = socket;
    connection->timeout = WR_TIMEOUT_MS;
    wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t received;
    wasi_sockets_types_method_tcp_socket_receive(borrowed(socket), &received);
    connection->in = received.f0;
    /* How it ended is seen from the streams as well. */
    wasi_sockets_types_future_result_void_error_code_drop_readable(received.f1);
    wasi_sockets_types_stream_u8_t sent = wasi_sockets_types_stream_u8_new(&connection->out);
    wasi_sockets_types_future_result_void_error_code_drop_readable(
        wasi_sockets_types_method_tcp_socket_send(borrowed(socket), sent));
    wasi_sockets_types_ip_socket_address_t address;
    network_error unknown;
    if (wasi_sockets_types_method_tcp_socket_get_remote_address(borrowed(socket), &address, &unknown)) {
        uint16_t port;
        wr__write_address(&address, connection->peer, &port);
        snprintf(connection->peer + strlen(connection->peer), 8, ":%u", port);
    } else {
        wasi_sockets_types_error_code_free(&unknown);
    }
    return connection;
}

void wr_close(wr_connection *connection) {
    if (connection == NULL || connection->closed)
        return;
    connection->closed = true;
    wasi_sockets_types_stream_u8_drop_writable(connection->out);
    wasi_sockets_types_stream_u8_drop_readable(connection->in);
    wasi_sockets_types_tcp_socket_drop_own(connection->socket);
    if (!connection->answering)
        free(connection);
}

void wr_keep(wr_connection *connection) {
    connection->kept = true;
}

void wr_set_timeout(wr_connection *connection, uint64_t milliseconds) {
    connection->timeout = milliseconds;
}

const char *wr_peer(wr_connection *connection) {
    return connection->peer;
}

/* What a read has said. */
static void filled(wr_connection *connection, role_waitable_status_t status) {
    connection->taken = 0;
    connection->have = ROLE_WAITABLE_COUNT(status);
    if (ROLE_WAITABLE_STATE(status) == ROLE_WAITABLE_DROPPED)
        connection->ended = true;
}

static bool fill(wr_connection *connection) {
    role_waitable_status_t status = wasi_sockets_types_stream_u8_read(connection->in, connection->buffer, BUFFER);
    if (status == ROLE_WAITABLE_STATUS_BLOCKED && !wr__wait(connection->in, connection->timeout, &status)) {
        status = wasi_sockets_types_stream_u8_cancel_read(connection->in);
        if (ROLE_WAITABLE_COUNT(status) == 0 && ROLE_WAITABLE_STATE(status) == ROLE_WAITABLE_CANCELLED) {
            connection->lost = true;
            return false;
        }
    }
    filled(connection, status);
    return true;
}

ptrdiff_t wr_read(wr_connection *connection, void *bytes, size_t size) {
    if (connection->closed)
        return -1;
    while (connection->taken == connection->have && !connection->ended && !connection->lost)
        if (!fill(connection))
            break;
    size_t left = connection->have - connection->taken;
    if (left == 0)
        return connection->lost ? -1 : 0;
    size_t count = left < size ? left : size;
    memcpy(bytes, connection->buffer + connection->taken, count);
    connection->taken += count;
    return (ptrdiff_t)count;
}

bool wr_write(wr_connection *connection, const void *bytes, size_t size) {
    const uint8_t *from = bytes;
    if (connection->closed)
        return false;
    while (size > 0 && !connection->lost) {
        role_waitable_status_t status = wasi_sockets_types_stream_u8_write(connection->out, from, size);
        if (status == ROLE_WAITABLE_STATUS_BLOCKED && !wr__wait(connection->out, connection->timeout, &status)) {
            status = wasi_sockets_types_stream_u8_cancel_write(connection->out);
            connection->lost = ROLE_WAITABLE_COUNT(status) == 0;
        }
        size_t count = ROLE_WAITABLE_COUNT(status);
        from += count;
        size -= count;
        if (ROLE_WAITABLE_STATE(status) == ROLE_WAITABLE_DROPPED && size > 0)
            connection->lost = true;
    }
    return size == 0;
}

static wasi_sockets_types_own_tcp_socket_t no_socket(const char *what, network_error *why, wr_error *error,
                                                     bool *made) {
    wr_fail(error, "%s: %s", what, wr__word(why));
    wasi_sockets_types_error_code_free(why);
    *made = false;
    return (wasi_sockets_types_own_tcp_socket_t){0};
}

static wasi_sockets_types_own_tcp_socket_t new_socket(wr_error *error, bool *made) {
    wasi_sockets_types_own_tcp_socket_t socket;
    network_error why;
    *made = true;
    if (!wasi_sockets_types_static_tcp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &socket, &why))
        return no_socket("making a TCP socket", &why, error, made);
    return socket;
}

wr_connection *wr_connect(const char *address, uint16_t port, wr_error *error) {
    wasi_sockets_types_method_tcp_socket_connect_args_t to;
    wasi_sockets_types_result_void_error_code_t result = {0};
    bool made;
    if (!wr__address(address, port, &to.remote_address, error))
        return NULL;
    wasi_sockets_types_own_tcp_socket_t socket = new_socket(error, &made);
    if (!made)
        return NULL;
    to.self = borrowed(socket);
    if (!wr__wait_for_subtask(wasi_sockets_types_method_tcp_socket_connect(&to, &result), WR_TIMEOUT_MS)) {
        result.is_err = true;
        result.val.err.tag = WASI_SOCKETS_TYPES_ERROR_CODE_TIMEOUT;
    }
    if (!result.is_err)
        return connection(socket);
    wr_fail(error, "connecting to %s:%u: %s", address, port, wr__word(&result.val.err));
    wasi_sockets_types_result_void_error_code_free(&result);
    wasi_sockets_types_tcp_socket_drop_own(socket);
    return NULL;
}

/* ---- A listener ---- */

static void accept_more(struct listener *listener);

static void answer(struct listener *listener, wr_connection *connection) {
    connection->answering = true;
    listener->handler(connection, listener->context);
    connection->answering = false;
    if (connection->closed)
        free(connection);
    else if (!connection->kept)
        wr_close(connection);
}

static void stop_waiting(wr_connection *connection) {
    struct listener *listener = connection->listener;
    for (wr_connection **link = &listener->waiting; *link != NULL; link = &(*link)->next_waiting) {
        if (*link == connection) {
            *link = connection->next_waiting;
            listener->waiting_count--;
            break;
        }
    }
    if (listener->waiting_count == 0) {
        wr_cancel(listener->sweep);
        listener->sweep = NULL;
    }
    if (listener->full) {
        listener->full = false;
        accept_more(listener);
    }
}

static void has_first_bytes(struct wr__waiter *waiter, uint32_t waitable, uint32_t status) {
    wr_connection *connection = (wr_connection *)waiter;
    (void)waitable;
    filled(connection, status);
    stop_waiting(connection);
    answer(connection->listener, connection);
}

/* Closes those that have sent nothing for too long. */
static void sweep(void *context) {
    struct listener *listener = context;
    uint64_t now = wr_now();
    for (wr_connection *next, *connection = listener->waiting; connection != NULL; connection = next) {
        next = connection->next_waiting;
        if (connection->overdue > now)
            continue;
        if (wr__forget(&connection->waiter) != 0)
            wasi_sockets_types_stream_u8_cancel_read(connection->in);
        stop_waiting(connection);
        wr_close(connection);
    }
}

static void wait_for_first_bytes(wr_connection *connection) {
    struct listener *listener = connection->listener;
    connection->next_waiting = listener->waiting;
    connection->overdue = wr_now() + connection->timeout;
    listener->waiting = connection;
    listener->waiting_count++;
    if (listener->sweep == NULL)
        listener->sweep = wr_every(1000, sweep, listener);
    role_waitable_status_t status = wasi_sockets_types_stream_u8_read(connection->in, connection->buffer, BUFFER);
    if (status == ROLE_WAITABLE_STATUS_BLOCKED)
        wr__await(&connection->waiter, connection->in);
    else
        wr__wake(&connection->waiter, status);
}

static void accepted(struct wr__waiter *waiter, uint32_t waitable, uint32_t status) {
    struct listener *listener = (struct listener *)waiter;
    (void)waitable;
    wasi_sockets_types_own_tcp_socket_t arrived[ACCEPTED_AT_ONCE];
    size_t count = ROLE_WAITABLE_COUNT(status);
    listener->closed = ROLE_WAITABLE_STATE(status) == ROLE_WAITABLE_DROPPED;
    memcpy(arrived, listener->arrived, sizeof arrived);
    for (size_t i = 0; i < count; i++) {
        wr_connection *new = connection(arrived[i]);
        new->listener = listener;
        new->waiter.woken = has_first_bytes;
        if (listener->speaks_first)
            answer(listener, new);
        else
            wait_for_first_bytes(new);
    }
    accept_more(listener);
}

static void accept_more(struct listener *listener) {
    if (listener->closed)
        return;
    if (listener->waiting_count + ACCEPTED_AT_ONCE > WR_WAITING_CONNECTIONS) {
        listener->full = true;
        return;
    }
    role_waitable_status_t status = wasi_sockets_types_stream_own_tcp_socket_read(
        listener->accepted, listener->arrived, ACCEPTED_AT_ONCE);
    if (status == ROLE_WAITABLE_STATUS_BLOCKED)
        wr__await(&listener->waiter, listener->accepted);
    else
        wr__wake(&listener->waiter, status);
}

static bool listen_on(const char *name, bool speaks_first, wr_handler handler, void *context, wr_error *error) {
    wasi_sockets_types_ip_socket_address_t address;
    wasi_sockets_types_stream_own_tcp_socket_t arriving;
    network_error why;
    bool made;
    const wr_endpoint *endpoint = wr__own_endpoint(name, &address, error);
    if (endpoint == NULL)
        return false;
    wasi_sockets_types_own_tcp_socket_t socket = new_socket(error, &made);
    if (!made)
        return false;
    if (!wasi_sockets_types_method_tcp_socket_bind(borrowed(socket), &address, &why) ||
        !wasi_sockets_types_method_tcp_socket_listen(borrowed(socket), &arriving, &why)) {
        wr_fail(error, "listening on %s:%u for the endpoint %s: %s", endpoint->address, endpoint->port, name,
                wr__word(&why));
        wasi_sockets_types_error_code_free(&why);
        wasi_sockets_types_tcp_socket_drop_own(socket);
        return false;
    }
    struct listener *listener = wr__new(sizeof *listener);
    listener->waiter.woken = accepted;
    listener->socket = socket;
    listener->accepted = arriving;
    listener->speaks_first = speaks_first;
    listener->handler = handler;
    listener->context = context;
    accept_more(listener);
    return true;
}

bool wr_serve(const char *endpoint, wr_handler handler, void *context, wr_error *error) {
    return listen_on(endpoint, false, handler, context, error);
}

bool wr_greet(const char *endpoint, wr_handler handler, void *context, wr_error *error) {
    return listen_on(endpoint, true, handler, context, error);
}
