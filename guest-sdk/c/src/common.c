/* What is the same in a component and in a test on the developer's machine. */
#include "inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool wr_fail(wr_error *error, const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return false;
}

void *wr__grow(void *memory, size_t size) {
    void *grown = realloc(memory, size > 0 ? size : 1);
    if (grown == NULL) {
        /* The instance ends, and the fabric starts it again. */
        fputs("there is no memory left\n", stderr);
        abort();
    }
    return grown;
}

void *wr__new(size_t size) {
    return memset(wr__grow(NULL, size), 0, size);
}

char *wr__copy(const char *text, size_t length) {
    char *copy = wr__grow(NULL, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void wr__release(const void *memory) {
    free((void *)(uintptr_t)memory);
}

static struct {
    const void **memory;
    size_t count;
    size_t room;
} retired;

void wr__retire(const void *memory) {
    if (retired.count == retired.room) {
        retired.room = (retired.room + 8) * 2;
        retired.memory = wr__grow(retired.memory, retired.room * sizeof *retired.memory);
    }
    retired.memory[retired.count++] = memory;
}

void wr__has_returned(void) {
    fflush(stdout);
    for (size_t i = 0; i < retired.count; i++)
        wr__release(retired.memory[i]);
    retired.count = 0;
}

const wr_endpoint *wr_endpoint_of(const wr_instance *instance, const char *name) {
    for (size_t i = 0; i < instance->endpoint_count; i++)
        if (strcmp(instance->endpoints[i].name, name) == 0)
            return &instance->endpoints[i];
    return NULL;
}

const wr_role_info *wr_role(const char *name) {
    size_t count;
    const wr_role_info *roles = wr_roles(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    return NULL;
}

wr_line wr_read_line(wr_connection *connection, char *line, size_t size) {
    size_t length = 0;
    if (size == 0)
        return WR_TOO_LONG;
    for (;;) {
        char byte;
        ptrdiff_t got = wr_read(connection, &byte, 1);
        if (got != 1 && (got < 0 || length == 0)) {
            line[0] = '\0';
            return WR_END;
        }
        if (got == 1 && byte != '\n') {
            /* One more than fits may still be the `\r` of the line break. */
            if (length + 1 >= size && !(byte == '\r' && length + 1 == size)) {
                line[length < size ? length : size - 1] = '\0';
                return WR_TOO_LONG;
            }
            if (length < size)
                line[length] = byte;
            length++;
            continue;
        }
        if (length > 0 && got == 1 && (length == size || line[length - 1] == '\r'))
            length--;
        line[length] = '\0';
        return WR_LINE;
    }
}

bool wr_printf(wr_connection *connection, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    struct wr__text text = {0};
    wr__add_formatted(&text, format, arguments);
    va_end(arguments);
    bool sent = wr_write(connection, text.bytes, text.length);
    free(text.bytes);
    return sent;
}

/* Makes room for so many bytes more, and a zero byte after them. */
static void make_room(struct wr__text *text, size_t size) {
    if (text->room - text->length > size)
        return;
    text->room = (text->length + size + 1) * 2;
    text->bytes = wr__grow(text->bytes, text->room);
}

void wr__add(struct wr__text *text, const void *bytes, size_t size) {
    make_room(text, size);
    if (size > 0)
        memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
    text->bytes[text->length] = '\0';
}

void wr__add_formatted(struct wr__text *text, const char *format, va_list arguments) {
    static const size_t usual = 100;
    va_list again;
    va_copy(again, arguments);
    make_room(text, usual);
    int length = vsnprintf(text->bytes + text->length, text->room - text->length, format, arguments);
    if (length > 0 && (size_t)length >= text->room - text->length) {
        make_room(text, (size_t)length);
        length = vsnprintf(text->bytes + text->length, text->room - text->length, format, again);
    }
    va_end(again);
    text->length += length > 0 ? (size_t)length : 0;
    text->bytes[text->length] = '\0';
}
