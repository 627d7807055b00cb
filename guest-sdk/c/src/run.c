/* `run`: one task that waits for timers, connections and datagrams, and gives events and requests their turn in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "waiting.h"

#define NANOSECONDS_PER_MILLISECOND 1000000u

static struct wr__waiter *waiters;

static void rouse(struct wr__waiter *waiter, uint32_t waitable, uint32_t code);

static struct {
    bool wanted;
    char *reason;
} finish;

/* The set of everything that `run` waits for. */
static role_waitable_set_t all(void) {
    static role_waitable_set_t set;
    if (set == 0)
        set = role_waitable_set_new();
    return set;
}

static void remember(struct wr__waiter *waiter) {
    waiter->next = waiters;
    waiters = waiter;
}

/* Whether `run` is at work now, and so looks at everything before it waits. */
static bool at_work = true;

/* Wakes `run` from another call: the shortest possible wait ends at once. */
static void nudge(void) {
    static struct wr__waiter nobody;
    if (at_work || nobody.waitable != 0)
        return;
    role_subtask_status_t status = wasi_clocks_monotonic_clock_wait_for(NANOSECONDS_PER_MILLISECOND);
    nobody.woken = rouse;
    if (ROLE_SUBTASK_STATE(status) != ROLE_SUBTASK_RETURNED)
        wr__await(&nobody, ROLE_SUBTASK_HANDLE(status));
}

void wr__await(struct wr__waiter *waiter, uint32_t waitable) {
    waiter->waitable = waitable;
    role_waitable_join(waitable, all());
    remember(waiter);
}

void wr__wake(struct wr__waiter *waiter, uint32_t code) {
    waiter->waitable = 0;
    waiter->early = code;
    waiter->is_early = true;
    remember(waiter);
    nudge();
}

/* Takes it out of the list; its waitable is in no set then. */
static bool take(struct wr__waiter *waiter) {
    for (struct wr__waiter **link = &waiters; *link != NULL; link = &(*link)->next) {
        if (*link == waiter) {
            *link = waiter->next;
            if (waiter->waitable != 0)
                role_waitable_join(waiter->waitable, 0);
            waiter->is_early = false;
            return true;
        }
    }
    return false;
}

uint32_t wr__forget(struct wr__waiter *waiter) {
    uint32_t waitable = take(waiter) ? waiter->waitable : 0;
    waiter->waitable = 0;
    return waitable;
}

static void wake(struct wr__waiter *waiter, uint32_t code) {
    take(waiter);
    uint32_t waitable = waiter->waitable;
    waiter->waitable = 0;
    waiter->woken(waiter, waitable, code);
}

static void rouse(struct wr__waiter *waiter, uint32_t waitable, uint32_t code) {
    (void)waiter;
    (void)code;
    role_subtask_drop(waitable);
}

static void wake_waiter_of(const role_event_t *event) {
    for (struct wr__waiter *waiter = waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->waitable == event->waitable) {
            wake(waiter, event->code);
            return;
        }
    }
}

static struct wr__waiter *first_early(void) {
    /* The last of the list has waited longest. */
    struct wr__waiter *found = NULL;
    for (struct wr__waiter *waiter = waiters; waiter != NULL; waiter = waiter->next)
        if (waiter->is_early)
            found = waiter;
    return found;
}

static role_callback_code_t go_on(void) {
    wr__has_returned();
    at_work = false;
    if (finish.wanted) {
        exports_wasm_roles_role_entry_point_result_void_string_t result = {.is_err = finish.reason != NULL};
        if (finish.reason != NULL)
            role_string_set(&result.val.err, finish.reason);
        exports_wasm_roles_role_entry_point_run_return(result);
        return ROLE_CALLBACK_CODE_EXIT;
    }
    return first_early() != NULL ? ROLE_CALLBACK_CODE_YIELD : ROLE_CALLBACK_CODE_WAIT(all());
}

role_callback_code_t exports_wasm_roles_role_entry_point_run(void) {
    return go_on();
}

role_callback_code_t exports_wasm_roles_role_entry_point_run_callback(role_event_t *event) {
    if (event->event == ROLE_EVENT_CANCEL) {
        role_task_cancel();
        return ROLE_CALLBACK_CODE_EXIT;
    }
    at_work = true;
    struct wr__waiter *early = first_early();
    if (event->event != ROLE_EVENT_NONE)
        wake_waiter_of(event);
    else if (early != NULL) {
        wake(early, early->early);
        /* It was a turn without waiting: look what has come for the others. */
        role_event_t other;
        role_waitable_set_poll(all(), &other);
        if (other.event != ROLE_EVENT_NONE)
            wake_waiter_of(&other);
    }
    return go_on();
}

