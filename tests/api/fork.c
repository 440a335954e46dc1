/* SPDX-License-Identifier: MIT */
/*
 * fork.c - R15 and R11 of SEMANTICS' pool rules: in a child process the parent's crew is
 * dead, says so, and a new one can be started. The child reports by its exit status.
 */
#include "api/task.h"

#include "crew/fork.h"
#include "crew/select.h"
#include "exec/exec.h"
#include "support/child.h"

#include <sched.h>
#include <string.h>

#ifndef CREW__TSAN /* which loses its own threads at a fork */

static int give_five(void *arg)
{
	(void)arg;
	return 5;
}

/* 0, or the number of the first call that did not say what it should. */
static int all_say_forked(struct crew *crew)
{
	struct crew_stats stats = { .size = sizeof(stats) };
	struct crew_group group;

	if (crew_run(crew, give_five, NULL) != CREW_EFORKED)
		return 1;
	if (crew_read_stats(crew, &stats) != CREW_EFORKED)
		return 2;
	if (crew_read_worker_stats(crew, 0, &stats) != CREW_EFORKED)
		return 3;
	if (crew_dump(crew, stderr) != CREW_EFORKED)
		return 4;
	if (crew_stop(crew) != CREW_EFORKED)
		return 5;
	crew_cancel(crew, "nothing");
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	if (crew_group_spawn(&group, give_five, NULL) != CREW_EFORKED)
		return 6;
	if (crew_group_wait(&group) != CREW_EFORKED)
		return 7;
	if (crew_group_close(&group, 0) != CREW_EFORKED)
		return 8;
	return 0;
}

static int crew_of_ones_own(void)
{
	struct crew *crew;

	if (!child_may_start_threads())
		return 0;
	if (crew_start(&crew, CREW_OPTIONS(.workers = 2)))
		return 20;
	for (int i = 0; i < 20; i++)
		if (crew_run(crew, give_five, NULL) != 5)
			return 21;
	return crew_stop(crew) ? 22 : 0;
}

Test(fork, R15_every_call_in_the_child_of_a_plain_thread_says_so, .timeout = 30)
{
	struct crew *crew = start(2);
	pid_t pid;

	cr_assert_eq(crew_run(crew, give_five, NULL), 5);
	pid = fork_child();
	if (pid == 0)
		_exit(all_say_forked(crew));
	cr_assert_eq(reap(pid), 0);
	cr_assert_eq(crew_run(crew, give_five, NULL), 5, "the parent's crew goes on");
	stop(crew);
}

Test(fork, R15_the_child_of_a_plain_thread_may_start_its_own, .timeout = 30)
{
	struct crew *crew = start(2);
	pid_t pid;

	cr_assert_eq(crew_run(crew, give_five, NULL), 5);
	pid = fork_child();
	if (pid == 0)
		_exit(crew_of_ones_own());
	cr_assert_eq(reap(pid), 0);
	stop(crew);
}

Test(fork, R15_exit_in_the_child_is_clean, .timeout = 30)
{
	struct crew *crew = start(2);
	pid_t pid;

	cr_assert_eq(crew_run(crew, give_five, NULL), 5);
	fflush(NULL);
	pid = fork_child();
	if (pid == 0)
		exit(crew_run(crew, give_five, NULL) == CREW_EFORKED ? 0 : 1);
	cr_assert_eq(reap(pid), 0);
	stop(crew);
}

/* ---- inside of a task -------------------------------------------------------- */

static struct crew_word others;

static int count_turns(void *arg)
{
	while (!crew__load_acquire(arg)) {
		crew__add_relaxed(&others, 1);
		crew_yield();
	}
	return 0;
}

struct forking {
	int (*in_child)(struct forking *forking);
	struct crew *crew;
	struct crew_group *group;
	int status;
};

