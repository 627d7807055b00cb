#include "addresses.h"

#include <stdio.h>

#include "waiting.h"

const char *wr__word(const wasi_sockets_types_error_code_t *error) {
    static const char *const words[] = {
        [WASI_SOCKETS_TYPES_ERROR_CODE_ACCESS_DENIED] = "access-denied",
        [WASI_SOCKETS_TYPES_ERROR_CODE_NOT_SUPPORTED] = "not-supported",
        [WASI_SOCKETS_TYPES_ERROR_CODE_INVALID_ARGUMENT] = "invalid-argument",
        [WASI_SOCKETS_TYPES_ERROR_CODE_OUT_OF_MEMORY] = "out-of-memory",
        [WASI_SOCKETS_TYPES_ERROR_CODE_TIMEOUT] = "timeout",
        [WASI_SOCKETS_TYPES_ERROR_CODE_INVALID_STATE] = "invalid-state",
        [WASI_SOCKETS_TYPES_ERROR_CODE_ADDRESS_NOT_BINDABLE] = "address-not-bindable",
        [WASI_SOCKETS_TYPES_ERROR_CODE_ADDRESS_IN_USE] = "address-in-use",
        [WASI_SOCKETS_TYPES_ERROR_CODE_REMOTE_UNREACHABLE] = "remote-unreachable",
        [WASI_SOCKETS_TYPES_ERROR_CODE_CONNECTION_REFUSED] = "connection-refused",
        [WASI_SOCKETS_TYPES_ERROR_CODE_CONNECTION_BROKEN] = "connection-broken",
        [WASI_SOCKETS_TYPES_ERROR_CODE_CONNECTION_RESET] = "connection-reset",
        [WASI_SOCKETS_TYPES_ERROR_CODE_CONNECTION_ABORTED] = "connection-aborted",
        [WASI_SOCKETS_TYPES_ERROR_CODE_DATAGRAM_TOO_LARGE] = "datagram-too-large",
    };
    return error->tag < sizeof words / sizeof words[0] ? words[error->tag] : "other";
}

static bool number(const char **text, unsigned *value) {
    const char *digit = *text;
    for (*value = 0; *digit >= '0' && *digit <= '9' && *value <= 255; digit++)
        *value = *value * 10 + (unsigned)(*digit - '0');
    bool any = digit != *text && *value <= 255;
    *text = digit;
    return any;
}

static bool is_literal(const char *text, wasi_sockets_types_ipv4_address_t *address) {
    unsigned part[4];
    for (int i = 0; i < 4; i++)
        if (!number(&text, &part[i]) || (i < 3 ? *text++ != '.' : *text != '\0'))
            return false;
    *address = (wasi_sockets_types_ipv4_address_t){(uint8_t)part[0], (uint8_t)part[1], (uint8_t)part[2],
                                                   (uint8_t)part[3]};
    return true;
}

/* The first IPv4 address of a name. */
static bool look_up(const char *name, wasi_sockets_types_ipv4_address_t *address, wr_error *error) {
    wasi_sockets_ip_name_lookup_result_list_ip_address_error_code_t found = {0};
    role_string_t asked;
    role_string_set(&asked, name);
    role_subtask_status_t status = wasi_sockets_ip_name_lookup_resolve_addresses(asked, &found);
    if (!wr__wait_for_subtask(status, WR_TIMEOUT_MS))
        return wr_fail(error, "looking up the name %s: timeout", name);
    bool known = false;
    if (!found.is_err)
        for (size_t i = 0; i < found.val.ok.len && !known; i++) {
            known = found.val.ok.ptr[i].tag == WASI_SOCKETS_TYPES_IP_ADDRESS_IPV4;
            *address = found.val.ok.ptr[i].val.ipv4;
        }
    wasi_sockets_ip_name_lookup_result_list_ip_address_error_code_free(&found);
    return known || wr_fail(error, "looking up the name %s: it has no address that this role may know", name);
}

bool wr__address(const char *text, uint16_t port, wasi_sockets_types_ip_socket_address_t *address, wr_error *error) {
    address->tag = WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV4;
    address->val.ipv4.port = port;
    return is_literal(text, &address->val.ipv4.address) || look_up(text, &address->val.ipv4.address, error);
}

void wr__write_address(const wasi_sockets_types_ip_socket_address_t *address, char text[WR__ADDRESS_SIZE],
                       uint16_t *port) {
    if (address->tag == WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV4) {
        const wasi_sockets_types_ipv4_address_t *four = &address->val.ipv4.address;
        snprintf(text, WR__ADDRESS_SIZE, "%u.%u.%u.%u", four->f0, four->f1, four->f2, four->f3);
        *port = address->val.ipv4.port;
    } else {
        const wasi_sockets_types_ipv6_address_t *six = &address->val.ipv6.address;
        snprintf(text, WR__ADDRESS_SIZE, "[%x:%x:%x:%x:%x:%x:%x:%x]", six->f0, six->f1, six->f2, six->f3, six->f4,
                 six->f5, six->f6, six->f7);
        *port = address->val.ipv6.port;
    }
}

const wr_endpoint *wr__own_endpoint(const char *name, wasi_sockets_types_ip_socket_address_t *address,
                                    wr_error *error) {
    const wr_instance *instance = wr_current_instance();
    const wr_endpoint *endpoint = wr_endpoint_of(instance, name);
    if (endpoint == NULL) {
        wr_fail(error, "the service definition has no endpoint named %s for the role %s", name, instance->role);
        return NULL;
    }
    return wr__address(endpoint->address, endpoint->port, address, error) ? endpoint : NULL;
}
