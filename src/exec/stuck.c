/* SPDX-License-Identifier: MIT */
/* stuck.c - see stuck.h. */
#include "exec/stuck.h"

#include "base/assert.h"
#include "base/config.h"
#include "base/random.h"
#include "exec/worker.h"

#include "crew/crew.h"

/* ---- who is still ------------------------------------------------------------- */

static bool workers_still(struct crew *crew, uint64_t *moves)
{
	bool still;

	crew__lock_acquire(&crew->idle.lock);
	still = crew__idle_sleeping(crew__load_acquire(&crew->idle.word)) == crew->worker_count;
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		const struct crew__worker *worker = &crew->workers[i];

		/* a sleeper that has not yet had its last look finds nothing here */
		still = still && !crew__load32_acquire(&worker->signal) &&
			!crew__ring_count(&worker->ring) && !crew__deque_has_work(&worker->deque) &&
			!crew__load_acquire(&worker->pinned_count);
		crew__random_mix(moves, crew__load_relaxed(&worker->counters.sleeps));
		crew__random_mix(moves, crew__load_relaxed(&worker->counters.tasks));
	}
	crew__lock_release(&crew->idle.lock);
	return still && crew__inject_empty(&crew->inject) && !crew__load32_acquire(&crew->callers);
}

static void mix_fibers(const struct crew *crew, uint64_t *moves)
{
	const struct crew__fiber *fiber;

	for (uint64_t i = 0; (fiber = crew__fiber_at(crew, i)); i++)
		crew__random_mix(moves, crew__load_acquire(&fiber->parker.word));
}

/* Is every thread of the process? */
static bool all_still(struct crew *crew, uint64_t *moves)
{
	uint64_t threads = crew->worker_count + UINT64_C(1);

	*moves = 0;
	if (!crew__load32_acquire(&crew->visitor_count) || !workers_still(crew, moves))
		return false;
	crew__random_mix(moves, crew__load_relaxed(&crew->threads.calls));
	threads += crew__threads_still(&crew->threads);
	threads += crew__parkers_still(moves);
	mix_fibers(crew, moves);
	return threads == crew__port_thread_count();
}

/* ---- looking -------------------------------------------------------------------- */

static void report(struct crew *crew)
{
	crew__port_say("crew: deadlock: nothing runs, and nothing is left that could end a wait\n");
	crew_dump(crew, stderr);
	if (crew->stuck.policy == CREW_DEADLOCK_ABORT)
		crew__fail("deadlock", crew->name, NULL);
	if (crew->stuck.policy == CREW_DEADLOCK_CANCEL)
		crew_cancel(crew, "deadlock");
}

crew_time crew__stuck_when(const struct crew *crew)
{
	if (!crew || crew->stuck.policy == CREW_DEADLOCK_IGNORE)
		return CREW_NEVER;
	return crew__port_now() + CREW__STUCK_PERIOD;
}

void crew__stuck_look(struct crew *crew)
{
	struct crew__stuck *stuck = &crew->stuck;
	uint64_t moves;
	bool still = all_still(crew, &moves);
	bool is_stuck = still && stuck->was_still && moves == stuck->moves; /* D1 */

	stuck->was_still = still;
	stuck->moves = moves;
	if (!is_stuck || moves == stuck->reported)
		return;
	stuck->reported = moves;
	report(crew);
}
