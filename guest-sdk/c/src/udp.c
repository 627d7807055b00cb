/* UDP: sockets that `run` waits for, and sockets that ask others inside of a call. */
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "waiting.h"

typedef wasi_sockets_types_result_tuple2_list_u8_ip_socket_address_error_code_t received;

struct wr_socket {
    struct wr__waiter waiter;
    wasi_sockets_types_own_udp_socket_t socket;
    wr_datagram datagram;
    void *context;
    received next; /* written by the network while a receive is under way */
};

static wr_socket *opened(const wasi_sockets_types_ip_socket_address_t *address, wr_error *error) {
    wasi_sockets_types_own_udp_socket_t handle;
    wasi_sockets_types_error_code_t why;
    wasi_sockets_types_ip_socket_address_t at = {.tag = WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV4};
    bool made = wasi_sockets_types_static_udp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &handle, &why);
    if (address != NULL)
        at = *address;
    if (!made || !wasi_sockets_types_method_udp_socket_bind(wasi_sockets_types_borrow_udp_socket(handle), &at, &why)) {
        wr_fail(error, "opening a UDP socket: %s", wr__word(&why));
        wasi_sockets_types_error_code_free(&why);
        if (made)
            wasi_sockets_types_udp_socket_drop_own(handle);
        return NULL;
    }
    wr_socket *socket = wr__new(sizeof *socket);
    socket->socket = handle;
    return socket;
}

wr_socket *wr_open_socket(wr_error *error) {
    return opened(NULL, error);
}

void wr_close_socket(wr_socket *socket) {
    if (socket == NULL)
        return;
    wasi_sockets_types_udp_socket_drop_own(socket->socket);
    free(socket);
}

bool wr_send_to(wr_socket *socket, const void *bytes, size_t size, const char *address, uint16_t port,
                wr_error *error) {
    wasi_sockets_types_method_udp_socket_send_args_t to;
    wasi_sockets_types_result_void_error_code_t result = {0};
    to.self = wasi_sockets_types_borrow_udp_socket(socket->socket);
    to.data = (role_list_u8_t){(uint8_t *)(uintptr_t)bytes, size};
    to.remote_address.is_some = true;
    if (!wr__address(address, port, &to.remote_address.val, error))
        return false;
    if (!wr__wait_for_subtask(wasi_sockets_types_method_udp_socket_send(&to, &result), WR_TIMEOUT_MS))
        return wr_fail(error, "sending to %s:%u: timeout", address, port);
    if (!result.is_err)
        return true;
    wr_fail(error, "sending to %s:%u: %s", address, port, wr__word(&result.val.err));
    wasi_sockets_types_result_void_error_code_free(&result);
    return false;
}

static role_subtask_status_t receive(wr_socket *socket) {
    memset(&socket->next, 0, sizeof socket->next);
    return wasi_sockets_types_method_udp_socket_receive(wasi_sockets_types_borrow_udp_socket(socket->socket),
                                                        &socket->next);
}

ptrdiff_t wr_wait_for_datagram(wr_socket *socket, void *bytes, size_t size, uint64_t milliseconds) {
    ptrdiff_t length = -1;
    if (!wr__wait_for_subtask(receive(socket), milliseconds))
        return -1;
    if (!socket->next.is_err) {
        const role_list_u8_t *got = &socket->next.val.ok.f0;
        length = (ptrdiff_t)(got->len < size ? got->len : size);
        if (length > 0)
            memcpy(bytes, got->ptr, (size_t)length);
    }
    wasi_sockets_types_result_tuple2_list_u8_ip_socket_address_error_code_free(&socket->next);
    return length;
}

static void listen_on(wr_socket *socket) {
    role_subtask_status_t status = receive(socket);
    if (ROLE_SUBTASK_STATE(status) == ROLE_SUBTASK_RETURNED)
        wr__wake(&socket->waiter, 0);
    else
        wr__await(&socket->waiter, ROLE_SUBTASK_HANDLE(status));
}

static void arrived(struct wr__waiter *waiter, uint32_t subtask, uint32_t code) {
    wr_socket *socket = (wr_socket *)waiter;
    (void)code;
    if (subtask != 0)
        role_subtask_drop(subtask);
    received got = socket->next;
    memset(&socket->next, 0, sizeof socket->next);
    if (!got.is_err) {
        char address[WR__ADDRESS_SIZE];
        uint16_t port;
        wr__write_address(&got.val.ok.f1, address, &port);
        socket->datagram(socket, got.val.ok.f0.ptr, got.val.ok.f0.len, address, port, socket->context);
    }
    /* A datagram that found nobody is told here and means nothing; a network that has ended does. */
    bool ended = got.is_err && got.val.err.tag != WASI_SOCKETS_TYPES_ERROR_CODE_CONNECTION_REFUSED;
    wasi_sockets_types_result_tuple2_list_u8_ip_socket_address_error_code_free(&got);
    if (!ended)
        listen_on(socket);
}

bool wr_receive(const char *endpoint, wr_datagram datagram, void *context, wr_error *error) {
    wasi_sockets_types_ip_socket_address_t address;
    if (wr__own_endpoint(endpoint, &address, error) == NULL)
        return false;
    wr_socket *socket = opened(&address, error);
    if (socket == NULL)
        return false;
    socket->waiter.woken = arrived;
    socket->datagram = datagram;
    socket->context = context;
    listen_on(socket);
    return true;
}
