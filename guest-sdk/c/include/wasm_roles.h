/* Write a role of a cloud service in C.
 *
 * A role defines some of the functions of the first part: `wr_on_start` says what its instances do, with `wr_serve` for the
 * endpoints that they answer on and `wr_every` for what they do from time to time. A web role defines `wr_answer`. The
 * rest of this file is what a role can call. Everything begins with `wr_`; the names are those of the service model.
 *
 *     #include "wasm_roles.h"
 *
 *     static void answer(wr_connection *connection, void *context) {
 *         char line[128];
 *         (void)context;
 *         if (wr_read_line(connection, line, sizeof line) == WR_LINE)
 *             wr_printf(connection, "%s, %s\n", wr_setting("Greeting"), line);
 *     }
 *
 *     bool wr_on_start(wr_error *error) {
 *         return wr_serve("Greeter", answer, NULL, error);
 *     }
 *
 * One thread, and turns
 *
 * An instance has one thread. The functions that you define are called one after the other, never two at once, so
 * ordinary variables are all that is needed to share state. Between the calls the instance waits, and hears events. Whatever
 * waits inside of a call (`wr_read`, `wr_write`, `wr_connect`, `wr_sleep`) keeps everything else waiting, and so does a
 * computation: keep calls short. Every such wait but `wr_sleep` has a time limit.
 *
 * `printf` writes to the log of the instance, a line at a time.
 *
 * Texts are UTF-8 and end with a zero byte. What the functions return belongs to the SDK, and is valid until the function of
 * yours that asked for it returns, unless they say otherwise. Copy what you want to keep.
 */
#ifndef WASM_ROLES_H
#define WASM_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WR_FORMAT(string, first) __attribute__((__format__(__printf__, string, first)))
#else
#define WR_FORMAT(string, first)
#endif

/* ---- Errors ---- */

/* Why something was not done, as a sentence for people. */
typedef struct wr_error {
    char text[512];
} wr_error;

/* Writes the sentence, cut to what fits, and returns false: `return wr_fail(error, "no table %s", name);`. `error` may
 * be NULL. */
bool wr_fail(wr_error *error, const char *format, ...) WR_FORMAT(2, 3);

/* ---- What a role defines. Each has a default, so define what you need. ---- */

/* Something that changes while the service runs. */
typedef enum wr_change_kind {
    WR_CONFIGURATION_SETTING, /* the setting `name` has, or will have, another value */
    WR_TOPOLOGY,              /* instances of the role `name` come or go */
} wr_change_kind;

typedef struct wr_change {
    wr_change_kind kind;
    const char *name;
} wr_change;

/* The answer to a change that is about to be made. */
typedef enum wr_verdict {
    WR_ACCEPT,  /* change it while the instance runs */
    WR_RECYCLE, /* stop the instance, change it, start it again */
} wr_verdict;

/* Whether the instance can take traffic. */
typedef enum wr_status {
    WR_READY,
    WR_BUSY, /* takes the instance out of the rotation until it is asked again */
} wr_status;

/* Called once, before the instance takes traffic. False keeps it from starting: it is tried again later, and the text of the
 * error is shown as the reason. The default does nothing. */
bool wr_on_start(wr_error *error);

/* The instance has left the rotation and is about to end. The fabric waits for the stop budget, 30 seconds unless configured,
 * then cuts it off. */
void wr_on_stop(void);

/* A change is about to be made; settings have their old values. The default accepts. 10 seconds. */
wr_verdict wr_changing(const wr_change *changes, size_t count);

/* A change has been made; settings have their new values. */
void wr_changed(const wr_change *changes, size_t count);

/* Asked at regular intervals. The default is ready. 10 seconds. */
wr_status wr_status_check(void);

/* The instance has left the rotation; `wr_on_stop` follows. */
void wr_stopping(void);

/* As `wr_changing` and `wr_changed`, for a change of topology that all instances are told of at once. It cannot be refused. */
void wr_simultaneous_changing(const wr_change *changes, size_t count);
void wr_simultaneous_changed(const wr_change *changes, size_t count);

/* ---- The environment ---- */

typedef enum wr_endpoint_kind {
    WR_INPUT,          /* public, balanced over the ready instances of the role */
    WR_INSTANCE_INPUT, /* public, one port for each instance */
    WR_INTERNAL,       /* between the instances of the deployment, as the traffic rules allow */
} wr_endpoint_kind;

/* The protocol that the service definition names for an endpoint. */
typedef enum wr_protocol { WR_HTTP, WR_HTTPS, WR_TCP, WR_UDP, WR_ANY } wr_protocol;