static int forked_task(struct forking *forking)
{
	if (crew_check() != CREW_EFORKED || crew_checkpoint() != CREW_EFORKED)
		return 10;
	if (crew_sleep(CREW_MS(1)) != CREW_EFORKED || crew_sleep(0) != CREW_EFORKED)
		return 11;
	if (crew_blocking(give_five, NULL) != CREW_EFORKED)
		return 12;
	if (crew_group_spawn(forking->group, give_five, NULL) != CREW_EFORKED)
		return 13;
	if (crew_group_spawn_copy(forking->group, give_five, &others, 4) != CREW_EFORKED)
		return 13;
	if (crew_group_wait(forking->group) != CREW_EFORKED)
		return 14;
	if (crew_group_close(forking->group, 0) != CREW_EFORKED)
		return 15;
	if (crew_run(NULL, give_five, NULL) != CREW_EFORKED)
		return 16;
	return all_say_forked(forking->crew);
}

static int forked_yield(struct forking *forking)
{
	uint64_t before = crew__load_relaxed(&others);

	(void)forking;
	for (int i = 0; i < 10; i++)
		crew_yield();
	return crew__load_relaxed(&others) == before ? 0 : 17;
}

static int forked_start(struct forking *forking)
{
	(void)forking;
	return crew_of_ones_own();
}

static int fork_in_task(void *arg)
{
	struct forking *forking = arg;
	struct crew_word over = { 0 };
	struct crew_group group;
	pid_t pid;

	forking->group = &group;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, count_turns, &over);
	crew_group_spawn(&group, count_turns, &over);
	crew_yield();
	crew_yield();
	pid = fork_child();
	if (pid == 0)
		_exit(forking->in_child(forking));
	forking->status = reap(pid);
	crew__store_release(&over, 1);
	return crew_group_close(&group, 0);
}

static int status_of_fork_in_task(int (*in_child)(struct forking *))
{
	struct crew *crew = start(1);
	struct forking forking = { .in_child = in_child, .crew = crew };

	cr_assert_eq(crew_run(crew, fork_in_task, &forking), 0);
	stop(crew);
	return forking.status;
}

Test(fork, R15_every_call_in_the_child_of_a_task_says_so, .timeout = 60)
{
	cr_assert_eq(status_of_fork_in_task(forked_task), 0);
}

Test(fork, R15_yield_in_the_child_of_a_task_runs_nobody, .timeout = 60)
{
	cr_assert_eq(status_of_fork_in_task(forked_yield), 0);
}

Test(fork, R15_the_child_of_a_task_may_start_its_own, .timeout = 60)
{
	cr_assert_eq(status_of_fork_in_task(forked_start), 0);
}

/* The group that was open at the fork, and the function inside of crew_blocking(). */
static int forked_owner(struct crew_group *group)
{
	if (crew_group_spawn(group, give_five, NULL) != CREW_EFORKED)
		return 30;
	if (crew_group_wait(group) != CREW_EFORKED)
		return 31;
	return crew_group_close(group, 0) == CREW_EFORKED ? 0 : 32;
}

Test(fork, R15_a_group_that_a_plain_thread_holds_open_says_so, .timeout = 30)
{
	struct crew *crew = start(2);
	struct crew_word over = { 0 };
	struct crew_group group;
	int status;
	pid_t pid;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&group, count_turns, &over), 0);
	pid = fork_child();
	if (pid == 0) {
		status = forked_owner(&group);
		_exit(status ? status : crew_of_ones_own());
	}
	status = reap(pid);
	crew__store_release(&over, 1);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	stop(crew);
	cr_assert_eq(status, 0);
}

static int fork_in_blocking(void *arg)
{
	pid_t pid = fork_child();

	(void)arg;
	if (pid)
		return reap(pid);
	if (crew_check() != CREW_EFORKED || crew_sleep(1) != CREW_EFORKED)
		_exit(40);
	if (crew_blocking(give_five, NULL) != CREW_EFORKED)
		_exit(41);
	_exit(crew_of_ones_own());
}

static int call_fork_in_blocking(void *arg)
{
	return crew_blocking(fork_in_blocking, arg);
}

Test(fork, R15_the_child_of_a_call_that_blocks, .timeout = 60)
{
	struct crew *crew = start(1);
	int status = crew_run(crew, call_fork_in_blocking, NULL);

	stop(crew);
	cr_assert_eq(status, 0);
}

/* ---- forked calls ---------------------------------------------------------------- */

