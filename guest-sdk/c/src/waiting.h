/* How an instance waits: in `run`, for whatever comes next while events and requests go on; or inside of a call, for
 * one thing, while everything else waits. */
#ifndef WASM_ROLES_WAITING_H
#define WASM_ROLES_WAITING_H

#include "inside.h"
#include "role.h"

/* Something that `run` waits for. */
struct wr__waiter {
    uint32_t waitable; /* a subtask, or the end of a stream; 0 while nothing is under way */
    /* Called when it has something to say: with the waitable, 0 if it said it at once, and what it says, the state of a subtask or
     * the status of a stream. It is not waited for any more. */
    void (*woken)(struct wr__waiter *waiter, uint32_t waitable, uint32_t code);
    struct wr__waiter *next;
    uint32_t early; /* what it said at once */
    bool is_early;
};

/* `run` waits for it. */
void wr__await(struct wr__waiter *waiter, uint32_t waitable);

/* It has said `code` already: it is woken in the next turn of `run`, so that nobody else has to wait for long. */
void wr__wake(struct wr__waiter *waiter, uint32_t code);

/* `run` does not wait for it any more. The waitable that is still under way, 0 if there is none. */
uint32_t wr__forget(struct wr__waiter *waiter);

/* Waits for a waitable inside of a call. False when the time is over; it is in no set then and still under way. */
bool wr__wait(uint32_t waitable, uint64_t milliseconds, uint32_t *code);

/* Waits inside of a call for what an import has begun. False when the time is over: it is cancelled then. */
bool wr__wait_for_subtask(role_subtask_status_t status, uint64_t milliseconds);

#endif
