/* From the contract's functions to those that a role defines. */
#include <stdio.h>

#include "inside.h"
#include "role.h"

/* Lines go to the log as they are finished, whatever the C library takes the output for. */
static void write_lines(void) {
    static bool done;
    if (!done)
        setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    done = true;
}

bool exports_wasm_roles_role_entry_point_on_start(role_string_t *reason) {
    wr_error error = {.text = ""};
    write_lines();
    bool started = wr_on_start(&error);
    if (!started)
        role_string_dup(reason, error.text[0] != '\0' ? error.text : "wr_on_start returned false without an error");
    wr__has_returned();
    return started;
}

void exports_wasm_roles_role_entry_point_on_stop(void) {
    wr_on_stop();
    wr__has_returned();
}

/* Changes, with texts that end with a zero byte. */
struct changes {
    wr_change *all;
    size_t count;
};

static struct changes copied(const exports_wasm_roles_role_events_list_change_t *told) {
    struct changes changes = {wr__new(told->len * sizeof *changes.all), told->len};
    for (size_t i = 0; i < told->len; i++) {
        const exports_wasm_roles_role_events_change_t *change = &told->ptr[i];
        bool setting = change->tag == WASM_ROLES_ROLE_TYPES_CHANGE_CONFIGURATION_SETTING;
        const role_string_t *name = setting ? &change->val.configuration_setting : &change->val.topology;
        changes.all[i].kind = setting ? WR_CONFIGURATION_SETTING : WR_TOPOLOGY;
        changes.all[i].name = wr__copy((const char *)name->ptr, name->len);
    }
    return changes;
}

static void release(struct changes changes) {
    for (size_t i = 0; i < changes.count; i++)
        wr__release(changes.all[i].name);
    wr__release(changes.all);
    wr__has_returned();
}

exports_wasm_roles_role_events_verdict_t
exports_wasm_roles_role_events_changing(exports_wasm_roles_role_events_list_change_t *told) {
    struct changes changes = copied(told);
    wr_verdict verdict = wr_changing(changes.all, changes.count);
    release(changes);
    exports_wasm_roles_role_events_list_change_free(told);
    return verdict == WR_RECYCLE ? WASM_ROLES_ROLE_TYPES_VERDICT_RECYCLE : WASM_ROLES_ROLE_TYPES_VERDICT_ACCEPT;
}

static void tell(void (*role)(const wr_change *, size_t), exports_wasm_roles_role_events_list_change_t *told) {
    struct changes changes = copied(told);
    role(changes.all, changes.count);
    release(changes);
    exports_wasm_roles_role_events_list_change_free(told);
}

void exports_wasm_roles_role_events_changed(exports_wasm_roles_role_events_list_change_t *told) {
    tell(wr_changed, told);
}

void exports_wasm_roles_role_events_simultaneous_changing(exports_wasm_roles_role_events_list_change_t *told) {
    tell(wr_simultaneous_changing, told);
}

void exports_wasm_roles_role_events_simultaneous_changed(exports_wasm_roles_role_events_list_change_t *told) {
    tell(wr_simultaneous_changed, told);
}

exports_wasm_roles_role_events_status_t exports_wasm_roles_role_events_status_check(void) {
    wr_status status = wr_status_check();
    wr__has_returned();
    return status == WR_BUSY ? WASM_ROLES_ROLE_TYPES_STATUS_BUSY : WASM_ROLES_ROLE_TYPES_STATUS_READY;
}

void exports_wasm_roles_role_events_stopping(void) {
    wr_stopping();
    wr__has_returned();
}
