/* SPDX-License-Identifier: MIT */
/*
 * tangle.h - random programs over what scopes and groups can do: handles that siblings join
 * and cancel, lazy and isolated tasks, the next, limits, holds that a plain thread lets go,
 * hooks, links, handles of scopes, bindings, what is deferred, what is said of failures. They
 * are run by stress/tangle.c (real threads) and model/tangle.c (the simulated world).
 *
 * A program is a tree of nodes, made from a seed. What must hold, whoever is cancelled:
 * nobody runs twice, or after its group is closed; arguments are freed once, values are taken
 * or freed; a child sees what its parent has bound, its parent's close what it wrote; the
 * stats add up; all ends.
 *
 * Whoever includes this defines TANGLE_CHECK(condition, message).
 */
#ifndef SUPPORT_TANGLE_H
#define SUPPORT_TANGLE_H

#include "crew/crew.h"

#include "base/atomic.h"
#include "base/random.h"

#include <string.h>

#define TANGLE_NODES	64
#define TANGLE_CHILDREN 3

struct tangle_node {
	uint64_t seed;
	unsigned depth;
	struct tangle_node *parent;
	unsigned older; /* siblings that were spawned before */
	bool listed;
	bool lazy;
	bool ended; /* plain memory */
	bool spawned;
	bool starts; /* by crew_group_start(), and says so once */
	bool said;
	struct crew_word ran;
	struct crew_word arg_freed;
	struct crew_word taken; /* the value */
	struct crew_word value_freed;
	/* of its block, while it is open */
	struct crew_group group;
	bool limited;
	struct crew_scope_ref *ref;
	struct tangle_node *child[TANGLE_CHILDREN];
	struct crew_task *task[TANGLE_CHILDREN];
};

static struct {
	struct crew *crew;
	struct crew_scope token;
	struct crew_word held;	/* a group that is held for the plain thread */
	struct crew_word given; /* a task whose handle is the plain thread's */
	struct crew_word done;
	struct crew_word used;
	struct tangle_node nodes[TANGLE_NODES];
} tangle;

static const char tangle_key;

static inline bool tangle_toss(uint64_t *random, uint32_t one_in)
{
	return crew__random_below(random, one_in) == 0;
}

static inline struct tangle_node *tangle_make(struct tangle_node *parent, uint64_t seed)
{
	uint64_t index = crew__add_acq_rel(&tangle.used, 1);
	struct tangle_node *node = &tangle.nodes[index];

	TANGLE_CHECK(index < TANGLE_NODES, "TANGLE_NODES is too small");
	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->depth = parent ? parent->depth + 1 : 0;
	node->seed = seed;
	return node;
}

static inline void tangle_free_arg(void *arg)
{
	struct tangle_node *node = (struct tangle_node *)arg;

	TANGLE_CHECK(crew__add_acq_rel(&node->arg_freed, 1) == 0, "an argument was freed twice");
}

static inline void tangle_free_value(void *value)
{
	struct tangle_node *node = (struct tangle_node *)value;

	TANGLE_CHECK(crew__add_acq_rel(&node->value_freed, 1) == 0, "a value was freed twice");
	TANGLE_CHECK(!crew__load_acquire(&node->taken), "a value was taken and freed");
}

static inline void tangle_hook(void *arg)
{
	struct tangle_node *node = (struct tangle_node *)arg;

	crew_fail(100, "hook of depth %u", node->depth);
	if (node->depth == 1)
		crew_scope_cancel(&tangle.token, "hook");
}

static inline int tangle_leaf(void *arg)
{
	(void)arg;
	crew_yield();
	return crew_check() ? CREW_ECANCELED : 0;
}

static inline void tangle_deferred(void *arg)
{
	struct tangle_node *node = (struct tangle_node *)arg;

	crew_group_spawn(&node->group, tangle_leaf, NULL);
	crew_fail(101, "deferred");
}

/* ---- what is done with handles ------------------------------------------------------- */

static inline void tangle_check_joined(struct tangle_node *child, struct crew_task *task, int rc,
				       struct tangle_node *value)
{
	TANGLE_CHECK(crew_task_status(task) >= CREW_TASK_FINISHED, "joined before its end");
	TANGLE_CHECK(!value || value == child, "another one's value");
	TANGLE_CHECK(crew__load_acquire(&child->arg_freed) == 1, "joined before arg_free");
	TANGLE_CHECK((crew_task_status(task) == CREW_TASK_FINISHED) == (rc == 0), "state and code");
}

