/* `wasi:http/handler`: a request is read while others go on, answered in one go, and its response is sent while others go on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"
#include "web.h"

#define BUFFER 4096

/* What there is no more of. A handle of 0 is none. */
typedef wasi_http_types_future_result_void_error_code_writer_t result_writer;
typedef wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers_writer;

/* One request and its response. */
struct exchange {
    web_waitable_set_t set;
    bool answered;
    bool cut; /* the body was lost on its way */
    wr_request request;
    wr_response response;
    wasi_http_types_stream_u8_t in;
    wasi_http_types_future_result_option_own_trailers_error_code_t in_trailers;
    wasi_http_types_result_option_own_trailers_error_code_t in_end; /* written by the host while a read is under way */
    result_writer in_result;
    wasi_http_types_stream_u8_writer_t out;
    size_t sent;
    trailers_writer out_trailers;
    /* What the futures say; read by the host while a write is under way. */
    wasi_http_types_result_void_error_code_t well;
    wasi_http_types_result_option_own_trailers_error_code_t without_trailers;
    uint8_t buffer[BUFFER];
};

static void read_head(struct exchange *exchange, wasi_http_types_borrow_request_t from) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    wr_request *request = &exchange->request;
    wasi_http_types_method_t method;
    wasi_http_types_method_request_get_method(from, &method);
    if (method.tag < sizeof methods / sizeof methods[0])
        request->method = wr__copy(methods[method.tag], strlen(methods[method.tag]));
    else
        request->method = wr__copy((const char *)method.val.other.ptr, method.val.other.len);
    wasi_http_types_method_free(&method);

    web_string_t target;
    if (wasi_http_types_method_request_get_path_with_query(from, &target)) {
        wr__set_target(request, (const char *)target.ptr, target.len);
        web_string_free(&target);
    } else {
        wr__set_target(request, "/", 1);
    }

    wasi_http_types_own_headers_t headers = wasi_http_types_method_request_get_headers(from);
    wasi_http_types_list_tuple2_field_name_field_value_t all;
    wasi_http_types_method_fields_copy_all(wasi_http_types_borrow_fields(headers), &all);
    for (size_t i = 0; i < all.len; i++)
        wr__add_request_header(request, (const char *)all.ptr[i].f0.ptr, all.ptr[i].f0.len,
                               (const char *)all.ptr[i].f1.ptr, all.ptr[i].f1.len);
    wasi_http_types_list_tuple2_field_name_field_value_free(&all);
    wasi_http_types_fields_drop_own(headers);
}

/* ---- The response ---- */

static bool has_header(const wr_response *response, const char *name) {
    wr_request lookup = {.headers = response->headers, .header_count = response->header_count};
    return wr_header(&lookup, name) != NULL;
}

static wasi_http_types_own_headers_t headers_of(const wr_response *response) {
    wasi_http_types_own_fields_t fields = wasi_http_types_constructor_fields();
    for (size_t i = 0; i < response->header_count; i++) {
        const struct wr__header *header = &response->headers[i];
        wasi_http_types_field_name_t name;
        wasi_http_types_field_value_t value = {(uint8_t *)header->value, strlen(header->value)};
        wasi_http_types_header_error_t why;
        web_string_set(&name, header->name);
        if (!wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(fields), &name, &value, &why)) {
            fprintf(stderr, "the header %s is left out of a response: its name or its value is not allowed\n", header->name);
            wasi_http_types_header_error_free(&why);
        }
    }
    return fields;
}

static void respond(struct exchange *exchange) {
    wr_response *response = &exchange->response;
    bool may_have_body = response->status != 204 && response->status != 304;
    if (!may_have_body)
        response->body.length = 0;
    else if (!has_header(response, "content-length")) {
        char length[24];
        snprintf(length, sizeof length, "%zu", response->body.length);
        wr_add_header(response, "content-length", length);
    }
    wasi_http_types_stream_u8_t contents = 0;
    if (response->body.length > 0)
        contents = wasi_http_types_stream_u8_new(&exchange->out);
    wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
    wasi_http_types_static_response_new(
        headers_of(response), response->body.length > 0 ? &contents : NULL,
        wasi_http_types_future_result_option_own_trailers_error_code_new(&exchange->out_trailers), &made);
    wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
    wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0),
                                                    (uint16_t)response->status);
    exports_wasi_http_handler_result_own_response_error_code_t result = {.is_err = false};
    result.val.ok = made.f0;
    exports_wasi_http_handler_handle_return(result);
}

static void answer(struct exchange *exchange) {
    wr_response *response = &exchange->response;
    response->status = 200;
    if (exchange->cut) {
        /* The role is not to act on half of what somebody wanted to say. */
        wr_set_status(response, 400);
    } else if (exchange->request.body.length > WR_REQUEST_BODY_MAX) {
        wr_set_status(response, 413);
        wr_add_header(response, "content-type", "text/plain; charset=utf-8");
        wr_add_text(response, "the body of a request may have %zu bytes\n", WR_REQUEST_BODY_MAX);
    } else {
        wr_answer(&exchange->request, response);
    }
    wr__has_returned();
}

/* ---- One step after the other, each as far as it goes ---- */

/* Whether something is done; if it is not, the exchange waits for it. */
static bool is_done(struct exchange *exchange, uint32_t waitable, web_waitable_status_t status) {
    if (status != WEB_WAITABLE_STATUS_BLOCKED)
        return true;
    web_waitable_join(waitable, exchange->set);
    return false;
}

