/* SPDX-License-Identifier: MIT */
/* hold.c - see hold.h. */
#include "sync/hold.h"

#include "crew/condition.h"

uint64_t crew__hold_self(const struct crew__caller *caller)
{
	_Static_assert(_Alignof(struct crew__fiber) >= 16, "bits of the word");

	return caller->fiber ? (uint64_t)(uintptr_t)caller->fiber :
			       crew__port_thread_self() << 4 | CREW__HOLD_THREAD;
}

static void forget_line(struct crew_lock *lock)
{
	for (struct crew_condition *at = lock->private_.conditions; at; at = at->private_.next) {
		at->private_.queue = (struct crew_lot_queue){ .first = NULL };
		at->private_.at = NULL;
	}
	lock->private_.conditions = NULL;
	crew__and_acq_rel(&lock->private_.word, ~CREW__HOLD_CALLED);
}

void crew__hold_enter(struct crew_lock *lock)
{
	if (crew__unlikely(!crew__lot_enter(&lock->private_.lot)))
		forget_line(lock);
}

void crew__hold_begin(struct crew_lock *lock, struct crew__fiber *fiber)
{
	if (!fiber)
		return;
	if (!fiber->locks)
		fiber->room += CREW__NO_ROOM; /* H1 */
	lock->private_.next = fiber->locks;
	fiber->locks = lock;
}

void crew__hold_end(struct crew_lock *lock, struct crew__fiber *fiber)
{
	struct crew_lock **at;

	if (!fiber)
		return;
	for (at = &fiber->locks; *at != lock; at = &(*at)->private_.next)
		;
	*at = lock->private_.next;
	if (!fiber->locks)
		fiber->room -= CREW__NO_ROOM;
}

void crew__hold_pass(struct crew_lock *lock)
{
	struct crew_lot_queue *line = &lock->private_.lot.private_.queue;
	bool now = !lock->private_.barging || lock->private_.passed >= CREW__LOCK_PASSES;
	uint64_t word = crew__load_relaxed(&lock->private_.word);
	uint64_t who = word & CREW__HOLD_CALLED ? lock->private_.called : 0;
	struct crew__wait *heir;

	while (!who && (heir = crew__queue_first(line)))
		if (crew__lot_end(&lock->private_.lot, heir, now ? 0 : CREW__HOLD_COME))
			who = heir->what;
	if (now)
		word = who | (line->first ? CREW__WAITED : 0);
	else
		word = who ? CREW__WAITED | CREW__HOLD_CALLED : 0; /* H4 */
	lock->private_.called = who;
	if (!(word & CREW__HOLD_CALLED))
		lock->private_.passed = 0;
	crew__store_release(&lock->private_.word, word); /* pairs: lot.word */
}

void crew__hold_append(struct crew_lock *lock, struct crew__wait *wait)
{
	crew__queue_append(&lock->private_.lot.private_.queue, wait);
	crew__or_acq_rel(&lock->private_.word, CREW__WAITED);
}

/* Its owner has ended. */
static void break_lock(struct crew_lock *lock, const char *by)
{
	struct crew_lot *lot = &lock->private_.lot;
	struct crew_condition *condition;

	crew__hold_enter(lock);
	lock->private_.name = by;
	for (condition = lock->private_.conditions; condition;
	     condition = condition->private_.next) {
		crew__lot_end_all(lot, &condition->private_.queue, CREW_EOWNERDEAD);
		condition->private_.at = NULL;
	}
	lock->private_.conditions = NULL;
	crew__lot_end_all(lot, &lot->private_.queue, CREW_EOWNERDEAD);
	crew__store_relaxed(&lock->private_.word, CREW__HOLD_BROKEN | CREW__WAITED);
	crew__lot_leave(lot);
}

void crew__locks_left(struct crew__fiber *fiber)
{
	while (fiber->locks) {
		struct crew_lock *lock = fiber->locks;

		crew__hold_end(lock, fiber);
		(lock->private_.left ? lock->private_.left : break_lock)(lock,
									 crew__name_of(fiber));
	}
}
