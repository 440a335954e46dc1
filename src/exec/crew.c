/* SPDX-License-Identifier: MIT */
/*
 * crew.c - starting and stopping.
 *
 * STOP, in steps:
 *	1. state = CLOSING: plain threads cannot open groups on the crew any more, nor
 *	   spawn. One caller gets past this point.
 *	2. wait until no plain thread (or other crew's task) holds a group open. All
 *	   tasks live in such groups, or in groups of their tasks: none is left.
 *	3. state = ENDING: workers that find nothing leave; wake them; join them.
 *	4. spare threads and the timer thread end and are joined.
 *	5. memory goes back. Stacks of free fibers hold suspended loops, nothing else.
 * Start is the same list from the bottom up; a step that fails undoes the others.
 *
 * CANCEL. Every task lives below a visitor's group: those are cancelled, and so is any
 * that is opened later.
 */
#include "exec/exec.h"

#include "crew/crew.h"

#include "base/list.h"
#include "base/sized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- once for each process ------------------------------------------------ */

static struct {
	struct crew__lock lock;
	bool done;
} process CREW__STATE; /* guarded by its lock until done */

/* A child that was forked inside of a task is a plain thread from now on: an orphan,
 * whose calls on the task's behalf say CREW_EFORKED. No fiber is clean any more, so
 * that joins further out on this stack notice. */
static void in_forked_child(void)
{
	crew__add_acq_rel(&crew__cancel_epoch, 1);
	/* a thread that is not here any more may have held them */
	process.lock = (struct crew__lock){ .word = { 0 } };
	crew__edges = (struct crew__lock){ .word = { 0 } };
	crew__park_in_child();
	crew__cancel_in_child(crew__self_scope());
	if (crew__self() || crew__self_host()) {
		crew__self_set(NULL);
		crew__self_set_host(NULL);
		crew__self_set_scope(NULL);
		crew__self_set_orphan();
	}
}

static const char *escaped_task(void)
{
	struct crew__worker *worker = crew__self();
	const char *name = NULL;

	if (worker) {
		name = crew__shown_text(&worker->fiber->name);
		if (!name)
			name = crew__shown_text(&worker->fiber->site);
	}
	return name;
}

/* 0 or CREW_ENOMEM: a child process would not know that it is one. */
static int init_process(void)
{
	int rc = 0;

	crew__lock_acquire(&process.lock);
	if (!process.done && crew__port_on_fork(in_forked_child)) {
		rc = CREW_ENOMEM;
	} else if (!process.done) {
		crew__set_escape_hook(escaped_task);
		crew__overflow_init();
		process.done = true;
	}
	crew__lock_release(&process.lock);
	return rc;
}

/* ---- options --------------------------------------------------------------- */

struct choice {
	struct crew_options options;
	const char *workers_why;
	const char *stack_why;
	char limit_why[64];
};

/* A whole number in the environment, or 0. */
static unsigned long long env_number(const char *name)
{
	const char *text = crew__port_env(name);
	unsigned long long number;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return 0;
	number = strtoull(text, &end, 10);
	return *end ? 0 : number;
}

static int choose_options(struct choice *choice, const struct crew_options *given)
{
	struct crew_options *options = &choice->options;
	unsigned limit = crew__port_cpu_limit(choice->limit_why, sizeof(choice->limit_why));
	unsigned long long env;

	*options = (struct crew_options){ .size = sizeof(*options) };
	if (given) {
		given = CREW__OPTIONS(given, options, reserved);
		if (!given)
			return CREW_EINVAL;
		*options = *given;
	}
	choice->workers_why = choice->stack_why = "the program";
	if (options->workers == 0) {
		env = env_number("CREW_WORKERS");
		choice->workers_why = env ? "CREW_WORKERS" : choice->limit_why;
		if (!env)
			env = limit;
		options->workers = env < CREW__WORKERS_MAX ? (uint32_t)env : CREW__WORKERS_MAX;
	}
	if (options->stack_bytes == 0) {
		env = env_number("CREW_STACK_BYTES");
		choice->stack_why = env ? "CREW_STACK_BYTES" : "default";
		options->stack_bytes = CREW__STACK_DEFAULT;
		if (env)
			options->stack_bytes = env < CREW__STACK_MIN ? CREW__STACK_MIN :
					       env > CREW__STACK_MAX ? CREW__STACK_MAX :
								       (size_t)env;
	}
	if (options->blocking_max == 0)
		options->blocking_max = CREW__BLOCKING_DEFAULT;
	if (!options->name)
		options->name = "crew";
	if (options->deadlock > CREW_DEADLOCK_ABORT || options->workers > CREW__WORKERS_MAX ||
	    options->stack_bytes < CREW__STACK_MIN || options->stack_bytes > CREW__STACK_MAX)
		return CREW_EINVAL;
	return 0;
}

