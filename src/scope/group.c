/* SPDX-License-Identifier: MIT */
/*
 * group.c - groups: open, wait, close. Spawning is in spawn.c; counting is join.h's, running
 * too; here it is decided who may close, what a failure means, and what close says.
 *
 * WORDS
 *	owner	who opened the group: a task of the crew (then `fiber` is its fiber, and
 *		what runs there counts in `own`), or a visitor: a plain thread, a task of
 *		another crew, the function inside crew_blocking().
 *
 * LIFE	OPEN (also while the owner is in close: children may still spawn) -> CLOSED
 *
 * INVARIANTS
 *	G1  The group's scope is the caller's innermost from open to close, but for
 *	    groups opened inside. So close in the wrong order is seen by one compare.
 *	G2  `first` is set once, under the lock. FAIL_FAST marks the scope after that.
 *	G3  A group's failure wakes every waiting task below the group's scope, the owner
 *	    included: whatever the owner does while the group is open lies below it.
 *	G4  All flags of the scope are 0 unless something has happened: close looks once.
 *
 * ROOM (R8). close runs children in place only while the stack has half its size
 * left, and while nobody waits for the worker's attention.
 */
#include "base/sized.h"
#include "scope/errors.h"
#include "scope/group.h"
#include "scope/scope.h"

/* ---- open ----------------------------------------------------------------- */

static int read_options(struct crew_group *group, const struct crew_group_options *options)
{
	struct crew_group_options room;

	if (!options)
		return 0;
	options = CREW__OPTIONS(options, &room, errors);
	if (!options)
		return CREW_EINVAL;
	if (options->errors)
		crew__group_keep_in(group, options->errors);
	if ((unsigned)options->policy > CREW_SUPERVISE || options->timeout_ns < 0)
		return CREW_EINVAL;
	group->scope.private_.name = options->name;
	group->private_.state = CREW__GROUP_OPEN | (uint32_t)options->policy;
	if (options->crew)
		group->scope.private_.crew = options->crew;
	return 0;
}

static int visit(struct crew_group *group, const struct crew__caller *caller)
{
	struct crew *crew = group->scope.private_.crew;
	int rc;

	if (!crew)
		return crew__self_orphan() ? CREW_EFORKED : CREW_ESTATE;
	if (crew__is_forked(crew))
		return CREW_EFORKED;
	group->private_.host = caller->worker ? NULL : caller->fiber;
	if (caller->worker)
		caller->fiber->epoch = 0; /* the crew may be a cancelled one */
	rc = crew__visit(crew, group, caller->fiber && caller->fiber->crew == crew);
	if (rc == 0 && !caller->fiber)
		crew__deadline_lend(group->scope.private_.parent, crew);
	return rc;
}

/* Everybody but a task that opens a group of its own crew with the defaults. */
static __attribute__((noinline)) void open_slow(struct crew_group *group,
						const struct crew_group_options *options)
{
	struct crew__caller caller = crew__caller();
	int rc;

	group->scope.private_.parent = crew__caller_scope(&caller);
	group->scope.private_.crew = caller.fiber ? caller.fiber->crew : NULL;
	group->private_.fiber = NULL;
	rc = read_options(group, options);
	if (rc == 0 && caller.worker && group->scope.private_.crew == caller.worker->crew)
		group->private_.fiber = caller.fiber;
	else if (rc == 0)
		rc = visit(group, &caller);
	if (rc == 0 && options && options->running_max)
		crew__admission_open(group, &caller, options->running_max);
	if (rc) {
		group->scope.private_.crew = NULL; /* it may be gone: nobody looks at it */
		group->private_.refused = rc;
		group->private_.state = CREW__GROUP_REFUSED;
	}
	crew__caller_set_scope(&caller, &group->scope);
	if (rc == 0 && options && options->timeout_ns) {
		crew__deadline_set(&group->scope, crew_later(options->timeout_ns));
		crew__deadline_enter(&group->scope);
	}
}

void crew_group_open(struct crew_group *group, const struct crew_group_options *options)
{
	struct crew__worker *worker = crew__self();
	struct crew__fiber *fiber;

	group->scope.private_.name = NULL;
	group->scope.private_.flags = 0;
	group->scope.private_.lock = 0;
	group->private_.own = 0;
	group->private_.back = 0;
	group->private_.state = CREW__GROUP_OPEN | CREW_FAIL_FAST;
	group->private_.closing = 0;
	group->private_.lock = 0;
	group->private_.first = 0;
	crew__init_word(&group->private_.count, 0);
	crew__init_word(&group->private_.elsewhere, 0);
	if (crew__unlikely(!worker || options)) {
		open_slow(group, options);
		return;
	}
	fiber = worker->fiber;
	group->scope.private_.parent = fiber->scope;
	crew__compiler_barrier(); /* no vector of the two: close is to read the one back at once */
	group->scope.private_.crew = worker->crew;
	group->private_.fiber = fiber;
	crew__worker_stands(worker, fiber, &group->scope);
}

