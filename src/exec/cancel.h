/* SPDX-License-Identifier: MIT */
/*
 * cancel.h - what floor 3 knows of cancellation: scopes have parents and a mark,
 * and a counter moves whenever anything anywhere is marked.
 *
 * A fiber remembers the epoch at which it last found nothing marked from its
 * innermost scope outwards. While the epoch stands still that is still so: scopes
 * opened since then were opened inside clean ones, and those closed since then
 * had clean parents. So a check costs two loads and a compare.
 *
 * ORDERS
 *	cancel.epoch	marking comes first, then the epoch moves (release). A check
 *			loads the epoch (acquire), then looks, and remembers the epoch
 *			that it loaded: a mark that it missed moves the epoch later.
 */
#ifndef CREW__CANCEL_H
#define CREW__CANCEL_H

#include "base/atomic.h"
#include "crew/scope.h"

#define CREW__SCOPE_MARK UINT64_C(1)

/* Starts at 1; 0 in a fiber means: not looked yet. */
extern struct crew_word crew__cancel_epoch;

/* From `scope` outwards: is any of them, or the crew of any of them, marked? */
bool crew__scope_marked(const struct crew_scope *scope);
/* Marks one scope and moves the epoch. True: it was not marked before. */
bool crew__scope_mark(struct crew_scope *scope);

#endif /* CREW__CANCEL_H */
