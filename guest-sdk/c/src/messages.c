/* Requests and responses, wherever they come from and go to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

static char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool same_name(const char *one, const char *other) {
    for (; *one != '\0' && lower(*one) == lower(*other); one++)
        other++;
    return *one == '\0' && *other == '\0';
}

static void add_header(struct wr__header **headers, size_t *count, char *name, char *value) {
    *headers = wr__grow(*headers, (*count + 1) * sizeof **headers);
    (*headers)[*count] = (struct wr__header){name, value};
    (*count)++;
}

static void free_headers(struct wr__header *headers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(headers[i].name);
        free(headers[i].value);
    }
    free(headers);
}

void wr__set_target(wr_request *request, const char *target, size_t length) {
    const char *mark = length > 0 ? memchr(target, '?', length) : NULL;
    size_t path = mark != NULL ? (size_t)(mark - target) : length;
    request->path = wr__copy(target, path);
    request->query = mark != NULL ? wr__copy(mark + 1, length - path - 1) : wr__copy("", 0);
}

void wr__add_request_header(wr_request *request, const char *name, size_t name_length, const char *value,
                            size_t value_length) {
    add_header(&request->headers, &request->header_count, wr__copy(name, name_length), wr__copy(value, value_length));
}

void wr__free_request(wr_request *request) {
    free(request->method);
    free(request->path);
    free(request->query);
    free_headers(request->headers, request->header_count);
    free(request->body.bytes);
}

void wr__free_response(wr_response *response) {
    free_headers(response->headers, response->header_count);
    free(response->body.bytes);
}

const char *wr_method(const wr_request *request) {
    return request->method;
}

const char *wr_path(const wr_request *request) {
    return request->path;
}

const char *wr_query(const wr_request *request) {
    return request->query;
}

const char *wr_header(const wr_request *request, const char *name) {
    for (size_t i = 0; i < request->header_count; i++)
        if (same_name(request->headers[i].name, name))
            return request->headers[i].value;
    return NULL;
}

const char *wr_body(const wr_request *request, size_t *size) {
    if (size != NULL)
        *size = request->body.length;
    return request->body.bytes != NULL ? request->body.bytes : "";
}

static int hexadecimal(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = lower(digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The next byte of a query, decoded; moves on behind it. */
static char decoded(const char **from, const char *end) {
    char byte = *(*from)++;
    if (byte == '+')
        return ' ';
    if (byte == '%' && end - *from >= 2 && hexadecimal((*from)[0]) >= 0 && hexadecimal((*from)[1]) >= 0) {
        byte = (char)(hexadecimal((*from)[0]) * 16 + hexadecimal((*from)[1]));
        *from += 2;
    }
    return byte;
}

static bool is_named(const char *field, const char *end, const char *name) {
    while (field < end && *name != '\0')
        if (decoded(&field, end) != *name++)
            return false;
    return field == end && *name == '\0';
}

bool wr_query_field(const wr_request *request, const char *name, char *value, size_t size) {
    for (const char *field = request->query; *field != '\0';) {
        const char *end = field + strcspn(field, "&");
        const char *equals = memchr(field, '=', (size_t)(end - field));
        const char *name_end = equals != NULL ? equals : end;
        if (is_named(field, name_end, name)) {
            size_t length = 0;
            for (const char *byte = equals != NULL ? equals + 1 : end; byte < end && length + 1 < size;)
                value[length++] = decoded(&byte, end);
            if (size > 0)
                value[length] = '\0';
            return true;
        }
        field = *end == '&' ? end + 1 : end;
    }
    return false;
}

void wr_set_status(wr_response *response, int status) {
    response->status = status >= 200 && status <= 599 ? status : 500;
}

void wr_add_header(wr_response *response, const char *name, const char *value) {
    add_header(&response->headers, &response->header_count, wr__copy(name, strlen(name)),
               wr__copy(value, strlen(value)));
}

void wr_add_body(wr_response *response, const void *bytes, size_t size) {
    wr__add(&response->body, bytes, size);
}

void wr_add_text(wr_response *response, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    wr__add_formatted(&response->body, format, arguments);
    va_end(arguments);
}

void wr_add_json(wr_response *response, const char *text) {
    wr_add_body(response, "\"", 1);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            wr_add_text(response, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            wr_add_text(response, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            wr_add_body(response, text, 1);
    }
    wr_add_body(response, "\"", 1);
}

void wr_add_html(wr_response *response, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': wr_add_text(response, "&lt;"); break;
        case '>': wr_add_text(response, "&gt;"); break;
        case '&': wr_add_text(response, "&amp;"); break;
        case '"': wr_add_text(response, "&quot;"); break;
        case '\'': wr_add_text(response, "&#39;"); break;
        default: wr_add_body(response, text, 1);
        }
    }
}
