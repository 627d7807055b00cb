/* Requests to others, inside of a call. */
#include <string.h>

#include "client.h"
#include "inside.h"
#include "waiting.h"

#define BUFFER 4096

/* The parts of a URL. */
struct url {
    bool secure;
    client_string_t authority;
    client_string_t target;
};

static bool parsed(const char *text, struct url *url) {
    static const char plain[] = "http://", secure[] = "https://";
    url->secure = strncmp(text, secure, strlen(secure)) == 0;
    if (!url->secure && strncmp(text, plain, strlen(plain)) != 0)
        return false;
    const char *authority = text + strlen(url->secure ? secure : plain);
    size_t length = strcspn(authority, "/?#");
    const char *target = authority + length;
    url->authority = (client_string_t){(uint8_t *)(uintptr_t)authority, length};
    url->target = (client_string_t){(uint8_t *)(uintptr_t)target, strcspn(target, "#")};
    return length > 0;
}

/* What is left of the time for all of it. */
static uint64_t left(uint64_t deadline) {
    uint64_t now = wr_now();
    return now < deadline ? deadline - now : 0;
}

/* Waits until the other side has taken what a future says. A future that was never said may not be dropped: one that nobody takes in
 * time is left behind. */
static bool was_taken(uint32_t writer, client_waitable_status_t status, uint64_t deadline) {
    return status != CLIENT_WAITABLE_STATUS_BLOCKED || wr__wait(writer, left(deadline), &status);
}

typedef outgoing_http_future_result_option_own_trailers_error_code_writer_t trailers_writer;
typedef outgoing_http_future_result_option_own_trailers_error_code_t end_reader;

static void send_no_trailers(trailers_writer writer, uint64_t deadline) {
    static const outgoing_http_result_option_own_trailers_error_code_t none;
    if (was_taken(writer, outgoing_http_future_result_option_own_trailers_error_code_write(writer, &none), deadline))
        outgoing_http_future_result_option_own_trailers_error_code_drop_writable(writer);
}

static void say_it_went_well(outgoing_http_future_result_void_error_code_writer_t writer, uint64_t deadline) {
    static const outgoing_http_result_void_error_code_t well;
    if (was_taken(writer, outgoing_http_future_result_void_error_code_write(writer, &well), deadline))
        outgoing_http_future_result_void_error_code_drop_writable(writer);
}

/* What comes after a body says whether it was whole. */
static bool ended_well(end_reader end, uint64_t deadline) {
    outgoing_http_result_option_own_trailers_error_code_t said = {.is_err = true};
    client_waitable_status_t status = outgoing_http_future_result_option_own_trailers_error_code_read(end, &said);
    if (status == CLIENT_WAITABLE_STATUS_BLOCKED && !wr__wait(end, left(deadline), &status))
        status = outgoing_http_future_result_option_own_trailers_error_code_cancel_read(end);
    if (CLIENT_WAITABLE_STATE(status) != CLIENT_WAITABLE_COMPLETED)
        return false;
    bool well = !said.is_err;
    outgoing_http_result_option_own_trailers_error_code_free(&said);
    return well;
}

/* Copies what fits; the rest is not read. False if it was lost on its way. */
static bool read_body(outgoing_http_own_response_t response, char *body, size_t size, uint64_t deadline) {
    outgoing_http_future_result_void_error_code_writer_t result;
    outgoing_http_tuple2_stream_u8_future_result_option_own_trailers_error_code_t parts;
    uint8_t buffer[BUFFER];
    size_t length = 0;
    outgoing_http_static_response_consume_body(response, outgoing_http_future_result_void_error_code_new(&result),
                                               &parts);
    size_t room = body != NULL && size > 0 ? size - 1 : 0;
    bool whole = room == 0, lost = false;
    while (length < room && !whole && !lost) {
        client_waitable_status_t status = outgoing_http_stream_u8_read(parts.f0, buffer, sizeof buffer);
        if (status == CLIENT_WAITABLE_STATUS_BLOCKED && !wr__wait(parts.f0, left(deadline), &status)) {
            status = outgoing_http_stream_u8_cancel_read(parts.f0);
            lost = CLIENT_WAITABLE_STATE(status) == CLIENT_WAITABLE_CANCELLED;
        }
        size_t count = CLIENT_WAITABLE_COUNT(status);
        size_t fits = count < room - length ? count : room - length;
        memcpy(body + length, buffer, fits);
        length += fits;
        whole = CLIENT_WAITABLE_STATE(status) == CLIENT_WAITABLE_DROPPED;
    }
    if (body != NULL && size > 0)
        body[length] = '\0';
    outgoing_http_stream_u8_drop_readable(parts.f0);
    if (whole && room > 0)
        lost = !ended_well(parts.f1, deadline);
    outgoing_http_future_result_option_own_trailers_error_code_drop_readable(parts.f1);
    say_it_went_well(result, deadline);
    return !lost;
}