static void forget_trailers(struct exchange *exchange) {
    wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(exchange->in_trailers);
    exchange->in_trailers = 0;
}

static void received(struct exchange *exchange, web_waitable_status_t status) {
    wr__add(&exchange->request.body, exchange->buffer, WEB_WAITABLE_COUNT(status));
    bool ended = WEB_WAITABLE_STATE(status) == WEB_WAITABLE_DROPPED;
    bool too_large = exchange->request.body.length > WR_REQUEST_BODY_MAX;
    if (ended || too_large) {
        wasi_http_types_stream_u8_drop_readable(exchange->in);
        exchange->in = 0;
    }
    if (too_large)
        forget_trailers(exchange);
}

/* What comes after the body says whether it was whole. */
static void received_end(struct exchange *exchange) {
    exchange->cut = exchange->in_end.is_err;
    if (!exchange->in_end.is_err && exchange->in_end.val.ok.is_some)
        wasi_http_types_fields_drop_own(exchange->in_end.val.ok.val);
    if (exchange->in_end.is_err)
        wasi_http_types_error_code_free(&exchange->in_end.val.err);
    forget_trailers(exchange);
}

static void told_result(struct exchange *exchange) {
    wasi_http_types_future_result_void_error_code_drop_writable(exchange->in_result);
    exchange->in_result = 0;
}

static void sent(struct exchange *exchange, web_waitable_status_t status) {
    exchange->sent += WEB_WAITABLE_COUNT(status);
    bool gone = WEB_WAITABLE_STATE(status) == WEB_WAITABLE_DROPPED;
    if (gone || exchange->sent == exchange->response.body.length) {
        wasi_http_types_stream_u8_drop_writable(exchange->out);
        exchange->out = 0;
    }
}

static void told_trailers(struct exchange *exchange) {
    wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(exchange->out_trailers);
    exchange->out_trailers = 0;
}

static web_callback_code_t go_on(struct exchange *exchange) {
    web_waitable_status_t status;
    while (exchange->in != 0) {
        status = wasi_http_types_stream_u8_read(exchange->in, exchange->buffer, BUFFER);
        if (!is_done(exchange, exchange->in, status))
            return WEB_CALLBACK_CODE_WAIT(exchange->set);
        received(exchange, status);
    }
    if (exchange->in_trailers != 0) {
        status = wasi_http_types_future_result_option_own_trailers_error_code_read(exchange->in_trailers,
                                                                                   &exchange->in_end);
        if (!is_done(exchange, exchange->in_trailers, status))
            return WEB_CALLBACK_CODE_WAIT(exchange->set);
        received_end(exchange);
    }
    if (!exchange->answered) {
        exchange->answered = true;
        answer(exchange);
        respond(exchange);
    }
    while (exchange->out != 0) {
        status = wasi_http_types_stream_u8_write(exchange->out,
                                                 (const uint8_t *)exchange->response.body.bytes + exchange->sent,
                                                 exchange->response.body.length - exchange->sent);
        if (!is_done(exchange, exchange->out, status))
            return WEB_CALLBACK_CODE_WAIT(exchange->set);
        sent(exchange, status);
    }
    if (exchange->out_trailers != 0) {
        status = wasi_http_types_future_result_option_own_trailers_error_code_write(exchange->out_trailers,
                                                                                    &exchange->without_trailers);
        if (!is_done(exchange, exchange->out_trailers, status))
            return WEB_CALLBACK_CODE_WAIT(exchange->set);
        told_trailers(exchange);
    }
    if (exchange->in_result != 0) {
        status = wasi_http_types_future_result_void_error_code_write(exchange->in_result, &exchange->well);
        if (!is_done(exchange, exchange->in_result, status))
            return WEB_CALLBACK_CODE_WAIT(exchange->set);
        told_result(exchange);
    }
    web_waitable_set_drop(exchange->set);
    wr__free_request(&exchange->request);
    wr__free_response(&exchange->response);
    free(exchange);
    return WEB_CALLBACK_CODE_EXIT;
}

web_callback_code_t exports_wasi_http_handler_handle(exports_wasi_http_handler_own_request_t request) {
    struct exchange *exchange = wr__new(sizeof *exchange);
    exchange->set = web_waitable_set_new();
    web_context_set_0(exchange);
    read_head(exchange, wasi_http_types_borrow_request(request));
    wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t body;
    wasi_http_types_static_request_consume_body(
        request, wasi_http_types_future_result_void_error_code_new(&exchange->in_result), &body);
    exchange->in = body.f0;
    exchange->in_trailers = body.f1;
    return go_on(exchange);
}

web_callback_code_t exports_wasi_http_handler_handle_callback(web_event_t *event) {
    struct exchange *exchange = web_context_get_0();
    if (event->event == WEB_EVENT_CANCEL) {
        /* Nobody waits for the answer; what is under way ends with the host's side of it. */
        if (!exchange->answered)
            web_task_cancel();
        return WEB_CALLBACK_CODE_EXIT;
    }
    if (event->waitable != 0)
        web_waitable_join(event->waitable, 0);
    switch (event->event) {
    case WEB_EVENT_STREAM_READ: received(exchange, event->code); break;
    case WEB_EVENT_STREAM_WRITE: sent(exchange, event->code); break;
    case WEB_EVENT_FUTURE_READ: received_end(exchange); break;
    case WEB_EVENT_FUTURE_WRITE:
        if (event->waitable == exchange->out_trailers)
            told_trailers(exchange);
        else
            told_result(exchange);
        break;
    default: break;
    }
    return go_on(exchange);
}