static void display_choice(const struct choice *choice, const struct crew *crew)
{
	const char *wanted = crew__port_env("CREW_DISPLAY_ENV");
	char text[512];

	if (!wanted || strcmp(wanted, "1") != 0)
		return;
	snprintf(text, sizeof(text),
		 "crew: version %u.%u.%u, name %s\n"
		 "crew: workers %u (%s)\n"
		 "crew: stack_bytes %zu (%s)\n"
		 "crew: blocking_max %u, membarrier %s\n",
		 CREW_VERSION_MAJOR, CREW_VERSION_MINOR, CREW_VERSION_PATCH, crew->name,
		 choice->options.workers, choice->workers_why, choice->options.stack_bytes,
		 choice->stack_why, choice->options.blocking_max, crew->fences ? "no" : "yes");
	crew__port_say(text);
}

/* ---- start ----------------------------------------------------------------- */

static bool init_worker(struct crew *crew, uint32_t index)
{
	struct crew__worker *worker = &crew->workers[index];
	struct crew__fiber *extra;

	worker->crew = crew;
	worker->index = index;
	worker->random = crew__port_seed();
	worker->pinned_last = &worker->pinned_first;
	crew__list_init(&worker->sleeper);
	if (!crew__deque_init(&worker->deque, crew->fences))
		return false;
	worker->deque.epoch = &crew__cancel_epoch;
	worker->reserve = crew__fiber_take(worker);
	if (!worker->reserve)
		return false;
	/* the reserve is what the worker's loop begins on: one more, for its first task */
	extra = crew__fiber_take(worker);
	if (!extra)
		return false;
	crew__fiber_give(worker, extra);
	return true;
}

static void end_workers(struct crew *crew, uint32_t count)
{
	crew__store_release(&crew->state, CREW__ENDING);
	for (uint32_t i = 0; i < count; i++)
		crew__idle_poke(&crew->workers[i]);
	for (uint32_t i = 0; i < count; i++)
		crew__port_thread_join(crew->workers[i].thread);
}

static void free_crew(struct crew *crew)
{
	crew__fibers_fini(crew);
	for (uint32_t i = 0; crew->workers && i < crew->worker_count; i++)
		crew__deque_fini(&crew->workers[i].deque);
	for (int kind = 0; kind < CREW__RECORD_KINDS; kind++)
		crew__pool_fini(&crew->records[kind]);
	if (crew->workers)
		crew__port_unmap(crew->workers, crew->workers_bytes);
	crew__port_unmap(crew, sizeof(*crew));
}

static int code_of_start(int rc)
{
	return rc == 0 ? 0 : CREW_EAGAIN;
}

int crew_start(struct crew **out, const struct crew_options *given)
{
	struct choice choice;
	struct crew *crew;
	char name[32];
	uint32_t started = 0;
	int rc = choose_options(&choice, given);

	if (!out || rc)
		return CREW_EINVAL;
	rc = init_process();
	if (rc)
		return rc;
	crew = crew__port_map(sizeof(*crew));
	if (!crew)
		return CREW_ENOMEM;
	crew->forks = crew__port_fork_count();
	crew->fences = !crew__port_has_membarrier();
	crew->worker_count = choice.options.workers;
	snprintf(crew->name, sizeof(crew->name), "%.10s", choice.options.name);
	crew__inject_init(&crew->inject);
	crew__idle_init(&crew->idle);
	crew__pool_init(&crew->records[CREW__RECORD_PLAIN], CREW__RECORD_BYTES);
	crew__pool_init(&crew->records[CREW__RECORD_COPY], CREW__RECORD_BYTES + CREW_COPY_MAX);
	crew__pool_init(&crew->records[CREW__RECORD_TASK], CREW__TASK_BYTES);
	crew__pool_init(&crew->records[CREW__RECORD_OVERFLOW],
			(sizeof(struct crew__overflow) + 63) / 64 * 64);
	crew->stuck.policy = choice.options.deadlock;
	crew__threads_init(&crew->threads, choice.options.blocking_max, crew->name);
	crew->workers_bytes = crew->worker_count * sizeof(*crew->workers);
	crew->workers = crew__port_map(crew->workers_bytes);
	rc = crew->workers ? crew__fibers_init(crew, choice.options.stack_bytes) : CREW_ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < crew->worker_count; i++)
		rc = init_worker(crew, i) ? 0 : CREW_ENOMEM;
	if (rc) {
		free_crew(crew);
		return rc;
	}
	snprintf(name, sizeof(name), "%.10s-time", crew->name);
	rc = code_of_start(crew__timer_start(&crew->timer, crew, name));
	if (rc) {
		free_crew(crew);
		return rc;
	}
	while (rc == 0 && started < crew->worker_count) {
		struct crew__worker *worker = &crew->workers[started];

		snprintf(name, sizeof(name), "%.10s-%u", crew->name, started);
		rc = code_of_start(
			crew__port_thread_start(&worker->thread, crew__worker_main, worker, name));
		started += rc == 0;
	}
	if (rc) {
		end_workers(crew, started);
		crew__timer_stop(&crew->timer);
		free_crew(crew);
		return rc;
	}
	display_choice(&choice, crew);
	*out = crew;
	return 0;
}

/* ---- visitors --------------------------------------------------------------- */

