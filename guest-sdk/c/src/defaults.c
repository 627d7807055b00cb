/* What a role does that does not say otherwise. */
#include "wasm_roles.h"

#define DEFAULT __attribute__((weak))

DEFAULT bool wr_on_start(wr_error *error) {
    (void)error;
    return true;
}

DEFAULT void wr_on_stop(void) {
}

DEFAULT wr_verdict wr_changing(const wr_change *changes, size_t count) {
    (void)changes;
    (void)count;
    return WR_ACCEPT;
}

DEFAULT void wr_changed(const wr_change *changes, size_t count) {
    (void)changes;
    (void)count;
}

DEFAULT wr_status wr_status_check(void) {
    return WR_READY;
}

DEFAULT void wr_stopping(void) {
}

DEFAULT void wr_simultaneous_changing(const wr_change *changes, size_t count) {
    (void)changes;
    (void)count;
}

DEFAULT void wr_simultaneous_changed(const wr_change *changes, size_t count) {
    (void)changes;
    (void)count;
}
