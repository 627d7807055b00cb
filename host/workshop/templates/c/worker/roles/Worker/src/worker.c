/* Worker: ticks, and tells whoever connects how often it has. */
#include <stdio.h>
#include <stdlib.h>

#include "wasm_roles.h"

/* An instance has one thread: variables are all that its functions need to share what changes. */
static unsigned long ticks;

/* Seconds between ticks, as the configuration has them now; 0 with the reason if that is no such number. */
static unsigned long tick_seconds(wr_error *error) {
    const char *setting = wr_setting("TickSeconds");
    char *end = NULL;
    unsigned long seconds = setting != NULL && setting[0] >= '0' && setting[0] <= '9' ? strtoul(setting, &end, 10) : 0;
    if (seconds == 0 || *end != '\0') {
        wr_fail(error, "TickSeconds is `%s`: it has to be a whole number from 1", setting != NULL ? setting : "");
        return 0;
    }
    return seconds;
}

static void tick(void *context) {
    wr_error error;
    (void)context;
    printf("tick %lu\n", ++ticks);
    /* Asked for each time: the setting can change while the instance runs. */
    unsigned long seconds = tick_seconds(&error);
    if (seconds > 0)
        wr_after(seconds * 1000, tick, NULL);
    else
        /* The instance is recycled: stopped, and started again. */
        wr_finish(error.text);
}

static void answer(wr_connection *connection, void *context) {
    (void)context;
    wr_printf(connection, "%s has ticked %lu times\n", wr_current_instance()->id, ticks);
}

bool wr_on_start(wr_error *error) {
    if (tick_seconds(error) == 0)
        return false;
    const wr_instance *own = wr_current_instance();
    for (size_t i = 0; i < own->endpoint_count; i++) {
        const wr_endpoint *endpoint = &own->endpoints[i];
        if (!wr_greet(endpoint->name, answer, NULL, error))
            return false;
        printf("listening on %s:%u\n", endpoint->address, endpoint->port);
    }
    wr_after(0, tick, NULL);
    return true;
}
