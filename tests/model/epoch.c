/* SPDX-License-Identifier: MIT */
/*
 * model/epoch.c - a check against a cancellation (exec/cancel.h, crew__fiber_look): a
 * fiber remembers the epoch at which it was last found clean, and must not remember one
 * that is too new. Who is cancelled stays so, and whoever is told that a cancel has
 * returned sees it.
 */
#include "exec/exec.h"
#include "model/small.h"

#include <string.h>

struct epoch_model {
	unsigned looks;
	bool stranger; /* another scope is cancelled as well: the epoch moves for nothing */
	/* of one run */
	struct crew crew;
	struct crew__fiber fiber;
	struct crew_scope outer;
	struct crew_scope inner;
	struct crew_scope other;
	struct crew_word cancelled; /* the cancel has returned */
};

static const struct crew__cause by_model = { .source = CREW_BY_CALL, .reason = "model" };

/* What crew_check() does. */
static bool is_clean(struct crew__fiber *fiber)
{
	return crew__fiber_clean(fiber) || crew__fiber_look(fiber);
}

static void looker(void *opaque)
{
	struct epoch_model *m = opaque;
	bool was_clean = true;

	for (unsigned i = 0; i < m->looks; i++) {
		bool told = crew__load_acquire(&m->cancelled);
		bool clean = is_clean(&m->fiber);

		crew__sim_check(was_clean || !clean, "a cancellation was taken back");
		crew__sim_check(!told || !clean, "a cancellation that is over was not seen");
		was_clean = clean;
	}
}

static void canceller(void *opaque)
{
	struct epoch_model *m = opaque;

	crew__scope_cancel(&m->outer, &by_model);
	crew__store_release(&m->cancelled, 1);
}

static void epoch_main(void *opaque)
{
	struct epoch_model *m = opaque;
	uint64_t threads[2];

	memset(&m->fiber, 0, sizeof(m->fiber));
	memset(&m->outer, 0, sizeof(m->outer));
	memset(&m->inner, 0, sizeof(m->inner));
	memset(&m->other, 0, sizeof(m->other));
	m->crew.forks = crew__port_fork_count();
	crew__init_word(&m->cancelled, 0);
	m->inner.private_.parent = &m->outer;
	m->fiber.crew = &m->crew;
	m->fiber.scope = &m->inner;
	crew__port_thread_start(&threads[0], looker, m, "looker");
	crew__port_thread_start(&threads[1], canceller, m, "canceller");
	if (m->stranger)
		crew__scope_cancel(&m->other, &by_model);
	for (unsigned i = 0; i < 2; i++)
		crew__port_thread_join(threads[i]);
	crew__sim_check(!is_clean(&m->fiber), "a cancellation was never seen");
}

Test(epoch, a_check_against_a_cancellation, .timeout = 120)
{
	static struct epoch_model model = { .looks = 3 };

	small_search("epoch", epoch_main, &model, 3);
	model.stranger = true;
	small_search("epoch_stranger", epoch_main, &model, 2);
}