static inline void tangle_join(struct tangle_node *child, struct crew_task *task, bool wait)
{
	void *value = NULL;
	int rc = -1;
	int joined;

	/* (it is taken, if it is, before it could be freed: we hold it) */
	joined = wait ? crew_task_join(task, &rc, &value) :
			crew_task_join_nowait(task, &rc, &value);
	if (joined) {
		TANGLE_CHECK(joined == (wait ? CREW_ECANCELED : CREW_EWOULDBLOCK), "join");
		return;
	}
	if (value)
		crew__store_release(&child->taken, 1);
	tangle_check_joined(child, task, rc, (struct tangle_node *)value);
}

static inline void tangle_next(struct tangle_node *node, uint64_t *random)
{
	struct crew_task *task = NULL;
	int rc = tangle_toss(random, 2) ? crew_group_next(&node->group, &task) :
		 tangle_toss(random, 2) ? crew_group_next_spawned(&node->group, &task) :
					  crew_group_next_nowait(&node->group, &task);

	TANGLE_CHECK((rc == 0) == (task != NULL), "next");
	TANGLE_CHECK(rc == 0 || rc == CREW_EEMPTY || rc == CREW_EWOULDBLOCK || rc == CREW_ECANCELED,
		     "the code of next");
	if (task)
		TANGLE_CHECK(crew_task_status(task) >= CREW_TASK_FINISHED, "next has not ended");
	crew_task_drop(task);
}

/* A child that nobody knows takes all that there are. */
static inline int tangle_take_all(void *arg)
{
	struct tangle_node *node = (struct tangle_node *)arg;
	struct crew_task *task;
	int rc;

	while ((rc = crew_group_next(&node->group, &task)) == 0) {
		TANGLE_CHECK(crew_task_status(task) >= CREW_TASK_FINISHED, "next has not ended");
		crew_task_drop(task);
	}
	TANGLE_CHECK(rc == CREW_EEMPTY || rc == CREW_ECANCELED, "the code of next");
	return 0;
}

/* A child does something to its older siblings, and to what its parent has opened. */
static inline void tangle_meddle(struct tangle_node *node, uint64_t *random)
{
	struct tangle_node *parent = node->parent;
	unsigned which = crew__random_below(random, TANGLE_CHILDREN);

	/* (who holds room does not wait for who may wait for it) */
	if (which < node->older && parent->task[which]) {
		if (tangle_toss(random, 3))
			crew_task_cancel(parent->task[which], "sibling");
		else if (!(parent->limited && parent->child[which]->lazy))
			tangle_join(parent->child[which], parent->task[which],
				    tangle_toss(random, 2));
	}
	if (!node->listed && !parent->limited && tangle_toss(random, 3))
		tangle_next(parent, random);
	if (!parent->limited && tangle_toss(random, 4))
		crew_group_spawn(&parent->group, tangle_take_all, parent);
	if (tangle_toss(random, 20))
		crew_group_cancel(&parent->group, "child");
	if (parent->ref && tangle_toss(random, 10))
		crew_scope_ref_cancel(parent->ref, "child");
	if (parent->limited && tangle_toss(random, 3))
		crew_group_set_running_max(&parent->group, crew__random_below(random, 3));
}

/* ---- a node -------------------------------------------------------------------------- */

static inline int tangle_run(void *arg);

static inline void tangle_spawn(struct tangle_node *node, unsigned i, uint64_t *random)
{
	struct tangle_node *child = tangle_make(node, crew__random(random));
	struct crew_task_options options = { .size = sizeof(options),
					     .name = "child",
					     .arg_free = tangle_free_arg,
					     .value_free = tangle_free_value };
	int rc;

	child->older = i;
	child->listed = !tangle_toss(random, 3);
	options.flags = crew__random_below(random, child->listed ? 16 : 4);
	if (!(options.flags & CREW_TASK_LAZY) && tangle_toss(random, 4))
		options.flags |= CREW_TASK_INLINE;
	if (tangle_toss(random, 2))
		options.flags &= ~(uint32_t)CREW_TASK_PINNED;
	child->lazy = options.flags & CREW_TASK_LAZY;
	node->child[i] = child;
	rc = crew_group_spawn_task(&node->group, tangle_run, child, &options,
				   child->listed ? &node->task[i] : NULL);
	TANGLE_CHECK(rc == 0 || rc == CREW_ECANCELED, "spawn");
	TANGLE_CHECK(rc == 0 || crew__load_acquire(&child->arg_freed) == 1,
		     "refused, and not freed");
	child->spawned = rc == 0;
}

/* One that is given away is nobody else's to join. */
static inline void tangle_give(struct crew_task **task)
{
	uint64_t none = 0;

	if (*task && crew__cas_acq_rel(&tangle.given, &none, (uint64_t)(uintptr_t)*task))
		*task = NULL;
}

