/* SPDX-License-Identifier: MIT */
/* turn.c - see turn.h. */
#include "sync/turn.h"

#include "crew/time.h"

int crew__turn_take_nowait(const struct crew__turn *turn)
{
	crew_time when;
	bool taken;

	crew__lot_enter(turn->lot);
	taken = !*turn->first && turn->ask(turn->want, crew_now(), &when);
	crew__lot_leave(turn->lot);
	return taken ? 0 : CREW_EWOULDBLOCK;
}

/* Until the caller is the first. 0 or CREW_ECANCELED. */
static int come_first(const struct crew__turn *turn, uint64_t name)
{
	struct crew__wait wait;

	crew__wait_prepare(&wait, name, true);
	crew__lot_enter(turn->lot);
	if (!*turn->first) {
		*turn->first = name;
		crew__lot_leave(turn->lot);
		crew__wait_drop(&wait);
		return 0;
	}
	if (crew__lot_wait(turn->lot, &turn->lot->private_.queue, &wait, turn->reason))
		return 0;
	crew__lot_leave(turn->lot);
	return CREW_ECANCELED;
}

/* pre: the lot is locked; the caller is the first, and is no more. */
static void pass_turn(const struct crew__turn *turn)
{
	struct crew__wait *next;

	*turn->first = 0;
	while (!*turn->first && (next = crew__queue_first(&turn->lot->private_.queue))) {
		uint64_t name = next->what;

		if (crew__lot_end(turn->lot, next, 0))
			*turn->first = name;
	}
}

/* The caller is the first. */
static int ask_and_sleep(const struct crew__turn *turn)
{
	bool taken = false;
	int rc = 0;

	while (rc == 0 && !taken) {
		crew_time when;

		crew__lot_enter(turn->lot);
		taken = turn->ask(turn->want, crew_now(), &when);
		if (!taken) {
			crew__lot_leave(turn->lot);
			rc = crew__sleep_until(when, turn->reason);
			if (rc == 0)
				continue;
			crew__lot_enter(turn->lot);
		}
		pass_turn(turn);
		crew__lot_leave(turn->lot); /* LAST TOUCH */
	}
	return rc;
}

int crew__turn_take(const struct crew__turn *turn)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);

	if (rc || crew__turn_take_nowait(turn) == 0)
		return rc;
	rc = come_first(turn, (uint64_t)(uintptr_t)crew__name_of(caller.fiber));
	return rc ? rc : ask_and_sleep(turn);
}

uint64_t crew__turn_count(const struct crew_lot *lot, uint64_t first)
{
	return (first != 0) + crew__queue_count(&lot->private_.queue);
}

void crew__turn_fini(struct crew_lot *lot, const uint64_t *first, const char *sentence)
{
	crew__lot_enter(lot);
	crew__require(!*first, sentence, (const char *)(uintptr_t)*first);
	crew__lot_leave(lot);
}
