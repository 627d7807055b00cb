/* Answers as its paths say, so that a test can see what a web role in C does. */
#include <stdio.h>
#include <string.h>

#include "wasm_roles.h"

static unsigned requests, ticks;

static void tick(void *context) {
    (void)context;
    ticks++;
}

bool wr_on_start(wr_error *error) {
    (void)error;
    wr_every(10, tick, NULL);
    return true;
}

static void tell(const wr_request *request, wr_response *response) {
    const char *header = wr_header(request, "X-Test");
    wr_add_header(response, "content-type", "application/json");
    wr_add_text(response, "{\"method\":\"%s\",\"query\":", wr_method(request));
    wr_add_json(response, wr_query(request));
    wr_add_text(response, ",\"header\":");
    wr_add_json(response, header != NULL ? header : "");
    wr_add_text(response, ",\"id\":\"%s\"}", wr_current_instance()->id);
}

static void large(wr_response *response) {
    for (unsigned line = 0; line < 100000; line++)
        wr_add_text(response, "%09u\n", line);
}

static void fetch(const wr_request *request, wr_response *response) {
    wr_error error;
    char url[256] = "", body[256];
    wr_query_field(request, "url", url, sizeof url);
    int status = wr_http_get(url, body, sizeof body, &error);
    wr_set_status(response, status >= 0 ? 200 : 502);
    if (status >= 0)
        wr_add_text(response, "%d %s", status, body);
    else
        wr_add_text(response, "%s\n", error.text);
}

void wr_answer(const wr_request *request, wr_response *response) {
    const char *path = wr_path(request);
    requests++;
    if (strcmp(path, "/") == 0) {
        tell(request, response);
    } else if (strcmp(path, "/echo") == 0) {
        size_t size;
        const char *body = wr_body(request, &size);
        wr_set_status(response, 201);
        wr_add_header(response, "x-test", "yes");
        wr_add_body(response, body, size);
    } else if (strcmp(path, "/large") == 0) {
        large(response);
    } else if (strcmp(path, "/requests") == 0) {
        wr_add_text(response, "%u\n", requests);
    } else if (strcmp(path, "/ticks") == 0) {
        wr_add_text(response, "%u\n", ticks);
    } else if (strcmp(path, "/fetch") == 0) {
        fetch(request, response);
    } else if (strcmp(path, "/odd") == 0) {
        wr_add_header(response, "not a name", "x");
        wr_add_header(response, "x-good", "yes");
        wr_set_status(response, 204);
        wr_add_text(response, "this is not sent");
    } else {
        wr_set_status(response, 404);
    }
}
