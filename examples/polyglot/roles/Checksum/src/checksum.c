/* Checksum: `SUM <text>` -> `OK <8 hexadecimal digits> <instance id>`. */
#include <stdio.h>
#include <string.h>

#include "sums.h"
#include "wasm_roles.h"

#define LONGEST_LINE 4096

static void answer(wr_connection *connection, void *context) {
    static const char verb[] = "SUM ";
    char line[LONGEST_LINE + 1];
    (void)context;
    switch (wr_read_line(connection, line, sizeof line)) {
    case WR_END:
        return;
    case WR_TOO_LONG:
        wr_printf(connection, "ERROR a line has at most %d bytes\n", LONGEST_LINE);
        return;
    case WR_LINE:
        break;
    }
    if (strncmp(line, verb, strlen(verb)) != 0) {
        wr_printf(connection, "ERROR this role understands SUM and a text after it\n");
        return;
    }
    const char *text = line + strlen(verb);
    /* Asked for each time: the setting can change while the instance runs. */
    const char *algorithm = wr_setting("Algorithm");
    sum of = sum_named(algorithm != NULL ? algorithm : "");
    if (of == NULL)
        wr_printf(connection, "ERROR there is no algorithm `%s`\n", algorithm != NULL ? algorithm : "");
    else
        wr_printf(connection, "OK %08lx %s\n", (unsigned long)of(text, strlen(text)), wr_current_instance()->id);
}

/* Whether the setting can be used; the reason if not. */
static bool is_known(const char *algorithm, wr_error *error) {
    if (algorithm != NULL && sum_named(algorithm) != NULL)
        return true;
    return wr_fail(error, "Algorithm is `%s`: it has to be `crc32` or `fnv1a`", algorithm != NULL ? algorithm : "");
}

bool wr_on_start(wr_error *error) {
    if (!is_known(wr_setting("Algorithm"), error) || !wr_serve("Sum", answer, NULL, error))
        return false;
    const wr_endpoint *endpoint = wr_endpoint_of(wr_current_instance(), "Sum");
    printf("Checksum listens on %s:%u\n", endpoint->address, endpoint->port);
    return true;
}

void wr_changed(const wr_change *changes, size_t count) {
    wr_error error;
    (void)changes;
    (void)count;
    if (!is_known(wr_setting("Algorithm"), &error))
        fprintf(stderr, "%s\n", error.text);
}