static int says(int n)
{
	return crew_check() == CREW_EFORKED ? n : 0;
}
CREW_FORK1(says, int, int)

/* It is no worker any more, and of its calls none is in a deque. */
static int child_forks_calls(void)
{
	struct says_forked forks[3];
	int sum = 0;

	for (int i = 0; i < 3; i++)
		says_fork(&forks[i], 1 << i);
	for (int i = 3; i-- > 0;)
		sum += says_join(&forks[i]);
	return sum == 7 ? 0 : 50 + sum;
}

static int forks_between(void *arg)
{
	struct says_forked outstanding;
	pid_t pid;

	(void)arg;
	says_fork(&outstanding, 1);
	pid = fork_child();
	if (pid == 0)
		_exit(child_forks_calls());
	return says_join(&outstanding) ? 60 : reap(pid);
}

Test(fork, R15_calls_that_a_child_forks_run_there, .timeout = 60)
{
	for (unsigned workers = 1; workers <= 2; workers++) {
		struct crew *crew = start(workers);
		int status = crew_run(crew, forks_between, NULL);

		stop(crew);
		cr_assert_eq(status, 0);
	}
}

Test(fork, R15_the_child_of_a_child_says_so_about_both, .timeout = 60)
{
	struct crew *crew = start(2);
	struct crew *own = NULL;
	pid_t pid = fork_child();
	int status;

	if (pid == 0 && !child_may_start_threads())
		_exit(all_say_forked(crew));
	if (pid == 0) {
		if (crew_start(&own, NULL))
			_exit(50);
		pid = fork_child();
		if (pid == 0) {
			status = all_say_forked(crew);
			status = status ? status : all_say_forked(own);
			_exit(status ? status : crew_of_ones_own());
		}
		status = reap(pid);
		_exit(status ? status : crew_stop(own) ? 51 : 0);
	}
	status = reap(pid);
	stop(crew);
	cr_assert_eq(status, 0);
}

/* ---- children with handles, and what only their group may be asked ---------------- */

struct family {
	struct crew_group group;
	struct crew_task *child;
};

static void do_nothing(void *arg)
{
	(void)arg;
}

/* 0, or the line of the call that did not say what it should. */
static int family_says_forked(struct family *family)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group *group = &family->group;
	struct crew_task *task = NULL;
	struct crew_case one = CREW_ON_TASK(family->child);
	struct crew_defer entry;
	int code;

	CHECK(crew_group_spawn_task(group, give_five, NULL, NULL, &task) == CREW_EFORKED);
	CHECK(crew_group_start(group, give_five, NULL, NULL) == CREW_EFORKED);
	CHECK(crew_group_set_running_max(group, 3) == CREW_EFORKED);
	CHECK(crew_group_read_stats(group, &stats) == CREW_EFORKED);
	CHECK(crew_group_next(group, &task) == CREW_EFORKED);
	CHECK(crew_group_next_nowait(group, &task) == CREW_EFORKED);
	CHECK(crew_group_next_spawned(group, &task) == CREW_EFORKED);
	CHECK(crew_group_hold(group) == CREW_EFORKED);
	CHECK(crew_group_defer(group, &entry, do_nothing, NULL) == CREW_EFORKED);
	CHECK(crew_task_join(family->child, &code, NULL) == CREW_EFORKED);
	CHECK(crew_task_join_nowait(family->child, &code, NULL) == CREW_EFORKED);
	CHECK(crew_select_nowait(&one, 1, CREW_FAIR) == 0 && one.rc == CREW_EFORKED);
	CHECK(crew_task_cancel(family->child, NULL) == CREW_EFORKED);
	CHECK(crew_started(NULL) == CREW_EFORKED);
	return 0;
}

/* Of a task that is waited for until it has started. */
static int fork_and_start(void *arg)
{
	pid_t pid = fork_child();
	int line;

	if (pid == 0) {
		line = family_says_forked(arg);
		if (line)
			dprintf(STDERR_FILENO, "fork.c:%d does not hold\n", line);
		_exit(line != 0);
	}
	CHECK(reap(pid) == 0);
	return crew_started(NULL);
}