/* One that is waited for until it says that it has started. */
static inline void tangle_start(struct tangle_node *node, unsigned i, uint64_t *random)
{
	struct tangle_node *child = tangle_make(node, crew__random(random));
	void *value = NULL;
	int rc;

	child->older = i;
	child->starts = true;
	node->child[i] = child;
	rc = crew_group_start(&node->group, tangle_run, child, &value);
	TANGLE_CHECK(rc == 0 ? value == child && child->said : !value, "started");
	TANGLE_CHECK(rc != CREW_ENOSTART || !child->said, "it has said so");
	child->spawned = child->said || child->ended;
}

static inline void tangle_hold(struct tangle_node *node)
{
	uint64_t none = 0;

	if (crew_group_hold(&node->group))
		return;
	if (!crew__cas_acq_rel(&tangle.held, &none, (uint64_t)(uintptr_t)&node->group))
		crew_group_release(&node->group);
}

static inline void tangle_check_stats(struct tangle_node *node)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };

	if (crew_group_read_stats(&node->group, &stats))
		return;
	TANGLE_CHECK(stats.active < 50 && stats.finished < 50 && stats.failed < 50 &&
			     stats.cancelled < 50 && stats.never_started < 50,
		     "stats");
}

static inline void tangle_own(struct tangle_node *node, uint64_t *random)
{
	for (unsigned i = 0; i < TANGLE_CHILDREN; i++) {
		if (tangle_toss(random, 6)) {
			tangle_start(node, i, random);
			continue;
		}
		tangle_spawn(node, i, random);
		/* (the last one's siblings do not know it) */
		if (i == TANGLE_CHILDREN - 1 && tangle_toss(random, 2))
			tangle_give(&node->task[i]);
		if (tangle_toss(random, 4))
			tangle_hold(node);
	}
	for (unsigned i = 0; i < TANGLE_CHILDREN; i++) {
		if (!node->task[i])
			continue;
		if (tangle_toss(random, 3))
			tangle_join(node->child[i], node->task[i], tangle_toss(random, 2));
		else if (tangle_toss(random, 6))
			crew_task_cancel(node->task[i], "owner");
	}
	if (tangle_toss(random, 2))
		tangle_next(node, random);
	tangle_check_stats(node);
	if (tangle_toss(random, 4))
		crew_group_wait(&node->group);
}

/* The group is closed: all of it is over, and what is held of it still there. */
static inline void tangle_check_closed(struct tangle_node *node)
{
	for (unsigned i = 0; i < TANGLE_CHILDREN; i++) {
		struct tangle_node *child = node->child[i];

		TANGLE_CHECK(crew__load_relaxed(&child->arg_freed) == !child->starts, "arg_free");
		TANGLE_CHECK(crew__load_relaxed(&child->ran) == child->ended, "it still runs");
		TANGLE_CHECK(child->spawned || !child->ended, "it was refused, and runs");
		if (!node->task[i])
			continue;
		TANGLE_CHECK((crew_task_status(node->task[i]) == CREW_TASK_NEVER_STARTED) ==
				     !child->ended,
			     "never started");
		tangle_join(child, node->task[i], false);
		crew_task_drop(node->task[i]);
	}
}

static inline int tangle_block(struct tangle_node *node, uint64_t *random)
{
	bool asks = tangle_toss(random, 2);
	struct crew_errors errors = { 0 };
	struct crew_local binding;
	struct crew_defer entry;
	struct crew_group_options options = {
		.size = sizeof(options),
		.name = "tangle",
		.crew = tangle.crew,
		.policy = (enum crew_policy)crew__random_below(random, 3),
		.running_max = tangle_toss(random, 2) ? 1 + crew__random_below(random, 2) : 0,
		.timeout_ns = tangle_toss(random, 6) ? CREW_US(1) : 0,
		.errors = asks ? &errors : NULL,
	};
	int rc;

	node->limited = options.running_max;
	crew_group_open(&node->group, &options);
	TANGLE_CHECK(crew_local_set(&binding, &tangle_key, node) == 0, "bind");
	if (tangle_toss(random, 3))
		crew_group_defer(&node->group, &entry, tangle_deferred, node);
	tangle_own(node, random);
	rc = crew_group_close(&node->group, tangle_toss(random, 6) ? 3 : 0);
	TANGLE_CHECK(rc != CREW_ESTATE, "close");
	tangle_check_closed(node);
	memset(&node->group, 0xa5, sizeof(node->group));
	if (asks) {
		for (const struct crew_error *at = crew_errors_find(&errors, 0, NULL); at;
		     at = crew_errors_find(&errors, 0, at))
			TANGLE_CHECK(at->rc != 0, "an error without a code");
		crew_errors_fini(&errors);
	}
	return rc;
}

