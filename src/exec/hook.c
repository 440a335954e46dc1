/* SPDX-License-Identifier: MIT */
/* hook.c - see hook.h. */
#include "exec/hook.h"

#include "base/assert.h"
#include "exec/worker.h"

/* Over all hooks and their lists (K1); the lot of whoever waits for the end of one. */
static struct crew__lock hooks CREW__STATE;
/* All that wait for the end of one. */
static struct crew__link stopping CREW__STATE = { &stopping, &stopping };

enum state {
	STOPPED,
	WAITS,
	DUE,
	RUNS,
	RAN
};

struct hook {
	struct crew__link of_scope;
	struct crew__link due;
	void (*fn)(void *arg);
	void *arg;
	struct run *run; /* while it runs */
	uint32_t state;
	uint32_t forks;
};
_Static_assert(sizeof(struct hook) == sizeof(struct crew_scope_hook), "crew_scope_hook has room");

/* In the frame of whoever runs hooks. */
struct run {
	bool stopped; /* from inside */
	uint64_t who;
	struct crew__link stoppers;
};

struct stopper {
	struct crew__link link;
	struct crew__link all; /* in `stopping` */
	struct run *run;       /* that it waits for */
	uint64_t who;
	struct crew__waiter waiter;
};

static struct hook *inside(struct crew_scope_hook *hook)
{
	return (struct hook *)(void *)hook;
}

static struct crew__link *list_of(struct crew_scope *scope)
{
	return (struct crew__link *)(void *)scope->private_.hooks;
}

/* The same for all that runs on one stack. */
static uint64_t who_am_i(void)
{
	struct crew__worker *worker = crew__self();
	struct crew__fiber *fiber = worker ? worker->fiber : crew__self_host();

	return fiber ? (uint64_t)(uintptr_t)fiber : crew__port_thread_self();
}

/* pre: locked. Is there a list, and of this process? */
static bool has_list(struct crew_scope *scope)
{
	return crew__scope_has(scope, CREW__HOOKS) &&
	       scope->private_.hooks_forks == crew__port_fork_count();
}

/* ---- registering ------------------------------------------------------------------- */

/* pre: locked */
static void make_due(struct hook *hook, struct crew__delivery *delivery)
{
	hook->state = DUE;
	crew__list_append(&delivery->hooks, &hook->due);
	delivery->any_hooks = true;
}

bool crew__hook_add(struct crew_scope *scope, struct crew_scope_hook *given, void (*fn)(void *),
		    void *arg, struct crew__delivery *delivery)
{
	struct hook *hook = inside(given);
	uint32_t forks = crew__port_fork_count();

	if (scope->private_.parent)
		crew__scope_complete(scope, delivery);
	crew__lock_acquire(&hooks);
	if (!has_list(scope)) {
		crew__list_init(list_of(scope));
		scope->private_.hooks_forks = forks;
	} else if (list_of(scope)->prev == &hook->of_scope) {
		crew__lock_release(&hooks);
		return false;
	}
	*hook = (struct hook){ .fn = fn, .arg = arg, .state = WAITS, .forks = forks };
	crew__list_init(&hook->due);
	crew__list_append(list_of(scope), &hook->of_scope);
	crew__scope_set(scope, CREW__HOOKS); /* K4 */
	if (crew__scope_has(scope, CREW__EFFECTIVE))
		make_due(hook, delivery);
	crew__lock_release(&hooks);
	return true;
}

void crew__hook_has_run(struct crew_scope_hook *hook)
{
	*inside(hook) = (struct hook){ .state = RAN, .forks = crew__port_fork_count() };
}

void crew__hooks_take(struct crew_scope *scope, struct crew__delivery *delivery)
{
	crew__lock_acquire(&hooks);
	if (has_list(scope))
		for (struct crew__link *link = list_of(scope)->next; link != list_of(scope);
		     link = link->next) {
			struct hook *hook = crew__container(link, struct hook, of_scope);

			if (hook->state == WAITS)
				make_due(hook, delivery);
		}
	crew__lock_release(&hooks);
}

/* ---- running ------------------------------------------------------------------------- */

/* The link's source has become effective: so does the scope, for the same cause. */
static void follow(const struct crew_link *link, struct crew__delivery *delivery)
{
	struct crew__origin origin = { .cause = { .source = CREW_BY_CALL } };

	crew__scope_origin(link->private_.source, &origin);
	crew__scope_deliver(link->private_.scope, &origin.cause, delivery);
}

