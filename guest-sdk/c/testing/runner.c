/* Runs the tests, each in a process of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inside.h"
#include "wasm_roles_testing.h"

struct test {
    const char *name;
    void (*run)(void);
};

static struct test *tests;
static size_t test_count;

void wr_test_add(const char *name, void (*test)(void)) {
    tests = wr__grow(tests, (test_count + 1) * sizeof *tests);
    tests[test_count++] = (struct test){name, test};
}

static void fail(void) {
    fflush(stdout);
    _exit(1);
}

void wr_test_check(bool holds, const char *file, int line, const char *text) {
    if (holds)
        return;
    printf("  %s:%d: expected: %s\n", file, line, text);
    fail();
}

void wr_test_check_text(const char *actual, const char *expected, const char *file, int line, const char *text) {
    bool same = actual == NULL || expected == NULL ? actual == expected : strcmp(actual, expected) == 0;
    if (same)
        return;
    printf("  %s:%d: %s\n    is       %s\n    expected %s\n", file, line, text, actual != NULL ? actual : "NULL",
           expected != NULL ? expected : "NULL");
    fail();
}

/* Whether the test passes. */
static bool passes(const struct test *test) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        test->run();
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (WIFSIGNALED(status))
        printf("  it was ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(void) {
    size_t failed = 0;
    for (size_t i = 0; i < test_count; i++) {
        bool passed = passes(&tests[i]);
        failed += !passed;
        printf("%s %s\n", passed ? "ok    " : "FAILED", tests[i].name);
    }
    printf("%zu passed, %zu failed\n", test_count - failed, failed);
    if (test_count == 0)
        puts("there are no tests: write some with WR_TEST in the files that TESTS of the Makefile names");
    return failed == 0 && test_count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