static const char *word(const outgoing_http_error_code_t *error) {
    switch (error->tag) {
    case OUTGOING_HTTP_ERROR_CODE_DNS_TIMEOUT:
    case OUTGOING_HTTP_ERROR_CODE_DNS_ERROR: return "name-unresolvable";
    case OUTGOING_HTTP_ERROR_CODE_DESTINATION_IP_PROHIBITED:
    case OUTGOING_HTTP_ERROR_CODE_HTTP_REQUEST_DENIED: return "access-denied";
    case OUTGOING_HTTP_ERROR_CODE_CONNECTION_REFUSED: return "connection-refused";
    case OUTGOING_HTTP_ERROR_CODE_CONNECTION_TIMEOUT:
    case OUTGOING_HTTP_ERROR_CODE_CONNECTION_READ_TIMEOUT:
    case OUTGOING_HTTP_ERROR_CODE_HTTP_RESPONSE_TIMEOUT: return "timeout";
    case OUTGOING_HTTP_ERROR_CODE_CONNECTION_TERMINATED: return "connection-reset";
    case OUTGOING_HTTP_ERROR_CODE_DESTINATION_NOT_FOUND:
    case OUTGOING_HTTP_ERROR_CODE_DESTINATION_UNAVAILABLE:
    case OUTGOING_HTTP_ERROR_CODE_DESTINATION_IP_UNROUTABLE: return "destination-unavailable";
    case OUTGOING_HTTP_ERROR_CODE_TLS_CERTIFICATE_ERROR:
    case OUTGOING_HTTP_ERROR_CODE_TLS_PROTOCOL_ERROR:
    case OUTGOING_HTTP_ERROR_CODE_TLS_ALERT_RECEIVED: return "tls-error";
    default: return "http-error";
    }
}

int wr_http_get(const char *text, char *body, size_t size, wr_error *error) {
    struct url url;
    uint64_t deadline = wr_now() + WR_TIMEOUT_MS;
    if (!parsed(text, &url)) {
        wr_fail(error, "%s is no URL: it has to begin with http:// or https:// and a name", text);
        return -1;
    }
    trailers_writer trailers;
    outgoing_http_tuple2_own_request_future_result_void_error_code_t made;
    outgoing_http_static_request_new(
        outgoing_http_constructor_fields(), NULL,
        outgoing_http_future_result_option_own_trailers_error_code_new(&trailers), NULL, &made);
    outgoing_http_future_result_void_error_code_drop_readable(made.f1);
    outgoing_http_borrow_request_t request = outgoing_http_borrow_request(made.f0);
    outgoing_http_scheme_t scheme = {.tag = url.secure ? OUTGOING_HTTP_SCHEME_HTTPS : OUTGOING_HTTP_SCHEME_HTTP};
    if (!outgoing_http_method_request_set_scheme(request, &scheme) ||
        !outgoing_http_method_request_set_authority(request, &url.authority) ||
        (url.target.len > 0 && !outgoing_http_method_request_set_path_with_query(request, &url.target))) {
        outgoing_http_request_drop_own(made.f0);
        send_no_trailers(trailers, deadline);
        wr_fail(error, "%s is no URL", text);
        return -1;
    }
    wasi_http_client_result_own_response_error_code_t result = {0};
    bool returned = wr__wait_for_subtask(wasi_http_client_send(made.f0, &result), WR_TIMEOUT_MS);
    send_no_trailers(trailers, deadline);
    if (!returned || result.is_err) {
        wr_fail(error, "GET %s: %s", text, returned ? word(&result.val.err) : "timeout");
        if (returned)
            wasi_http_client_result_own_response_error_code_free(&result);
        return -1;
    }
    int status = outgoing_http_method_response_get_status_code(outgoing_http_borrow_response(result.val.ok));
    if (!read_body(result.val.ok, body, size, deadline)) {
        wr_fail(error, "GET %s: the body was lost on its way", text);
        return -1;
    }
    return status;
}
