/* What the parts of the SDK share, in a component and in tests. Nothing of it is for roles. */
#ifndef WASM_ROLES_INSIDE_H
#define WASM_ROLES_INSIDE_H

#include <stdarg.h>

#include "wasm_roles.h"

/* Memory, or the end of the instance. `wr__new` clears it. */
void *wr__grow(void *memory, size_t size);
void *wr__new(size_t size);

/* A copy that ends with a zero byte. */
char *wr__copy(const char *text, size_t length);

/* Frees what the SDK made and shows as `const`. */
void wr__release(const void *memory);

/* Frees it when the function of the role that may still look at it has returned. */
void wr__retire(const void *memory);

/* A function of the role has returned: what was retired is freed, and what was printed is written. */
void wr__has_returned(void);

/* A text that grows. Its bytes end with a zero byte once something was added. */
struct wr__text {
    char *bytes;
    size_t length;
    size_t room;
};

void wr__add(struct wr__text *text, const void *bytes, size_t size);
void wr__add_formatted(struct wr__text *text, const char *format, va_list arguments);

/* A header of a request or a response. */
struct wr__header {
    char *name;
    char *value;
};

struct wr_request {
    char *method;
    char *path;
    char *query;
    struct wr__header *headers;
    size_t header_count;
    struct wr__text body;
};

struct wr_response {
    int status;
    struct wr__header *headers;
    size_t header_count;
    struct wr__text body;
};

/* Splits what follows the authority of a URL into path and query. */
void wr__set_target(wr_request *request, const char *target, size_t length);
void wr__add_request_header(wr_request *request, const char *name, size_t name_length, const char *value,
                            size_t value_length);
void wr__free_request(wr_request *request);
void wr__free_response(wr_response *response);

#endif
