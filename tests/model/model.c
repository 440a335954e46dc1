/* SPDX-License-Identifier: MIT */
/* model.c - see model.h. */
#include "model/model.h"

#include "base/config.h"

#include <stdio.h>
#include <string.h>

struct model *model_now;

void model_ran(unsigned n)
{
	crew__sim_check(n < TASKS_MAX && crew__add_relaxed(&model_now->ran[n], 1) == 0,
			"a task ran twice");
}

void model_check_ran(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		crew__sim_check(crew__load_relaxed(&model_now->ran[i]) == 1, "a task did not run");
}

/* ---- groups ------------------------------------------------------------------------ */

static struct crew_group groups[GROUPS_MAX];
static struct crew_word groups_used;

struct crew_group *model_open(struct crew *crew)
{
	uint64_t index = crew__add_relaxed(&groups_used, 1);

	crew__sim_check(index < GROUPS_MAX, "GROUPS_MAX is too small");
	crew_group_open(&groups[index], crew ? CREW_GROUP(.crew = crew) : NULL);
	return &groups[index];
}

int model_close(struct crew_group *group, int rc)
{
	rc = crew_group_close(group, rc);
	memset(group, 0xa5, sizeof(*group));
	return rc;
}

static void check_groups(void)
{
	struct crew_group nonsense;

	memset(&nonsense, 0xa5, sizeof(nonsense));
	for (uint64_t i = 0; i < groups_used.value; i++)
		crew__sim_check(memcmp(&groups[i], &nonsense, sizeof(nonsense)) == 0,
				"a group was touched after it was closed");
}

/* ---- runs -------------------------------------------------------------------------- */

void model_begin(struct model *m)
{
	model_now = m;
	crew__init_word(&m->numbers, 0);
	m->left.value = m->threads;
	m->crew = NULL;
	groups_used.value = 0;
	memset(m->ran, 0, sizeof(m->ran));
}

static void beside_main(void *opaque)
{
	struct model *m = opaque;

	m->beside(m);
}

/* Who waits for what. */
static void describe(void *opaque)
{
	const struct model *m = opaque;

	if (m->crew)
		crew_dump(m->crew, stderr);
}

void model_main(void *opaque)
{
	struct model *m = opaque;
	uint64_t threads[4];
	crew_time begun = crew__port_now();
	int rc;

	model_begin(m);
	rc = crew_start(&m->crew, CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768,
					       .deadlock = m->deadlock));
	crew__sim_check(rc == 0, "crew_start failed");
	for (unsigned i = 0; i < m->threads; i++)
		crew__port_thread_start(&threads[i], beside_main, m, "beside");
	if (m->program) {
		rc = crew_run(m->crew, m->program, NULL);
		if (rc != m->expected)
			crew__sim_fail(CREW__SIM_FAILED, "crew_run() returned %d", rc);
	}
	if (m->inside)
		m->inside(m);
	for (unsigned i = 0; i < m->threads && !m->stop_early; i++)
		crew__port_thread_join(threads[i]);
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
	m->crew = NULL;
	for (unsigned i = 0; i < m->threads && m->stop_early; i++)
		crew__port_thread_join(threads[i]);
	check_groups();
	/* HARD builds let a fiber wait that could go on */
	if (m->lasts >= 0 && !CREW__HARD)
		crew__sim_check(crew__port_now() - begun == m->lasts, "it took too long");
}

void model_search_with(const char *name, struct model model, struct crew__sim_options options,
		       uint64_t n)
{
	char full[64];
	struct crew__sim_result result;

	snprintf(full, sizeof(full), "%s_%u%s%s", name, model.workers,
		 options.no_membarrier ? "_fences" : "", options.early_one_in ? "_early" : "");
	options.name = full;
	options.describe = describe;
	result = crew__sim_search_seeds(&options, model_main, &model, n);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
}

void model_search_from(const char *name, struct model model, unsigned least, uint64_t n)
{
	for (model.workers = least; model.workers <= 3; model.workers++) {
		struct model hostile = model;

		hostile.lasts = -1;
		model_search_with(name, model, (struct crew__sim_options){ .seed = 0 }, n);
		model_search_with(name, model, (struct crew__sim_options){ .no_membarrier = true },
				  n);
		model_search_with(
			name, hostile,
			(struct crew__sim_options){ .spurious_one_in = 4, .early_one_in = 8 }, n);
	}
}

void model_search(const char *name, struct model model, uint64_t n)
{
	model_search_from(name, model, 1, n);
}

void model_enumerate(const char *name, struct model model, unsigned bound)
{
	for (int fences = 0; fences < 2; fences++) {
		char full[64];
		struct crew__sim_options options = { .name = full, .no_membarrier = fences };
		struct crew__sim_result result;

		snprintf(full, sizeof(full), "%s%s", name, fences ? "_fences" : "");
		result = crew__sim_enumerate(&options, model_main, &model, bound);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
		cr_assert(result.complete);
	}
}

/* ---- tasks that several models use ------------------------------------------------- */

int model_tree(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	struct crew_group *group;

	model_ran(n);
	if (n >= 7)
		return 0;
	group = model_open(NULL);
	crew_group_spawn(group, model_tree, (void *)(uintptr_t)(2 * n + 1));
	crew_group_spawn(group, model_tree, (void *)(uintptr_t)(2 * n + 2));
	return model_close(group, 0);
}

int model_tree_program(void *arg)
{
	int rc = model_tree(arg);

	model_check_ran(0, 15);
	return rc;
}

int model_leaf(void *arg)
{
	model_ran((unsigned)(uintptr_t)arg);
	return 0;
}

int model_sleep(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	int rc = crew_sleep(CREW_MS(1) * (1 + n % 3));

	model_ran(n);
	return rc;
}

int model_yield(void *arg)
{
	for (int i = 0; i < 3; i++)
		crew_yield();
	model_ran((unsigned)(uintptr_t)arg);
	return crew_checkpoint();
}

void model_run_beside(struct model *m)
{
	unsigned n = 60 + (unsigned)crew__add_relaxed(&m->numbers, 1);

	crew__sim_check(crew_run(m->crew, model_sleep, (void *)(uintptr_t)n) == 0,
			"crew_run beside failed");
	model_check_ran(n, n + 1);
}