/* ---- what children say ----------------------------------------------------- */

static void cancel_for(struct crew_group *group, enum crew_cancel_source source, const char *reason)
{
	struct crew__caller caller = crew__caller();
	struct crew__cause cause = crew__caller_cause(&caller, source, reason);

	crew__scope_cancel(&group->scope, &cause);
}

void crew_group_cancel(struct crew_group *group, const char *reason)
{
	if (crew__group_is_open(group))
		cancel_for(group, CREW_BY_CALL, reason);
}

static void cancel_from_inside(struct crew_group *group, enum crew_cancel_source source)
{
	/* who fails next need not wait for the first one to have woken everybody */
	if (!(crew__scope_flags(&group->scope) & CREW__MARKED))
		cancel_for(group, source, NULL);
}

/* CREW_ECANCELED is no failure when there was a cancellation to obey. */
static bool is_explained(const struct crew_group *group, int rc)
{
	return rc == CREW_ECANCELED && crew__scope_cancelled(&group->scope);
}

struct crew__roster *crew__group_lock(struct crew_group *group)
{
	struct crew__roster *roster = crew__group_roster(group);

	crew__lock_acquire(crew__join_lock(group));
	if (!crew__scope_has(&group->scope, CREW__GROUP_ROSTER)) {
		*roster = (struct crew__roster){ 0 };
		crew__list_init(&roster->kept);
		crew__list_init(&roster->ended);
		crew__list_init(&roster->takers);
		crew__group_note(group, CREW__GROUP_ROSTER);
	}
	return roster;
}

void crew__group_tally(struct crew_group *group, enum crew_task_state state)
{
	struct crew__roster *roster = crew__group_lock(group);

	if (state == CREW_TASK_FAILED)
		roster->failed++;
	else if (state == CREW_TASK_CANCELLED)
		roster->cancelled++;
	else
		roster->never_started++;
	crew__group_unlock(group);
}

void crew__group_child_skipped(struct crew_group *group)
{
	crew__group_note(group, CREW__GROUP_STOPPED);
	crew__group_tally(group, CREW_TASK_NEVER_STARTED);
}

void crew__group_child_failed(struct crew_group *group, int rc)
{
	struct crew__fiber *fiber = crew__self()->fiber;
	bool explained = is_explained(group, rc);
	/* what follows from the group's own timeout is no failure of its own (F12) */
	bool late = crew__scope_source(&group->scope) == CREW_BY_DEADLINE;

	if (!explained)
		crew__group_add_error(group, rc, crew__error_of(fiber, rc), !late);
	crew__group_tally(group, explained ? CREW_TASK_CANCELLED : CREW_TASK_FAILED);
	crew__group_note(group, explained || late ? CREW__GROUP_STOPPED : CREW__GROUP_FAILED);
	if (!explained && !late && crew__group_policy(group) == CREW_FAIL_FAST)
		cancel_from_inside(group, CREW_BY_SIBLING);
	crew__pending_drop(fiber); /* L1: hooks may have said something, too */
}

/* ---- wait and close --------------------------------------------------------- */

/* The short answer of may_leave() for a task of the crew. */
static bool owns(const struct crew_group *group, const struct crew__fiber *fiber)
{
	return group->private_.fiber == fiber && fiber->scope == &group->scope &&
	       !group->private_.closing && !fiber->task;
}

/* Is the caller the owner, and the group `innermost`, where the caller stands? */
static int owner_stands(const struct crew_group *group, const struct crew__caller *caller,
			const struct crew_scope *innermost)
{
	const struct crew *crew = group->scope.private_.crew; /* NULL when refused */

	if (!crew__group_is_open(group) && group->private_.state != CREW__GROUP_REFUSED)
		return CREW_ESTATE;
	if (crew && crew__is_forked(crew))
		return CREW_EFORKED;
	/* a child of the group, and what it calls by crew_blocking(), stand in its scope
	 * too, but on another fiber */
	if (crew__group_fiber(group) ?
		    crew__group_fiber(group) != caller->fiber :
		    crew && caller->fiber && caller->fiber->crew == crew &&
			    (caller->worker || group->private_.host != caller->fiber))
		return CREW_ESTATE;
	/* G1; and only the owner looks at its own `closing`, for a child run in place */
	return innermost == &group->scope && !group->private_.closing ? 0 : CREW_ESTATE;
}

