/* SPDX-License-Identifier: MIT */
/*
 * group.c - groups: open, spawn, wait, close. Counting is join.h's, running too;
 * here it is decided who may do what, what a failure means, and what close says.
 *
 * WORDS
 *	owner	who opened the group: a task of the crew (then `fiber` is its fiber, and
 *		what runs there counts in `own`), or a visitor: a plain thread, a task of
 *		another crew, the function inside crew_blocking().
 *
 * LIFE	OPEN -> CLOSING (the owner is in close; children may still spawn) -> CLOSED
 *
 * INVARIANTS
 *	G1  The group's scope is the caller's innermost from open to close, but for
 *	    groups opened inside. So close in the wrong order is seen by one compare.
 *	G2  `first` is set once. FAIL_FAST marks the scope after that.
 *	G3  A group's failure interrupts the owner, which is below the group's scope in
 *	    everything that it may be doing; siblings see the mark when they look.
 *
 * ROOM (R8). close runs children in place only while the stack has half its size
 * left, and while nobody waits for the worker's attention.
 */
#include "exec/exec.h"

#include "crew/crew.h"

/* private_.state: not 0 and not small, so that garbage is no open group */
#define OPEN	UINT32_C(0x6f70656e)
#define CLOSING UINT32_C(0x6f70656f)
#define CLOSED	UINT32_C(0x73687574)

static bool is_open(const struct crew_group *group)
{
	return group->private_.state - OPEN <= 1;
}

/* ---- open ----------------------------------------------------------------- */

static void read_options(struct crew_group *group, const struct crew_group_options *options)
{
	if (!options)
		return;
	group->scope.private_.name = options->name;
	group->private_.policy = options->policy;
	if (options->crew)
		group->private_.crew = options->crew;
	if (options->size < sizeof(*options) || options->policy > CREW_SUPERVISE)
		group->private_.refused = CREW_EINVAL;
}

static void open_visiting(struct crew_group *group)
{
	struct crew *crew = group->private_.crew;

	if (group->private_.refused)
		return;
	if (!crew)
		group->private_.refused = CREW_ESTATE;
	else if (crew__is_forked(crew))
		group->private_.refused = CREW_EFORKED;
	else
		group->private_.refused = crew__visit(crew, group);
}

void crew_group_open(struct crew_group *group, const struct crew_group_options *options)
{
	struct crew__caller caller = { .worker = crew__self() };

	caller.fiber = crew__likely(caller.worker) ? caller.worker->fiber : crew__self_host();
	group->scope.private_.state.value = 0;
	group->scope.private_.name = NULL;
	group->scope.private_.parent = crew__caller_scope(&caller);
	group->private_.own = 0;
	group->private_.count.value = CREW__JOIN_BIAS;
	group->private_.lock = 0;
	group->private_.first = 0;
	group->private_.refused = 0;
	group->private_.policy = CREW_FAIL_FAST;
	group->private_.state = OPEN;
	group->private_.crew = caller.fiber ? caller.fiber->crew : NULL;
	if (crew__unlikely(options))
		read_options(group, options);
	group->scope.private_.crew = group->private_.crew;
	if (crew__likely(caller.worker && group->private_.crew == caller.worker->crew)) {
		group->private_.fiber = caller.fiber;
		caller.fiber->scope = &group->scope;
		return;
	}
	group->private_.fiber = NULL;
	open_visiting(group);
	if (group->private_.refused)
		group->scope.private_.crew = NULL; /* it may be gone: nobody looks at it */
	crew__caller_set_scope(&caller, &group->scope);
}

/* ---- what children say ----------------------------------------------------- */

#define STOPPED UINT64_C(2) /* in the scope's state: a child was stopped by a cancellation */

static void cancel_from_inside(struct crew_group *group)
{
	struct crew__fiber *owner = group->private_.fiber;

	crew__scope_mark(&group->scope);
	if (owner) { /* G3; a visitor looks for itself */
		crew__interrupt_begin(&owner->parker);
		crew__interrupt_fence();
		crew__interrupt(&owner->parker);
	} else {
		crew__interrupt_threads();
	}
}

static void record_failure(struct crew_group *group, int rc)
{
	uint32_t none = 0;

	crew__cas32_acq_rel((struct crew__word32 *)(void *)&group->private_.first, &none,
			    (uint32_t)rc); /* G2 */
}

static int first_failure(const struct crew_group *group)
{
	return (int)crew__load32_acquire((const struct crew__word32 *)(const void *)&group->private_.first);
}

/* CREW_ECANCELED is no failure when there was a cancellation to obey. */
static bool is_explained(const struct crew_group *group, int rc)
{
	return rc == CREW_ECANCELED && crew__scope_marked(&group->scope);
}