/* ---- Waiting inside of a call ---- */

bool wr__wait(uint32_t waitable, uint64_t milliseconds, uint32_t *code) {
    static role_waitable_set_t set;
    if (set == 0)
        set = role_waitable_set_new();
    fflush(stdout);
    role_subtask_status_t clock =
        wasi_clocks_monotonic_clock_wait_for(milliseconds * NANOSECONDS_PER_MILLISECOND);
    role_subtask_t overdue = ROLE_SUBTASK_HANDLE(clock);
    bool running = ROLE_SUBTASK_STATE(clock) != ROLE_SUBTASK_RETURNED;
    role_event_t event = {0};
    role_waitable_join(waitable, set);
    if (running) {
        role_waitable_join(overdue, set);
        role_waitable_set_wait(set, &event);
        role_waitable_join(overdue, 0);
        if (event.waitable != overdue)
            role_subtask_cancel(overdue);
        role_subtask_drop(overdue);
    } else {
        role_waitable_set_poll(set, &event);
    }
    role_waitable_join(waitable, 0);
    if (event.event == ROLE_EVENT_NONE || event.waitable != waitable)
        return false;
    *code = event.code;
    return true;
}

bool wr__wait_for_subtask(role_subtask_status_t status, uint64_t milliseconds) {
    role_subtask_t subtask = ROLE_SUBTASK_HANDLE(status);
    if (ROLE_SUBTASK_STATE(status) == ROLE_SUBTASK_RETURNED)
        return true;
    uint32_t code;
    bool returned = wr__wait(subtask, milliseconds, &code) && code == ROLE_SUBTASK_RETURNED;
    if (!returned)
        /* It may have returned just now. */
        returned = ROLE_SUBTASK_STATE(role_subtask_cancel(subtask)) == ROLE_SUBTASK_RETURNED;
    role_subtask_drop(subtask);
    return returned;
}

/* ---- Timers ---- */

struct wr_timer {
    struct wr__waiter waiter;
    uint64_t every; /* 0: once */
    void (*tick)(void *context);
    void *context;
    bool ticking;
    bool cancelled;
};

static void start(wr_timer *timer, uint64_t milliseconds) {
    role_subtask_status_t status =
        wasi_clocks_monotonic_clock_wait_for(milliseconds * NANOSECONDS_PER_MILLISECOND);
    if (ROLE_SUBTASK_STATE(status) == ROLE_SUBTASK_RETURNED)
        wr__wake(&timer->waiter, 0);
    else
        wr__await(&timer->waiter, ROLE_SUBTASK_HANDLE(status));
}

static void due(struct wr__waiter *waiter, uint32_t waitable, uint32_t code) {
    wr_timer *timer = (wr_timer *)waiter;
    (void)code;
    if (waitable != 0)
        role_subtask_drop(waitable);
    timer->ticking = true;
    timer->tick(timer->context);
    timer->ticking = false;
    if (timer->every > 0 && !timer->cancelled)
        start(timer, timer->every);
    else
        free(timer);
}

static wr_timer *timer(uint64_t first, uint64_t every, void (*tick)(void *context), void *context) {
    wr_timer *timer = wr__new(sizeof *timer);
    timer->waiter.woken = due;
    timer->every = every;
    timer->tick = tick;
    timer->context = context;
    start(timer, first);
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
    if (timer == NULL)
        return;
    timer->cancelled = true;
    if (timer->ticking)
        return; /* it is freed when its tick returns */
    uint32_t subtask = wr__forget(&timer->waiter);
    if (subtask != 0) {
        role_subtask_cancel(subtask);
        role_subtask_drop(subtask);
    }
    free(timer);
}

uint64_t wr_now(void) {
    return wasi_clocks_monotonic_clock_now() / NANOSECONDS_PER_MILLISECOND;
}

void wr_sleep(uint64_t milliseconds) {
    role_subtask_status_t status =
        wasi_clocks_monotonic_clock_wait_for(milliseconds * NANOSECONDS_PER_MILLISECOND);
    wr__wait_for_subtask(status, UINT64_MAX / NANOSECONDS_PER_MILLISECOND);
}

void wr_finish(const char *reason) {
    finish.wanted = true;
    free(finish.reason);
    finish.reason = reason != NULL ? wr__copy(reason, strlen(reason)) : NULL;
    nudge();
}