static int have_family(void *arg)
{
	struct family family;
	int code = 0;

	(void)arg;
	crew_group_open(&family.group, CREW_GROUP(.running_max = 2));
	CHECK(crew_group_spawn_task(&family.group, give_five, NULL,
				    CREW_TASK(.flags = CREW_TASK_ISOLATED), &family.child) == 0);
	CHECK(crew_group_start(&family.group, fork_and_start, &family, NULL) == 0);
	CHECK(crew_task_join(family.child, &code, NULL) == 0 && code == 5);
	crew_task_drop(family.child);
	return crew_group_close(&family.group, 0);
}

Test(fork, R15_what_is_asked_of_a_group_and_its_tasks_says_so, .timeout = 60)
{
	run_with(1, have_family, NULL);
}

/* ---- scopes: handles and hooks ------------------------------------------------- */

/* 0, or what is not as it should be. */
static int own_handle(struct crew_scope *scope, struct crew_scope_ref *ref)
{
	struct crew_scope_ref *again;

	if (crew_scope_ref_cancelled(ref))
		return 60;
	crew_scope_ref_cancel(ref, "in the child");
	if (crew_check() != CREW_ECANCELED || !crew_scope_ref_cancelled(ref))
		return 61;
	again = crew_scope_take_ref(scope);
	if (!again || !crew_scope_ref_cancelled(again))
		return 62;
	crew_scope_ref_drop(again);
	if (crew_scope_close(scope, CREW_ECANCELED) != 0 || !crew_scope_ref_cancelled(ref))
		return 63;
	crew_scope_ref_drop(ref);
	return 0;
}

static int anothers_handle(struct crew_scope_ref *ref)
{
	struct crew_link link;
	struct crew_scope scope;

	crew_scope_ref_cancel(ref, "in the child");
	if (crew_scope_ref_cancelled(ref))
		return 64;
	crew_scope_open(&scope, NULL);
	if (crew_scope_link_ref(&scope, &link, ref) || crew_check())
		return 65;
	if (crew_scope_close(&scope, 0))
		return 66;
	crew_scope_ref_drop(ref);
	return 0;
}

/* Somebody who is not there any more has locked the handles. */
Test(fork, R15_handles_of_ones_own_scopes_work_and_others_find_nothing, .timeout = 60)
{
	struct crew *crew = start(1);
	struct crew_scope_ref *refs[2];
	struct crew_scope token;
	struct crew_scope scope;
	int status[2];

	crew_scope_init(&token, NULL);
	crew_scope_open(&scope, NULL);
	refs[0] = crew_scope_take_ref(&scope);
	refs[1] = crew_scope_take_ref(&token);
	for (int i = 0; i < 2; i++) {
		pid_t pid;

		crew__lock_acquire(&refs[i]->lock);
		pid = fork_child();
		if (pid == 0)
			_exit(i ? anothers_handle(refs[1]) : own_handle(&scope, refs[0]));
		crew__lock_release(&refs[i]->lock);
		status[i] = reap(pid);
		cr_assert_not(crew_scope_ref_cancelled(refs[i]));
		crew_scope_ref_drop(refs[i]);
	}
	cr_assert_eq(crew_scope_close(&scope, 0), 0);
	crew_scope_enter(&token);
	cr_assert_eq(crew_scope_close(&token, 0), 0);
	cr_assert_eq(crew_stop(crew), 0);
	cr_assert_eq(status[0], 0, "status %d", status[0]);
	cr_assert_eq(status[1], 0, "status %d", status[1]);
}

static struct crew_word hook_runs;
static struct crew_word hook_ends;

static void run_for_long(void *arg)
{
	(void)arg;
	crew__store_release(&hook_runs, 1);
	while (!crew__load_acquire(&hook_ends))
		sched_yield();
}

static void *cancel_scope(void *arg)
{
	crew_scope_cancel(arg, NULL);
	return NULL;
}