static inline int tangle_in_scope(struct tangle_node *node, uint64_t *random)
{
	struct crew_scope_hook hook;
	struct crew_link link;
	struct crew_scope scope;
	int rc;

	crew_scope_open(&scope, CREW_SCOPE(.timeout_ns = tangle_toss(random, 4) ? CREW_US(2) : 0,
					   .shield = tangle_toss(random, 6)));
	if (tangle_toss(random, 2))
		crew_scope_on_cancel(&scope, &hook, tangle_hook, node);
	if (tangle_toss(random, 2))
		crew_scope_link(&scope, &link, &tangle.token);
	if (tangle_toss(random, 2))
		node->ref = crew_scope_take_ref(&scope);
	rc = tangle_block(node, random);
	rc = crew_scope_close(&scope, rc);
	TANGLE_CHECK(rc != CREW_ESTATE, "close of a scope");
	memset(&scope, 0xa5, sizeof(scope));
	memset(&hook, 0xa5, sizeof(hook));
	crew_scope_ref_drop(node->ref);
	node->ref = NULL;
	return rc;
}

static inline void tangle_say(struct tangle_node *node)
{
	node->said = true;
	TANGLE_CHECK(crew_started(node) == 0, "crew_started()");
	TANGLE_CHECK(crew_started(node) == CREW_ESTATE, "it has started already");
}

static inline int tangle_run(void *arg)
{
	struct tangle_node *node = (struct tangle_node *)arg;
	uint64_t random = node->seed;
	int rc = 0;

	TANGLE_CHECK(crew__add_acq_rel(&node->ran, 1) == 0, "a node ran twice");
	TANGLE_CHECK(crew_local_get(&tangle_key) == node->parent, "another one's binding");
	if (tangle_toss(&random, 3))
		crew_return(node);
	if (tangle_toss(&random, 3))
		crew_sleep(CREW_US(1));
	if (node->starts && tangle_toss(&random, 3))
		tangle_say(node);
	if (node->parent)
		tangle_meddle(node, &random);
	if (node->starts && !node->said && tangle_toss(&random, 2))
		tangle_say(node);
	if (node->depth < 2 && !tangle_toss(&random, 4))
		rc = tangle_in_scope(node, &random);
	else if (tangle_toss(&random, 2))
		rc = crew_checkpoint();
	if (tangle_toss(&random, 8))
		rc = crew_fail(4, "depth %u", node->depth);
	node->ended = true;
	return rc;
}

/* ---- the program ---------------------------------------------------------------------- */

static inline void tangle_begin(struct crew *crew)
{
	tangle.crew = crew;
	crew_scope_init(&tangle.token, NULL);
	crew__init_word(&tangle.held, 0);
	crew__init_word(&tangle.given, 0);
	crew__init_word(&tangle.done, 0);
	crew__init_word(&tangle.used, 0);
}

/* What two plain threads do beside it, until it is over. */
static inline void tangle_release(uint64_t seed)
{
	while (!crew__load_acquire(&tangle.done)) {
		struct crew_group *group =
			(struct crew_group *)(uintptr_t)crew__exchange_acq_rel(&tangle.held, 0);

		if (!group) {
			crew_sleep(CREW_US(1));
			continue;
		}
		if (tangle_toss(&seed, 2))
			crew_group_spawn(group, tangle_leaf, NULL);
		if (tangle_toss(&seed, 10))
			crew_group_cancel(group, "beside");
		if (tangle_toss(&seed, 10))
			crew_scope_cancel(&tangle.token, "beside");
		if (tangle_toss(&seed, 3))
			crew_group_set_running_max(group, crew__random_below(&seed, 3));
		crew_group_release(group);
	}
}

static inline void tangle_join_given(uint64_t seed)
{
	while (!crew__load_acquire(&tangle.done)) {
		struct crew_task *task =
			(struct crew_task *)(uintptr_t)crew__exchange_acq_rel(&tangle.given, 0);

		if (!task) {
			crew_sleep(CREW_US(1));
			continue;
		}
		if (tangle_toss(&seed, 3))
			crew_task_cancel(task, "beside");
		tangle_join((struct tangle_node *)crew_task_arg(task), task, true);
		crew_task_drop(task);
	}
}

/* All is over. */
static inline void tangle_end(void)
{
	crew__store_release(&tangle.done, 1);
	TANGLE_CHECK(crew__load_acquire(&tangle.held) == 0, "a group is closed and held");
	crew_task_drop((struct crew_task *)(uintptr_t)crew__exchange_acq_rel(&tangle.given, 0));
}

#endif /* SUPPORT_TANGLE_H */