void crew__group_child_skipped(struct crew_group *group)
{
	crew__or_acq_rel(&group->scope.private_.state, STOPPED);
}

void crew__group_child_failed(struct crew_group *group, int rc)
{
	if (is_explained(group, rc)) {
		crew__group_child_skipped(group);
		return;
	}
	record_failure(group, rc);
	if (group->private_.policy == CREW_FAIL_FAST)
		cancel_from_inside(group);
}

/* ---- spawn ------------------------------------------------------------------ */

/* May this caller spawn into the group? 0, or why not. */
static int may_spawn(const struct crew_group *group, const struct crew__caller *caller,
		     crew_task_fn *fn)
{
	const struct crew *crew = group->private_.crew;

	if (!fn)
		return CREW_EINVAL;
	if (!is_open(group))
		return CREW_ECLOSED;
	if (group->private_.refused)
		return group->private_.refused;
	if (crew__is_forked(crew))
		return CREW_EFORKED;
	if (!caller->fiber && crew__load_acquire(&crew->state) != CREW__OPEN)
		return CREW_ECLOSED;
	return crew__scope_marked(&group->scope) ? CREW_ECANCELED : 0;
}

static void count_spawn(struct crew_group *group, bool on_owner, int64_t n)
{
	if (on_owner)
		group->private_.own += n;
	else
		crew__add_acq_rel(&group->private_.count, (uint64_t)n);
}

static int spawn_slow(struct crew_group *group, const struct crew__slot *slot,
		      const struct crew_task_options *options, const void *copy, size_t copy_bytes)
{
	struct crew__caller caller = crew__caller();
	bool on_owner = caller.worker && caller.fiber == group->private_.fiber;
	int rc = may_spawn(group, &caller, slot->fn);

	if (rc)
		return rc;
	count_spawn(group, on_owner, 1);
	if (caller.worker && caller.worker->crew == group->private_.crew && !options && !copy &&
	    crew__deque_push(&caller.worker->deque, slot)) {
		if (crew__load_relaxed(&caller.worker->deque.attention) &
		    (CREW__HUNGER | CREW__NAPPER))
			crew__idle_pushed(caller.worker);
		return 0;
	}
	rc = crew__submit(group->private_.crew, caller.worker, slot, options, copy, copy_bytes);
	if (rc)
		count_spawn(group, on_owner, -1);
	return rc;
}

int crew_group_spawn_at(struct crew_group *group, crew_task_fn *fn, void *arg, const char *site)
{
	struct crew__worker *worker = crew__self();
	struct crew__slot slot = { .fn = fn, .arg = arg, .group = (uintptr_t)group, .site = site };
	struct crew__fiber *fiber;
	uint64_t attention;

	if (crew__unlikely(!worker || !fn || !is_open(group)))
		return spawn_slow(group, &slot, NULL, NULL, 0);
	fiber = worker->fiber;
	if (crew__unlikely(fiber != group->private_.fiber || !crew__fiber_clean(fiber)))
		return spawn_slow(group, &slot, NULL, NULL, 0);
	if (crew__unlikely(!crew__deque_push(&worker->deque, &slot)))
		return spawn_slow(group, &slot, NULL, NULL, 0);
	group->private_.own++;
	attention = crew__load_relaxed(&worker->deque.attention);
	if (crew__unlikely(attention & (CREW__HUNGER | CREW__NAPPER)))
		crew__idle_pushed(worker);
	return 0;
}

int crew_group_spawn_copy_at(struct crew_group *group, crew_task_fn *fn, const void *arg,
			     size_t arg_size, const char *site)
{
	struct crew__slot slot = { .fn = fn, .group = (uintptr_t)group, .site = site };

	if (arg_size > CREW_COPY_MAX || (arg_size && !arg))
		return CREW_EINVAL;
	return spawn_slow(group, &slot, NULL, arg ? arg : "", arg_size);
}

int crew_group_spawn_task_at(struct crew_group *group, crew_task_fn *fn, void *arg,
			     const struct crew_task_options *options, struct crew_task **task,
			     const char *site)
{
	struct crew__slot slot = { .fn = fn, .arg = arg, .group = (uintptr_t)group, .site = site };

	if (task || (options && (options->size < sizeof(*options) ||
				 options->flags & ~(uint32_t)CREW_TASK_PINNED)))
		return CREW_EINVAL;
	return spawn_slow(group, &slot, options, NULL, 0);
}

/* ---- wait and close --------------------------------------------------------- */

/* The short answer of may_leave() for a task of the crew. */
static bool owns(const struct crew_group *group, const struct crew__fiber *fiber)
{
	return group->private_.state == OPEN && group->private_.fiber == fiber &&
	       fiber->scope == &group->scope;
}

