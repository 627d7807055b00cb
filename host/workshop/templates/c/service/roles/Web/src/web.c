/* Web: greets, and shows what the worker says. */
#include <stdio.h>
#include <string.h>

#include "wasm_roles.h"

/* How long the worker may take. */
#define PATIENCE_MS 5000

/* Asks one instance of the worker. False with the reason if it does not answer. */
static bool ask(const wr_endpoint *endpoint, char *line, size_t size, wr_error *error) {
    wr_connection *connection = wr_connect(endpoint->address, endpoint->port, error);
    if (connection == NULL)
        return false;
    wr_set_timeout(connection, PATIENCE_MS);
    bool answered = wr_read_line(connection, line, size) == WR_LINE;
    wr_close(connection);
    return answered || wr_fail(error, "it said nothing");
}

/* What an instance of the worker says, or why there is no answer. */
static void add_what_the_worker_says(wr_response *response) {
    wr_error error = {"it has no instance"};
    char line[256];
    const wr_role_info *worker = wr_role("Worker");
    for (size_t i = 0; worker != NULL && i < worker->instance_count; i++) {
        const wr_endpoint *endpoint = wr_endpoint_of(&worker->instances[i], "Ask");
        if (endpoint != NULL && ask(endpoint, line, sizeof line, &error)) {
            wr_add_text(response, "%s\n", line);
            return;
        }
    }
    wr_add_text(response, "Worker does not answer: %s\n", error.text);
}

void wr_answer(const wr_request *request, wr_response *response) {
    wr_add_header(response, "content-type", "text/plain; charset=utf-8");
    if (strcmp(wr_method(request), "GET") == 0 && strcmp(wr_path(request), "/") == 0) {
        wr_add_text(response, "%s, says %s\n", wr_setting("Greeting"), wr_current_instance()->id);
        add_what_the_worker_says(response);
    } else {
        wr_set_status(response, 404);
        wr_add_text(response, "There is nothing here.\n");
    }
}