int crew__visit(struct crew *crew, struct crew_group *group, bool inside)
{
	struct crew__cause cause = { 0 };
	bool open;

	crew__lock_acquire(&crew->visitors_lock);
	open = inside || crew__load_relaxed(&crew->state) == CREW__OPEN;
	if (open) {
		group->private_.prev = NULL;
		group->private_.next = crew->visitors;
		if (crew->visitors)
			crew->visitors->private_.prev = group;
		crew->visitors = group;
		crew__add32_acq_rel(&crew->visitor_count, 1);
		cause = crew->cancelled_by;
	}
	crew__lock_release(&crew->visitors_lock);
	if (cause.source)
		crew__scope_cancel(&group->scope, &cause);
	return open ? 0 : CREW_ECLOSED;
}

void crew__leave(struct crew *crew, struct crew_group *group)
{
	struct crew_group *next;
	struct crew_group *prev;

	crew__lock_acquire(&crew->visitors_lock);
	next = group->private_.next; /* neighbours come and go under the lock */
	prev = group->private_.prev;
	if (next)
		next->private_.prev = prev;
	if (prev)
		prev->private_.next = next;
	else
		crew->visitors = next;
	crew__add32_acq_rel(&crew->visitor_count, (uint32_t)-1);
	/* a wake passes an address only; the stopper comes for the lock after it */
	crew__port_wake(&crew->visitor_count, 1);
	crew__lock_release(&crew->visitors_lock); /* LAST TOUCH */
}

/* ---- stop ------------------------------------------------------------------- */

static void check_dropped(void *object)
{
	const struct crew__record *record = object;

	crew__require(!crew__load32_acquire(&record->holders),
		      "a handle of a task was not dropped before crew_stop()", record->slot.site);
}

static int stop_in_thread(void *opaque)
{
	struct crew *crew = opaque;
	uint32_t visitors;

	while ((visitors = crew__load32_acquire(&crew->visitor_count)) != 0)
		crew__port_wait(&crew->visitor_count, visitors, CREW_NEVER);
	/* the last one to leave may still hold the lock */
	crew__lock_acquire(&crew->visitors_lock);
	crew__lock_release(&crew->visitors_lock);
	end_workers(crew, crew->worker_count);
	crew__threads_stop(&crew->threads);
	crew__timer_stop(&crew->timer);
	while (crew__load32_acquire(&crew->callers))
		crew__port_thread_yield();
	crew__pool_each(&crew->records[CREW__RECORD_TASK], check_dropped);
	free_crew(crew);
	return 0;
}

/* Does the caller itself keep the crew busy? */
static bool would_wait_for_itself(const struct crew *crew, const struct crew__caller *caller)
{
	const struct crew_scope *scope = crew__caller_scope(caller);
	bool locked = false;

	if (caller->fiber && caller->fiber->crew == crew)
		return true;
	while (scope && scope->private_.crew != crew)
		scope = crew__scope_around(scope, &locked);
	crew__scope_looked(locked);
	return scope;
}

int crew_stop(struct crew *crew)
{
	struct crew__caller caller = crew__caller();
	uint64_t open = CREW__OPEN;

	if (!crew)
		return 0;
	if (crew__is_forked(crew))
		return CREW_EFORKED;
	if (would_wait_for_itself(crew, &caller))
		return CREW_EDEADLK;
	crew__lock_acquire(&crew->visitors_lock);
	if (!crew__cas_acq_rel(&crew->state, &open, CREW__CLOSING)) {
		crew__lock_release(&crew->visitors_lock);
		return CREW_ESTATE;
	}
	crew__lock_release(&crew->visitors_lock);
	if (!caller.worker)
		return stop_in_thread(crew);
	/* a task of another crew: its worker must not wait; and nothing may end the wait, of a
	 * task that is cancelled either. CREW_EAGAIN: until there is a thread */
	while (crew__threads_run(&caller.worker->crew->threads, stop_in_thread, crew, false))
		crew_yield();
	return 0;
}

/* ---- the rest of the executor's face ---------------------------------------- */

void crew_cancel(struct crew *crew, const char *reason)
{
	struct crew__caller caller = crew__caller();
	struct crew__cause cause = crew__caller_cause(&caller, CREW_BY_STOP, reason);
	struct crew__delivery delivery;

	if (!crew && caller.fiber)
		crew = caller.fiber->crew;
	if (!crew || crew__is_forked(crew))
		return;
	crew__delivery_init(&delivery);
	crew__lock_acquire(&crew->visitors_lock);
	if (!crew->cancelled_by.source)
		crew->cancelled_by = cause;
	crew__store_release(&crew->cancelled, 1);
	for (struct crew_group *visitor = crew->visitors; visitor; visitor = visitor->private_.next)
		crew__scope_deliver(&visitor->scope, &crew->cancelled_by, &delivery);
	crew__lock_release(&crew->visitors_lock);
	crew__delivery_end(&delivery);
}

unsigned crew_worker_count(const struct crew *crew)
{
	struct crew__caller caller = crew__caller();

	if (!crew && caller.fiber)
		crew = caller.fiber->crew;
	return crew ? crew->worker_count : 0;
}

unsigned crew_cpu_limit(char *why, size_t why_size)
{
	return crew__port_cpu_limit(why, why_size);
}
