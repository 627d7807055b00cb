/* A clock that the test moves. */
#include <stdlib.h>
#include <string.h>

#include "double.h"

struct wr_timer {
    uint64_t due;
    uint64_t every;
    void (*tick)(void *context);
    void *context;
    wr_timer *next;
};

static uint64_t now;
static wr_timer *timers;

static struct {
    bool wanted;
    char *reason;
} finish;

static wr_timer *timer(uint64_t first, uint64_t every, void (*tick)(void *context), void *context) {
    wr_timer *timer = wr__new(sizeof *timer);
    *timer = (wr_timer){now + first, every, tick, context, timers};
    timers = timer;
    return timer;
}

wr_timer *wr_every(uint64_t milliseconds, void (*tick)(void *context), void *context) {
    uint64_t every = milliseconds > 0 ? milliseconds : 1;
    return timer(every, every, tick, context);
}

wr_timer *wr_after(uint64_t milliseconds, void (*tick)(void *context), void *context) {
    return timer(milliseconds, 0, tick, context);
}

void wr_cancel(wr_timer *timer) {
    for (wr_timer **link = &timers; *link != NULL; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            return;
        }
    }
}

/* The one that is due first, and not after `end`. */
static wr_timer *first_due(uint64_t end) {
    wr_timer *first = NULL;
    for (wr_timer *timer = timers; timer != NULL; timer = timer->next)
        if (timer->due <= end && (first == NULL || timer->due <= first->due))
            first = timer;
    return first;
}

void wr_test_pass(uint64_t milliseconds) {
    uint64_t end = now + milliseconds;
    for (wr_timer *timer; (timer = first_due(end)) != NULL;) {
        if (timer->due > now)
            now = timer->due;
        if (timer->every > 0)
            timer->due = now + timer->every;
        else
            wr_cancel(timer);
        timer->tick(timer->context);
    }
    if (end > now)
        now = end;
}

uint64_t wr_now(void) {
    return now;
}

void wr_sleep(uint64_t milliseconds) {
    now += milliseconds;
}

void wr_finish(const char *reason) {
    finish.wanted = true;
    finish.reason = reason != NULL ? wr__copy(reason, strlen(reason)) : NULL;
}

bool wr_test_finished(const char **reason) {
    if (reason != NULL)
        *reason = finish.reason;
    return finish.wanted;
}