/* Is the caller the owner, and the group its innermost? */
static int may_leave(const struct crew_group *group, const struct crew__caller *caller)
{
	if (group->private_.state != OPEN)
		return CREW_ESTATE;
	if (caller->fiber && crew__is_forked(caller->fiber->crew))
		return CREW_EFORKED;
	if (group->private_.crew && !group->private_.refused &&
	    crew__is_forked(group->private_.crew))
		return CREW_EFORKED;
	/* a child of the group stands in its scope too, but on another fiber */
	if (group->private_.fiber ? !caller->worker || group->private_.fiber != caller->fiber :
				    caller->worker && caller->worker->crew == group->private_.crew)
		return CREW_ESTATE;
	return crew__caller_scope(caller) == &group->scope ? 0 : CREW_ESTATE; /* G1 */
}

int crew_group_wait(struct crew_group *group)
{
	struct crew__caller caller = crew__caller();
	int rc = may_leave(group, &caller);

	if (rc == 0)
		rc = crew__caller_check(&caller);
	if (rc)
		return rc;
	if (crew__join_left(group) == 0) {
		crew_yield();
		return 0;
	}
	return crew__join_park(group, true, "group wait") ? 0 : CREW_ECANCELED;
}

/* Runs one child of the group that is the newest task here. False: park. */
static bool run_in_place(struct crew_group *group, struct crew__fiber *fiber)
{
	struct crew__worker *worker = fiber->worker;
	uintptr_t newest = crew__deque_peek_group(&worker->deque);
	struct crew__slot slot;
	uint64_t site;
	int rc;

	/* pinned ones need a fiber of their own */
	if (crew__unlikely((newest & ~CREW__SLOT_RECORD) != (uintptr_t)group))
		return false;
	if (crew__unlikely((char *)__builtin_frame_address(0) < fiber->room))
		return false;
	if (crew__unlikely(crew__load_relaxed(&worker->deque.attention) & CREW__LOOK) &&
	    crew__worker_must_park(worker))
		return false;
	if (!crew__deque_pop(&worker->deque, &slot))
		return false;
	crew__count(&worker->counters.tasks, 1);
	group->private_.own--;
	if (crew__unlikely(!crew__fiber_clean(fiber)) && !crew__fiber_look(fiber)) {
		if (slot.group & CREW__SLOT_RECORD)
			crew__record_run(fiber, slot.arg, true);
		crew__group_child_skipped(group);
		return true;
	}
	site = fiber->site.value;
	crew__note(&fiber->site, slot.site);
	if (crew__unlikely(slot.group & CREW__SLOT_RECORD))
		rc = crew__record_run(fiber, slot.arg, false);
	else
		rc = slot.fn(slot.arg);
	__atomic_store_n(&fiber->site.value, site, __ATOMIC_RELAXED);
	crew__require(fiber->scope == &group->scope, "a task returned without closing its group",
		      slot.site);
	if (crew__unlikely(rc))
		crew__group_child_failed(group, rc);
	return true;
}

/* What close says when all children have ended. */
static int outcome(const struct crew_group *group, int rc)
{
	int first = first_failure(group);
	bool stopped = crew__load_relaxed(&group->scope.private_.state) & STOPPED;

	if (group->private_.policy == CREW_SUPERVISE)
		return rc;
	if (first)
		return first;
	/* rc can only be an explained CREW_ECANCELED here */
	return (stopped || rc) && crew__scope_marked(group->scope.private_.parent) ? CREW_ECANCELED :
									       rc;
}

int crew_group_close(struct crew_group *group, int rc)
{
	struct crew__caller caller = crew__caller();

	if (crew__unlikely(!caller.worker || !owns(group, caller.fiber) ||
			   !crew__fiber_clean(caller.fiber))) {
		int wrong = may_leave(group, &caller);

		if (wrong)
			return wrong;
	}
	group->private_.state = CLOSING;
	if (crew__unlikely(group->private_.refused)) {
		group->private_.state = CLOSED;
		crew__caller_set_scope(&caller, group->scope.private_.parent);
		return group->private_.refused;
	}
	if (crew__unlikely(rc) && !is_explained(group, rc)) {
		record_failure(group, rc);
		cancel_from_inside(group);
	}
	if (group->private_.fiber)
		while (group->private_.own > 0 && run_in_place(group, caller.fiber))
			;
	if (crew__join_left(group))
		crew__join_park(group, false, "group close");
	group->private_.state = CLOSED;
	rc = outcome(group, rc);
	crew__caller_set_scope(&caller, group->scope.private_.parent);
	if (!group->private_.fiber)
		crew__leave(group->private_.crew, group);
	return rc;
}