/* One endpoint of one role instance. */
typedef struct wr_endpoint {
    const char *name; /* unique within the role */
    wr_endpoint_kind kind;
    wr_protocol protocol;
    const char *address;  /* the instance's own, such as `10.0.0.4` */
    uint16_t port;        /* the first one if it is a range; 0 for protocol `any` without a port */
    uint16_t last_port;   /* the last port if it is a range of ports, else 0 */
    uint16_t public_port; /* as seen from outside; 0 for an internal endpoint */
} wr_endpoint;

/* One running copy of a role. */
typedef struct wr_instance {
    const char *id;   /* `<role>_IN_<n>`, n counted from 0 */
    const char *role; /* the name of its role */
    uint32_t fault_domain;
    uint32_t update_domain;
    const wr_endpoint *endpoints; /* in the order of the service definition */
    size_t endpoint_count;
} wr_instance;

/* A role, as this instance may see it: all instances if the role has an internal endpoint, otherwise none but itself. */
typedef struct wr_role_info {
    const char *name;
    const wr_instance *instances;
    size_t instance_count;
} wr_role_info;

/* A directory of the instance's own. */
typedef struct wr_local_resource_info {
    const char *name;
    const char *path; /* for `fopen` and the like, such as `/local/cache` */
    uint64_t size_in_megabytes;
} wr_local_resource_info;

/* The id of the deployment: 32 hexadecimal digits, another for each deployment. */
const char *wr_deployment_id(void);

/* Whether the service runs in a test bed on a developer's machine. */
bool wr_is_emulated(void);

/* This instance. Valid as long as it runs. */
const wr_instance *wr_current_instance(void);

/* All roles in the order of the service definition. */
const wr_role_info *wr_roles(size_t *count);

/* The role of this name, or NULL if the definition has none. */
const wr_role_info *wr_role(const char *name);

/* The endpoint of this name, or NULL if the instance has none. Valid as long as the instance. */
const wr_endpoint *wr_endpoint_of(const wr_instance *instance, const char *name);

/* The value of a setting, as the configuration has it now, or NULL if the definition declares none of this name. */
const char *wr_setting(const char *name);

/* A local storage directory, or NULL if the definition declares none of this name. */
const wr_local_resource_info *wr_local_resource(const char *name);

/* Asks to be stopped and started again. Returns at once. */
void wr_request_recycle(void);

/* ---- Time ---- */

/* Something to be done later. */
typedef struct wr_timer wr_timer;

/* Calls `tick` every so many milliseconds, the first time after that time; a tick that comes late moves the next one. */
wr_timer *wr_every(uint64_t milliseconds, void (*tick)(void *context), void *context);

/* Calls `tick` once. */
wr_timer *wr_after(uint64_t milliseconds, void (*tick)(void *context), void *context);

/* It is not called any more, and `timer` is no longer valid. A timer of `wr_after` that was called is not valid either. */
void wr_cancel(wr_timer *timer);

/* Milliseconds on a clock that only goes forward. */
uint64_t wr_now(void);

/* Waits, and everything else in the instance with it: for tests and small pauses. `wr_after` lets the others go on. */
void wr_sleep(uint64_t milliseconds);

/* Ends the role's work, as if its `run` had returned: the instance is recycled. `reason` is shown as the error that it returned;
 * NULL if there was none. */
void wr_finish(const char *reason);

/* ---- TCP ---- */

/* A TCP connection. */
typedef struct wr_connection wr_connection;

/* What answers on an endpoint. Called when the client has sent its first bytes, or has sent all that it wants to; the connection is
 * closed when it returns, unless it calls `wr_keep`. */
typedef void (*wr_handler)(wr_connection *connection, void *context);

/* How long one wait for a peer may take, unless `wr_set_timeout` says otherwise. */
#define WR_TIMEOUT_MS 10000

/* How many connections of one endpoint wait for their first bytes; more wait in the queue of the network. */
#define WR_WAITING_CONNECTIONS 256

/* Listens on the endpoint of this name. Usually called in `wr_on_start`. False if the definition declares no such endpoint or the
 * network refuses. */
bool wr_serve(const char *endpoint, wr_handler handler, void *context, wr_error *error);

/* As `wr_serve`, for protocols in which the server speaks first: the handler is called as soon as somebody has connected. */
bool wr_greet(const char *endpoint, wr_handler handler, void *context, wr_error *error);

/* Connects to an instance, by address: `wr_connect(endpoint->address, endpoint->port, &error)`. NULL if that is not to be. The text
 * of the error ends with the network's own word for it, such as `access-denied` or `connection-refused`. */
wr_connection *wr_connect(const char *address, uint16_t port, wr_error *error);

/* The connection is not closed when its handler returns. Whoever keeps it calls `wr_close`, then or before. */
void wr_keep(wr_connection *connection);

/* Closes a connection that was connected or kept. NULL does nothing. */
void wr_close(wr_connection *connection);