/* Is the caller the owner, and the group its innermost? */
static int may_leave(const struct crew_group *group, const struct crew__caller *caller)
{
	return owner_stands(group, caller, crew__caller_scope(caller));
}

/* The same, but scopes may be open inside, such as one that says how long to wait. */
static int may_look(const struct crew_group *group, const struct crew__caller *caller)
{
	const struct crew_scope *scope = crew__caller_scope(caller);

	while (scope && crew__scope_has(scope, CREW__ALONE))
		scope = scope->private_.parent;
	return owner_stands(group, caller, scope);
}

int crew__group_owned(const struct crew_group *group)
{
	struct crew__caller caller = crew__caller();

	return may_leave(group, &caller);
}

/* The wrong order: what the owner has opened inside is cancelled, and still to be
 * closed. Nothing happens to a group that the caller does not own. */
static void cancel_what_is_inside(struct crew_group *group, const struct crew__caller *caller)
{
	if (crew__group_is_open(group) &&
	    !(crew__group_fiber(group) && crew__group_fiber(group) != caller->fiber))
		crew__caller_cancel_inside(caller, &group->scope);
}

/* All that were counted as children until now. */
static uint64_t spawned(const struct crew_group *group)
{
	return group->private_.own + crew__load_acquire(&group->private_.elsewhere);
}

int crew_group_read_stats(struct crew_group *group, struct crew_group_stats *stats)
{
	struct crew__caller caller = crew__caller();
	struct crew_group_stats now = { .size = sizeof(now) };
	struct crew__roster *roster;
	uint64_t before;
	uint64_t badly;
	uint64_t ended;
	int rc = CREW_EINVAL;

	if (stats && stats->size >= CREW__SIZE_TO(struct crew_group_stats, never_started))
		rc = may_look(group, &caller);
	if (rc == 0 && group->private_.state == CREW__GROUP_REFUSED)
		rc = group->private_.refused;
	if (rc)
		return rc;
	/* Whoever ends badly says so before it is counted off: so, read in this order, none
	 * of them, and none that is new, is taken for one that has ended well. */
	before = spawned(group);
	ended = before - crew__join_left(group);
	roster = crew__group_lock(group);
	now.failed = roster->failed;
	now.cancelled = roster->cancelled;
	now.never_started = roster->never_started;
	badly = now.failed + now.cancelled + now.never_started + roster->forgotten;
	now.finished = (int64_t)(ended - badly) > 0 ? ended - badly : 0;
	now.active = spawned(group) - badly - now.finished;
	crew__group_unlock(group);
	crew__stats_give(stats, &now, sizeof(now));
	return 0;
}

