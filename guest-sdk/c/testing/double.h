/* What the double knows. */
#ifndef WASM_ROLES_DOUBLE_H
#define WASM_ROLES_DOUBLE_H

#include "inside.h"
#include "wasm_roles_testing.h"

/* What answers on an endpoint: of the role under test, or of another. */
struct listener {
    char *role;
    char *endpoint;
    wr_handler handler;
    void *context;
};

/* What listens on an endpoint, or NULL. */
struct listener *double_listener(const char *role, const char *endpoint);
void double_listen(const char *role, const char *endpoint, wr_handler handler, void *context);

/* The name of the role under test. Without one the test ends with a sentence that says so. */
const char *double_own_role(void);

/* The sentence, and the end of the test. */
_Noreturn void double_give_up(const char *sentence, const char *name);

#endif
