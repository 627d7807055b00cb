/* Addresses and errors of the network, as texts. */
#ifndef WASM_ROLES_ADDRESSES_H
#define WASM_ROLES_ADDRESSES_H

#include "inside.h"
#include "role.h"

/* The network's own word for an error, such as `connection-refused`. */
const char *wr__word(const wasi_sockets_types_error_code_t *error);

/* An IPv4 address and port; a name is looked up. Writes the reason when that fails. */
bool wr__address(const char *text, uint16_t port, wasi_sockets_types_ip_socket_address_t *address, wr_error *error);

/* Such as `10.0.0.4`. */
#define WR__ADDRESS_SIZE 64
void wr__write_address(const wasi_sockets_types_ip_socket_address_t *address, char text[WR__ADDRESS_SIZE],
                       uint16_t *port);

/* The endpoint of this instance, and where to bind for it. */
const wr_endpoint *wr__own_endpoint(const char *name, wasi_sockets_types_ip_socket_address_t *address,
                                    wr_error *error);

#endif
