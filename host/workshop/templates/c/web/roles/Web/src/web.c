/* Web: greets. */
#include <string.h>

#include "wasm_roles.h"

void wr_answer(const wr_request *request, wr_response *response) {
    wr_add_header(response, "content-type", "text/plain; charset=utf-8");
    if (strcmp(wr_method(request), "GET") == 0 && strcmp(wr_path(request), "/") == 0) {
        wr_add_text(response, "%s, says %s\n", wr_setting("Greeting"), wr_current_instance()->id);
    } else {
        wr_set_status(response, 404);
        wr_add_text(response, "There is nothing here.\n");
    }
}