int crew_group_wait(struct crew_group *group)
{
	struct crew__caller caller = crew__caller();
	int rc = may_look(group, &caller);

	if (rc == 0 && group->private_.state == CREW__GROUP_REFUSED)
		rc = group->private_.refused;
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

/* Counts a child off that will not run. */
static __attribute__((noinline)) void skip_child(struct crew_group *group,
						 struct crew__fiber *fiber, bool has_record,
						 struct crew__record *record)
{
	if (has_record)
		crew__record_run(fiber, record, true);
	crew__group_child_skipped(group);
}

/* Runs a child that has a name, flags, or a copy. Its failure is told under its name. */
static __attribute__((noinline)) int run_record(struct crew_group *group, struct crew__fiber *fiber,
						struct crew__record *record)
{
	uint64_t outer = crew__own(&fiber->name);
	int rc = crew__record_run(fiber, record, false);

	if (fiber->locks)
		crew__locks_left(fiber);
	if (rc && fiber->scope == &group->scope) {
		crew__group_child_failed(group, rc);
		rc = 0;
	}
	crew__show(&fiber->name, outer);
	return rc;
}

static __attribute__((noinline)) _Noreturn void left_open(const struct crew__fiber *fiber)
{
	crew__fail("a task returned without closing its group", crew__shown_text(&fiber->site),
		   CREW_HERE);
}

/* A child without a name, in place: on the fiber stands its parent's. */
static __attribute__((noinline)) void ended_badly(struct crew_group *group,
						  struct crew__fiber *fiber, int rc)
{
	uint64_t outer = crew__own(&fiber->name);

	if (fiber->scope != &group->scope)
		left_open(fiber);
	crew__show_pointer(&fiber->name, NULL);
	if (fiber->locks)
		crew__locks_left(fiber);
	if (rc)
		crew__group_child_failed(group, rc);
	else
		crew__pending_drop(fiber);
	crew__show(&fiber->name, outer);
}

/* Calls a child that was taken out of the deque. Always inline: its frame is the caller's. */
static inline __attribute__((always_inline)) void call_child(struct crew_group *group,
							     struct crew__fiber *fiber,
							     const struct crew__deque_cell *cell,
							     bool has_record)
{
	void *arg = (void *)(uintptr_t)crew__cell_word(cell, 1);
	uint64_t outer = crew__own(&fiber->site);
	int rc;

	CREW__NO_ESCAPE();
	crew__show(&fiber->site, crew__cell_word(cell, 3));
	if (has_record)
		rc = run_record(group, fiber, arg);
	else
		rc = ((crew_task_fn *)(uintptr_t)crew__cell_word(cell, 0))(arg);
	/* one question for all four: it is asked for every child */
	if (crew__unlikely((uintptr_t)fiber->pending | (uintptr_t)fiber->locks | (uint32_t)rc |
			   ((uintptr_t)fiber->scope ^ (uintptr_t)&group->scope)))
		ended_badly(group, fiber, rc);
	crew__show(&fiber->site, outer);
}

/* Is enough of the stack left (R8)? */
static inline bool has_stack(const struct crew__fiber *fiber)
{
	return (uintptr_t)crew__stack_pointer() >= fiber->room;
}

/* Runs one child of the group that is the newest task here. False: park. */
static inline __attribute__((always_inline)) bool run_in_place(struct crew_group *group,
							       struct crew__fiber *fiber)
{
	struct crew__worker *worker = fiber->worker;
	const struct crew__deque_cell *cell = crew__deque_newest(&worker->deque);
	uintptr_t newest = (uintptr_t)crew__cell_word(cell, 2);
	bool has_record = newest != (uintptr_t)group;
	void *arg;

	/* pinned ones need a fiber of their own */
	if (has_record && newest != ((uintptr_t)group | CREW__SLOT_RECORD))
		return false;
	if (!has_stack(fiber))
		return false;
	if ((CREW__HARD || crew__load_relaxed(&worker->deque.attention) & CREW__LOOK) &&
	    crew__worker_must_park(worker))
		return false;
	if (!crew__deque_take_newest(&worker->deque))
		return false;
	crew__count(&worker->counters.tasks, 1);
	group->private_.back++;
	arg = (void *)(uintptr_t)crew__cell_word(cell, 1);
	if (!crew__fiber_clean(fiber) && !crew__fiber_look(fiber) &&
	    !(has_record && crew__record_decides(arg)))
		skip_child(group, fiber, has_record, arg);
	else
		call_child(group, fiber, cell, has_record);
	return true;
}

/* The same for the only child of a group, when nothing about it is special; otherwise nothing
 * happens. pre: the fiber is clean. */
static inline __attribute__((always_inline)) void
run_newest(struct crew_group *group, struct crew__worker *worker, struct crew__fiber *fiber)
{
	struct crew__deque *deque = &worker->deque;
	uint64_t bottom = crew__own(&deque->bottom);
	const struct crew__deque_cell *cell = crew__deque_below(deque, bottom);

	if (crew__unlikely(CREW__HARD || crew__cell_word(cell, 2) != (uintptr_t)group ||
			   !has_stack(fiber) ||
			   crew__load_relaxed(&deque->attention) & CREW__LOOK ||
			   !crew__deque_take_private(deque, bottom)))
		return;
	crew__count(&worker->counters.tasks, 1);
	group->private_.back++;
	call_child(group, fiber, cell, false);
}

/* The block ended with a code. What it still is at the end: 0 when it was stopped. */
static __attribute__((noinline)) int block_failed(struct crew_group *group,
						  struct crew__fiber *fiber, int rc)
{
	if (is_explained(group, rc)) {
		crew__group_note(group, CREW__GROUP_STOPPED | CREW__GROUP_GAVE_UP);
		return 0;
	}
	crew__group_add_error(group, rc, crew__error_of(fiber, rc), true);
	crew__group_note(group, CREW__GROUP_FAILED);
	cancel_from_inside(group, CREW_BY_PARENT);
	return rc;
}

/* What close says when all children have ended, and not all went well. */
static int outcome(const struct crew_group *group, int rc)
{
	const struct crew_scope *scope = &group->scope;

	if (crew__group_policy(group) != CREW_SUPERVISE)
		rc = group->private_.first;
	if (rc || !(crew__scope_flags(scope) & CREW__GROUP_STOPPED))
		return rc;
	/* only cancellations; whose? */
	if (crew__scope_cancelled(scope->private_.parent) ||
	    crew__scope_source(scope) == CREW_BY_STOP)
		/* what stops supervised children is not the block's */
		return crew__group_policy(group) == CREW_SUPERVISE &&
				       !(crew__scope_flags(scope) & CREW__GROUP_GAVE_UP) ?
			       0 :
			       CREW_ECANCELED;
	return crew__scope_source(scope) == CREW_BY_DEADLINE ? CREW_ETIMEDOUT : 0;
}

/* What close says when something has happened; then the scope is left. */
static __attribute__((noinline)) int leave(struct crew_group *group, struct crew__fiber *fiber,
					   int rc)
{
	struct crew_scope *scope = &group->scope;

	while (crew__scope_has(scope, CREW__DEFERRED)) {
		crew__run_deferred(scope);
		if (crew__join_left(group)) /* it has spawned */
			crew__join_park(group, false, "group close");
	}
	if (crew__scope_has(scope, CREW__GROUP_ROSTER))
		crew__roster_close(group);
	crew__deadline_leave(scope);
	/* from here on nobody finds a visitor to cancel it */
	if (!crew__group_fiber(group) && scope->private_.crew) {
		if (!fiber)
			crew__deadline_take_back(scope->private_.parent);
		crew__leave(scope->private_.crew, group);
	}
	rc = outcome(group, rc);
	crew__group_leave_errors(group, fiber, rc);
	crew__scope_leave(scope, fiber ? &fiber->parker : NULL);
	return rc;
}

/* What runs in place is not the task that closes. */
static void run_all_in_place(struct crew_group *group, struct crew__fiber *fiber)
{
	struct crew_task *outer = fiber->task;

	fiber->task = NULL;
	while (crew__join_own(group) && run_in_place(group, fiber))
		;
	fiber->task = outer;
}

/* Everybody but a task that closes a group of its own crew as it should. */
static __attribute__((noinline)) int close_slow(struct crew_group *group, int rc)
{
	struct crew__caller caller = crew__caller();
	int wrong = may_leave(group, &caller);
	bool refused = group->private_.state == CREW__GROUP_REFUSED;
	struct crew_error *aside;

	if (wrong) {
		if (wrong == CREW_ESTATE)
			cancel_what_is_inside(group, &caller);
		return wrong;
	}
	group->private_.closing = 1;
	if (rc && !refused)
		rc = block_failed(group, caller.fiber, rc);
	aside = crew__pending_set_aside(caller.fiber);
	if (group->private_.fiber && caller.worker)
		run_all_in_place(group, caller.fiber);
	if (!refused && crew__join_left(group))
		crew__join_park(group, false, "group close");
	crew__pending_restore(caller.fiber, aside);
	/* a host closes for its task, which may have waited there */
	rc = leave(group, caller.fiber, rc);
	if (refused)
		rc = group->private_.refused;
	group->private_.fiber = NULL;
	group->private_.state = CREW__GROUP_CLOSED;
	crew__caller_set_scope(&caller, group->scope.private_.parent);
	return rc;
}

static inline void closed(struct crew_group *group, struct crew__fiber *fiber)
{
	group->private_.fiber = NULL;
	group->private_.state = CREW__GROUP_CLOSED;
	crew__worker_stands(fiber->worker, fiber, group->scope.private_.parent);
}

/* Close of a task that closes as it should, when children are left, or something happened. */
static __attribute__((noinline)) int close_rest(struct crew_group *group, struct crew__fiber *fiber)
{
	int rc = 0;

	while (crew__join_own(group) && run_in_place(group, fiber))
		;
	if (crew__join_left(group)) {
		if (crew__is_forked(fiber->crew))
			return CREW_EFORKED; /* a child returned in a child process */
		crew__join_park(group, false, "group close");
	}
	if (crew__load32_relaxed(crew__scope_word(&group->scope))) /* G4 */
		rc = leave(group, fiber, rc);
	closed(group, fiber);
	return rc;
}

int crew_group_close(struct crew_group *group, int rc)
{
	struct crew__worker *worker = crew__self();
	struct crew__fiber *fiber;

	if (crew__unlikely(!worker || rc))
		return close_slow(group, rc);
	fiber = worker->fiber;
	if (crew__unlikely(!owns(group, fiber) || !crew__fiber_clean(fiber) || fiber->pending))
		return close_slow(group, rc);
	group->private_.closing = 1;
	if (crew__join_own(group) == 1)
		run_newest(group, worker, fiber);
	if (crew__unlikely(crew__join_left(group) ||
			   crew__load32_relaxed(crew__scope_word(&group->scope)))) /* G4 */
		return close_rest(group, fiber);
	closed(group, fiber);
	return 0;
}
