/* SPDX-License-Identifier: MIT */
/* stats.c - adding up what the workers count. Reads only; stops nobody. */
#include "base/sized.h"
#include "exec/exec.h"

#include "crew/crew.h"

static void add_worker(struct crew_stats *stats, const struct crew__worker *worker)
{
	stats->workers++;
	stats->workers_idle += crew__load32_relaxed(&worker->asleep);
	stats->tasks += crew__load_relaxed(&worker->counters.tasks);
	stats->steals_tried += crew__load_relaxed(&worker->counters.steals_tried);
	stats->steals_done += crew__load_relaxed(&worker->counters.steals_done);
	stats->parks += crew__load_relaxed(&worker->counters.parks);
	stats->wakes += crew__load_relaxed(&worker->counters.wakes);
	stats->switches += crew__load_relaxed(&worker->counters.switches);
	stats->sleeps += crew__load_relaxed(&worker->counters.sleeps);
	stats->queued += crew__deque_count(&worker->deque);
	stats->ready += crew__ring_count(&worker->ring) + crew__load_relaxed(&worker->pinned_count);
}

/* 0, with *crew the caller's own when none was given. */
static int check_arguments(struct crew **crew, const struct crew_stats *stats)
{
	struct crew__caller caller = crew__caller();

	if (!*crew && caller.fiber)
		*crew = caller.fiber->crew;
	if (!*crew || !stats || stats->size < sizeof(size_t) + sizeof(uint32_t))
		return CREW_EINVAL;
	return crew__is_forked(*crew) ? CREW_EFORKED : 0;
}

int crew_read_stats(struct crew *crew, struct crew_stats *stats)
{
	struct crew_stats sum = { .size = sizeof(sum) };
	uint64_t unused;
	int rc = check_arguments(&crew, stats);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < crew->worker_count; i++)
		add_worker(&sum, &crew->workers[i]);
	sum.queued += crew__inject_count(&crew->inject);
	unused = crew__fibers_free(crew);
	sum.stacks_made = crew__load_relaxed(&crew->fibers.made);
	sum.stacks_live = sum.stacks_made > unused ? sum.stacks_made - unused : 0;
	sum.blocking_calls = crew__load_relaxed(&crew->threads.calls);
	sum.blocking_threads = (uint32_t)crew__load_relaxed(&crew->threads.threads);
	crew__stats_give(stats, &sum, sizeof(sum));
	return 0;
}

int crew_read_worker_stats(struct crew *crew, unsigned index, struct crew_stats *stats)
{
	struct crew_stats sum = { .size = sizeof(sum) };
	int rc = check_arguments(&crew, stats);

	if (rc)
		return rc;
	if (index >= crew->worker_count)
		return CREW_ERANGE;
	add_worker(&sum, &crew->workers[index]);
	crew__stats_give(stats, &sum, sizeof(sum));
	return 0;
}