/* The thread that runs the hook is not there any more. */
static int close_hooked(struct crew_scope *scope, struct crew_scope_hook *hook)
{
	struct crew_scope_hook own;

	if (!crew_scope_hook_stop(hook))
		return 70;
	crew__store_release(&hook_runs, 0);
	crew__store_release(&hook_ends, 1);
	if (crew_scope_on_cancel(scope, &own, run_for_long, NULL) ||
	    !crew__load_acquire(&hook_runs))
		return 71;
	return crew_scope_close(scope, CREW_ECANCELED) == 0 ? 0 : 72;
}

Test(fork, R15_nobody_waits_for_a_hook_that_ran_elsewhere, .timeout = 60)
{
	struct crew *crew = start(1);
	struct crew_scope scope;
	struct crew_scope_hook hook;
	pthread_t thread;
	int status;
	pid_t pid;

	crew__store_relaxed(&hook_runs, 0);
	crew__store_relaxed(&hook_ends, 0);
	crew_scope_open(&scope, NULL);
	cr_assert_eq(crew_scope_on_cancel(&scope, &hook, run_for_long, NULL), 0);
	cr_assert_eq(pthread_create(&thread, NULL, cancel_scope, &scope), 0);
	while (!crew__load_acquire(&hook_runs))
		sched_yield();
	pid = fork_child();
	if (pid == 0)
		_exit(close_hooked(&scope, &hook));
	status = reap(pid);
	crew__store_release(&hook_ends, 1);
	cr_assert_eq(crew_scope_close(&scope, CREW_ECANCELED), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(crew_stop(crew), 0);
	cr_assert_eq(status, 0, "status %d", status);
}

/* ---- while others hold the library's locks ------------------------------------ */

static struct crew_word enough;

static void *sleep_all_the_time(void *arg)
{
	(void)arg;
	while (!crew__load_relaxed(&enough))
		crew_sleep(CREW_US(1));
	return NULL;
}

static void cancel_once(void)
{
	struct crew__cause cause = { .source = CREW_BY_CALL };
	struct crew_scope scope;

	memset(&scope, 0, sizeof(scope));
	crew__scope_cancel(&scope, &cause);
}

/* Holds the lock over all deliveries most of the time. */
static void *cancel_all_the_time(void *arg)
{
	(void)arg;
	while (!crew__load_relaxed(&enough))
		cancel_once();
	return NULL;
}

Test(fork, R15_a_fork_while_plain_threads_wait_leaves_no_lock_held, .timeout = 120)
{
	struct crew *crew = start(1);
	pthread_t threads[4];
	int status = 0;

	crew__store_relaxed(&enough, 0);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL,
					    i ? sleep_all_the_time : cancel_all_the_time, NULL),
			     0);
	for (int i = 0; status == 0 && i < 300; i++) {
		pid_t pid = fork_child();

		if (pid == 0) {
			cancel_once();
			_exit(crew_sleep(CREW_US(1)));
		}
		status = reap(pid);
	}
	crew__store_relaxed(&enough, 1);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(status, 0, "status %d", status);
	stop(crew);
}

#ifndef CREW__ASAN /* whose allocator keeps a lock that a vanished thread held */

static void *start_all_the_time(void *arg)
{
	(void)arg;
	while (!crew__load_relaxed(&enough))
		crew_run(NULL, give_five, NULL);
	return NULL;
}

/* Forks in the middle of starts, stops, visits, spawns. */
Test(fork, R15_a_fork_in_the_middle_of_anything_leaves_a_child_that_works, .timeout = 120)
{
	struct crew *crew = start(2);
	struct crew_word over = { 0 };
	struct crew_group group;
	pthread_t threads[2];
	int status = 0;

	crew__store_relaxed(&enough, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&group, count_turns, &over), 0);
	cr_assert_eq(crew_group_spawn(&group, count_turns, &over), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, start_all_the_time, NULL), 0);
	for (int i = 0; status == 0 && i < 100; i++) {
		pid_t pid = fork_child();

		if (pid == 0) {
			status = forked_owner(&group);
			_exit(status ? status : crew_of_ones_own());
		}
		status = reap(pid);
	}
	crew__store_relaxed(&enough, 1);
	crew__store_release(&over, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	stop(crew);
	cr_assert_eq(status, 0, "status %d", status);
}

#endif /* CREW__ASAN */
#endif /* CREW__TSAN */
