/* SPDX-License-Identifier: MIT */
/* mini.c - see mini.h. Beginning and end are those of src/exec/crew.c, in short. */
#include "model/mini.h"

#include <string.h>

static void init_worker(struct mini *mini, uint32_t index)
{
	struct crew__worker *worker = &mini->workers[index];
	struct crew__fiber *extra;

	worker->crew = &mini->crew;
	worker->index = index;
	worker->random = crew__port_seed();
	worker->pinned_last = &worker->pinned_first;
	crew__list_init(&worker->sleeper);
	crew__sim_check(crew__deque_init(&worker->deque, mini->crew.fences), "no memory");
	worker->reserve = crew__fiber_take(worker);
	extra = crew__fiber_take(worker);
	crew__sim_check(worker->reserve && extra, "no memory");
	crew__fiber_give(worker, extra);
}

void mini_begin(struct mini *mini, unsigned workers)
{
	struct crew *crew = &mini->crew;

	memset(mini, 0, sizeof(*mini));
	crew->fences = !crew__port_has_membarrier();
	crew->forks = crew__port_fork_count();
	crew->workers = mini->workers;
	crew->worker_count = workers;
	crew__inject_init(&crew->inject);
	crew__idle_init(&crew->idle);
	crew__pool_init(&crew->records[CREW__RECORD_PLAIN], CREW__RECORD_BYTES);
	crew__pool_init(&crew->records[CREW__RECORD_COPY], CREW__RECORD_BYTES + CREW_COPY_MAX);
	crew__sim_check(crew__fibers_init(crew, CREW__STACK_MIN) == 0, "no memory");
	for (uint32_t i = 0; i < workers; i++)
		init_worker(mini, i);
	crew_group_open(&mini->root, CREW_GROUP(.crew = crew));
}

void mini_give(struct mini *mini, unsigned worker, crew_task_fn *fn, void *arg)
{
	struct crew__slot slot = {
		.fn = fn, .arg = arg, .group = (uintptr_t)&mini->root, .site = CREW_HERE
	};

	crew__add_acq_rel(&mini->root.private_.count, 1);
	crew__sim_check(crew__deque_push(&mini->workers[worker].deque, &slot), "too many tasks");
}

void mini_go(struct mini *mini)
{
	for (uint32_t i = 0; i < mini->crew.worker_count; i++)
		crew__port_thread_start(&mini->workers[i].thread, crew__worker_main,
					&mini->workers[i], "worker");
}

static void check_nothing_left(const struct crew *crew)
{
	crew__sim_check(crew->idle.word.value == 0, "searchers or sleepers were miscounted");
	crew__sim_check(crew__inject_count(&crew->inject) == 0, "something is still injected");
	crew__sim_check(crew->visitor_count.value == 0 && crew->callers.value == 0,
			"visitors or callers were miscounted");
	for (uint32_t i = 0; i < crew->worker_count; i++) {
		const struct crew__worker *worker = &crew->workers[i];

		crew__sim_check(!crew__deque_has_work(&worker->deque) &&
					crew__ring_count(&worker->ring) == 0 &&
					worker->pinned_count.value == 0 && worker->done_count == 0,
				"a worker has left something behind");
	}
}

int mini_end(struct mini *mini)
{
	struct crew *crew = &mini->crew;
	int rc = crew_group_close(&mini->root, 0);

	crew__store_release(&crew->state, CREW__ENDING);
	for (uint32_t i = 0; i < crew->worker_count; i++)
		crew__idle_poke(&crew->workers[i]);
	for (uint32_t i = 0; i < crew->worker_count; i++)
		crew__port_thread_join(crew->workers[i].thread);
	check_nothing_left(crew);
	crew__fibers_fini(crew);
	for (uint32_t i = 0; i < crew->worker_count; i++)
		crew__deque_fini(&crew->workers[i].deque);
	for (int kind = 0; kind < CREW__RECORD_KINDS; kind++)
		crew__pool_fini(&crew->records[kind]);
	return rc;
}