/* pre: locked, and is so again afterwards. Those who stopped the hook go on. */
static void let_stoppers_go(struct run *run)
{
	struct crew__parker *woken = NULL;
	struct crew__link *link;

	while ((link = crew__list_take(&run->stoppers))) {
		struct stopper *stopper = crew__container(link, struct stopper, link);
		struct crew__parker *parker;

		crew__list_remove(&stopper->all);
		if (crew__grant(&stopper->waiter, &parker)) {
			parker->woken = woken;
			woken = parker;
		}
	}
	if (!woken)
		return;
	crew__lock_release(&hooks);
	crew__ready_all(woken);
	crew__lock_acquire(&hooks);
}

void crew__hooks_run(struct crew__delivery *delivery)
{
	struct run run = { .who = who_am_i() };
	struct crew__link *link;

	crew__list_init(&run.stoppers);
	crew__lock_acquire(&hooks);
	while ((link = crew__list_take(&delivery->hooks))) {
		struct hook *hook = crew__container(link, struct hook, due);
		void (*fn)(void *) = hook->fn;
		void *arg = hook->arg;

		hook->state = RUNS;
		hook->run = &run;
		run.stopped = false;
		crew__lock_release(&hooks);
		if (fn)
			fn(arg);
		else
			follow(arg, delivery);
		crew__lock_acquire(&hooks);
		if (!run.stopped) { /* K3 */
			crew__list_remove(&hook->of_scope);
			hook->state = RAN; /* LAST TOUCH */
		}
		let_stoppers_go(&run);
	}
	crew__lock_release(&hooks);
}

/* ---- stopping -------------------------------------------------------------------------- */

static void unlock_hooks(void *arg)
{
	(void)arg;
	crew__lock_release(&hooks);
}

/* pre: locked. For what `who` waits, or NULL. */
static struct run *waits_for(uint64_t who)
{
	for (struct crew__link *link = stopping.next; link != &stopping; link = link->next)
		if (crew__container(link, struct stopper, all)->who == who)
			return crew__container(link, struct stopper, all)->run;
	return NULL;
}

/* pre: locked. Unless its end waits for the stopper's. */
static void wait_for(struct run *run, struct stopper *stopper)
{
	stopper->run = run;
	stopper->who = who_am_i();
	for (struct run *at = run; at; at = waits_for(at->who))
		crew__require(
			at->who != stopper->who,
			"hooks stop each other, and each waits for the other's end: stop them "
			"from outside",
			NULL);
	crew__list_append(&stopping, &stopper->all);
	crew__list_append(&run->stoppers, &stopper->link);
	crew__park(&stopper->waiter, unlock_hooks, NULL, CREW_NEVER, "hook stop");
}

/* pre: locked. Unlocks, and ends the waiter. */
static bool stop(struct hook *hook, struct stopper *stopper)
{
	bool ran = hook->state == RUNS || hook->state == RAN;

	if (hook->state == RUNS && hook->run->who != who_am_i()) {
		wait_for(hook->run, stopper);
		return true;
	}
	if (hook->state == RUNS)
		hook->run->stopped = true; /* K3 */
	if (hook->state == WAITS || hook->state == DUE || hook->state == RUNS) {
		crew__list_remove(&hook->of_scope);
		crew__list_remove(&hook->due);
		hook->state = ran ? RAN : STOPPED;
	}
	crew__lock_release(&hooks);
	crew__waiter_fini(&stopper->waiter);
	return ran;
}

bool crew__hook_stop(struct crew_scope_hook *given)
{
	struct hook *hook = inside(given);
	struct stopper stopper;

	if (hook->forks != crew__port_fork_count())
		return hook->state == RUNS || hook->state == RAN;
	crew__waiter_init(&stopper.waiter, false);
	crew__lock_acquire(&hooks);
	return stop(hook, &stopper);
}

void crew__hooks_close(struct crew_scope *scope)
{
	while (crew__scope_has(scope, CREW__HOOKS)) {
		struct stopper stopper;

		crew__waiter_init(&stopper.waiter, false);
		crew__lock_acquire(&hooks);
		if (has_list(scope) && !crew__list_empty(list_of(scope))) {
			stop(crew__container(list_of(scope)->next, struct hook, of_scope),
			     &stopper);
			continue;
		}
		crew__scope_clear(scope, CREW__HOOKS);
		crew__lock_release(&hooks);
		crew__waiter_fini(&stopper.waiter);
	}
}

void crew__hooks_in_child(void)
{
	hooks = (struct crew__lock){ .word = { 0 } };
	crew__list_init(&stopping);
}