/* How long each wait for this peer may take from now on. */
void wr_set_timeout(wr_connection *connection, uint64_t milliseconds);

/* Up to `size` bytes: more than 0 if there are some, 0 when the peer has sent everything, -1 when the connection was
 * lost or the time is over. */
ptrdiff_t wr_read(wr_connection *connection, void *bytes, size_t size);

typedef enum wr_line {
    WR_LINE,     /* there is a line, without its line break */
    WR_TOO_LONG, /* there is one that does not fit; what fits is there, and the rest is not read */
    WR_END,      /* there is none: the peer has sent everything, was lost, or the time is over */
} wr_line;

/* Reads up to the next line break, `\n` or `\r\n`. A last line without one is a line. */
wr_line wr_read_line(wr_connection *connection, char *line, size_t size);

/* Sends all of it. False when the connection was lost or the time is over. */
bool wr_write(wr_connection *connection, const void *bytes, size_t size);

/* Sends a text. False as for `wr_write`. */
bool wr_printf(wr_connection *connection, const char *format, ...) WR_FORMAT(2, 3);

/* The address of the peer, such as `10.0.0.5:41234`. Valid as long as the connection. */
const char *wr_peer(wr_connection *connection);

/* ---- UDP ---- */

/* A UDP socket. */
typedef struct wr_socket wr_socket;

/* Called with a datagram that has come in, and where from. */
typedef void (*wr_datagram)(wr_socket *socket, const void *bytes, size_t size, const char *address, uint16_t port,
                            void *context);

/* Takes datagrams for the endpoint of this name. */
bool wr_receive(const char *endpoint, wr_datagram datagram, void *context, wr_error *error);

/* A socket for asking others, with a port that the network chooses. NULL if that is not to be. */
wr_socket *wr_open_socket(wr_error *error);

/* Sends a datagram. */
bool wr_send_to(wr_socket *socket, const void *bytes, size_t size, const char *address, uint16_t port, wr_error *error);

/* Waits for the next datagram at a socket of `wr_open_socket`: its size, cut to `size`; -1 when none came in `milliseconds`. */
ptrdiff_t wr_wait_for_datagram(wr_socket *socket, void *bytes, size_t size, uint64_t milliseconds);

/* Closes a socket of `wr_open_socket`. NULL does nothing. */
void wr_close_socket(wr_socket *socket);

/* ---- Web roles: link with `WEB := yes` in the Makefile ---- */

/* A request, complete with its body. */
typedef struct wr_request wr_request;

/* The response to it: status 200, without headers and body, until you say otherwise. */
typedef struct wr_response wr_response;

/* How large the body of a request may be; a larger one is answered with 413 without calling the role. */
#define WR_REQUEST_BODY_MAX ((size_t)1 << 20)

/* A web role defines it. It is called for each request that no file of the site answers. */
void wr_answer(const wr_request *request, wr_response *response);

/* `GET`, `POST`, ... */
const char *wr_method(const wr_request *request);

/* The path without the query, such as `/orders/7`. */
const char *wr_path(const wr_request *request);

/* What follows the `?`, as it was sent; an empty text if there is none. */
const char *wr_query(const wr_request *request);

/* Copies the decoded value of a field of the query, cut to what fits. False if there is none of this name. */
bool wr_query_field(const wr_request *request, const char *name, char *value, size_t size);

/* The first value of a header, whatever the case of its name; NULL if there is none. */
const char *wr_header(const wr_request *request, const char *name);

/* The body; it also ends with a zero byte that `size` does not count. */
const char *wr_body(const wr_request *request, size_t *size);

/* Sets the status, 200 to 599. */
void wr_set_status(wr_response *response, int status);

/* Adds a header. */
void wr_add_header(wr_response *response, const char *name, const char *value);

/* Adds to the body. */
void wr_add_body(wr_response *response, const void *bytes, size_t size);

/* Adds to the body. */
void wr_add_text(wr_response *response, const char *format, ...) WR_FORMAT(2, 3);

/* Adds a text as a JSON string, with its quotes. */
void wr_add_json(wr_response *response, const char *text);

/* Adds a text to a page, with `<`, `>`, `&` and quotes escaped. */
void wr_add_html(wr_response *response, const char *text);

/* ---- Requests to others: link with `HTTP_CLIENT := yes` in the Makefile ---- */

/* GETs a URL such as `http://WorkerRole1:8080/` and copies the body, cut to what fits; `body` may be NULL. The status, or -1 with the
 * reason, also when the body was lost on its way. All of it takes at most `WR_TIMEOUT_MS`. */
int wr_http_get(const char *url, char *body, size_t size, wr_error *error);

#ifdef __cplusplus
}
#endif

#endif
