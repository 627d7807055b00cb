/* A role's own unit tests, on the developer's machine and without a host.
 *
 *     #include "wasm_roles_testing.h"
 *
 *     WR_TEST(it_greets_by_name) {
 *         wr_test_role("Greeter", 1);
 *         wr_test_endpoint("Greeter", "Ask", WR_INTERNAL, WR_TCP);
 *         wr_test_setting("Greeting", "hello");
 *         wr_expect(wr_test_start(NULL));
 *         wr_expect_text(wr_test_ask("Ask", "Ada\n"), "hello, Ada\n");
 *     }
 *
 * `make test` builds the role with the files in its `tests` folder and runs every `WR_TEST`, each in a process of its own, so
 * that no test sees the variables of another. Instead of the fabric a double answers the role: it knows what the test has
 * told it. Its clock stands still, and moves when the test says so; connections are in memory. It has no UDP, and no limits.
 */
#ifndef WASM_ROLES_TESTING_H
#define WASM_ROLES_TESTING_H

#include "wasm_roles.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tests ---- */

/* A test. Its name is a sentence with underscores. */
#define WR_TEST(name)                                                                                                    \
    static void name(void);                                                                                              \
    __attribute__((constructor)) static void add_##name(void) {                                                          \
        wr_test_add(#name, name);                                                                                        \
    }                                                                                                                    \
    static void name(void)

/* The test fails, and ends, unless the condition is true. */
#define wr_expect(condition) wr_test_check((condition), __FILE__, __LINE__, #condition)

/* The test fails, and ends, unless both texts are the same. */
#define wr_expect_text(actual, expected) wr_test_check_text((actual), (expected), __FILE__, __LINE__, #actual)

/* ---- What the service definition and the configuration say ---- */

/* A role and how many instances it has. The first one of a test is the role under test, and its first instance is the one that runs. */
void wr_test_role(const char *role, size_t instances);

/* An endpoint of a role, with the next free port. The first one of a role must come before the test reads its port. */
void wr_test_endpoint(const char *role, const char *endpoint, wr_endpoint_kind kind, wr_protocol protocol);

/* A setting of the role under test. */
void wr_test_setting(const char *name, const char *value);

/* A local storage directory of the role under test: `path` is a directory of this machine. */
void wr_test_local_resource(const char *name, const char *path, uint64_t size_in_megabytes);

/* What answers whoever connects to an endpoint of another role. Without one, connections are refused. */
void wr_test_answers(const char *role, const char *endpoint, wr_handler handler, void *context);

/* What a URL answers to `wr_http_get`. */
void wr_test_url(const char *url, int status, const char *body);

/* ---- The life of the instance ---- */

/* Calls `wr_on_start`. */
bool wr_test_start(wr_error *error);

/* Lets time pass, and calls the timers that become due. */
void wr_test_pass(uint64_t milliseconds);

/* Connects to an endpoint of the role, sends the text, and returns what the role has answered until it closed the
 * connection; NULL if it does not listen there. Valid until the next call. */
const char *wr_test_ask(const char *endpoint, const char *text);

/* As the fabric: asks `wr_changing`, makes the change unless it wants to be recycled, and tells `wr_changed`. */
wr_verdict wr_test_change_setting(const char *name, const char *value);

/* Calls `wr_stopping` and `wr_on_stop`. */
void wr_test_stop(void);

/* How often the role has asked to be recycled. */
size_t wr_test_recycle_requests(void);

/* Whether `wr_finish` was called; `reason` becomes what it was called with. */
bool wr_test_finished(const char **reason);

/* ---- Requests of a web role ---- */

typedef struct wr_test_response {
    int status;
    const char *body;
    size_t size;
} wr_test_response;

/* What the role answers to a request. `body` may be NULL. Valid until the next call. */
wr_test_response wr_test_request(const char *method, const char *target, const char *body);

/* A header of the last response, or NULL. */
const char *wr_test_response_header(const char *name);

/* ---- What the macros call ---- */

void wr_test_add(const char *name, void (*test)(void));
void wr_test_check(bool holds, const char *file, int line, const char *text);
void wr_test_check_text(const char *actual, const char *expected, const char *file, int line, const char *text);

#ifdef __cplusplus
}
#endif

#endif
