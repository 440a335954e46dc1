/* SPDX-License-Identifier: MIT */
/* api/forkjoin.c - crew/fork.h: what is forked is joined with its value, wherever it ran. */
#include <crew.h>

#include "api/task.h"

#include "base/atomic.h"

#include <string.h>

static long fib(int n);
CREW_FORK1(fib, long, int)

static long fib(int n)
{
	struct fib_forked left;
	long right;

	if (n < 2)
		return n;
	fib_fork(&left, n - 1);
	right = fib(n - 2);
	return fib_join(&left) + right;
}

static int fib_task(void *arg)
{
	long *result = arg;

	*result = fib(20);
	return 0;
}

Test(forkjoin, fib)
{
	for (unsigned workers = 1; workers <= 4; workers++) {
		long result = 0;

		run_with(workers, fib_task, &result);
		cr_assert_eq(result, 6765);
	}
}

Test(forkjoin, a_plain_thread_runs_its_forks_itself)
{
	cr_assert(fib(15) == 610);
}

/* ---- arguments and results ---------------------------------------------------------- */

static double mix(char a, double b, const char *c, unsigned long long d)
{
	return a + b + c[0] + (double)d;
}
CREW_FORK4(mix, double, char, double, const char *, unsigned long long)

static struct pair {
	int a;
	long b;
} swapped(struct pair pair)
{
	return (struct pair){ (int)pair.b, pair.a };
}
CREW_FORK1(swapped, struct pair, struct pair)

static void sum(const int *from, int count, long *into)
{
	*into = 0;
	for (int i = 0; i < count; i++)
		*into += from[i];
}
CREW_FORK3_VOID(sum, const int *, int, long *)

static void twice(int *number)
{
	*number *= 2;
}
CREW_FORK1_VOID(twice, int *)

static void add_to(int *number, int what)
{
	*number += what;
}
CREW_FORK2_VOID(add_to, int *, int)

static int all_kinds(void *arg)
{
	static const int numbers[] = { 1, 2, 3, 4 };
	struct mix_forked mixed;
	struct swapped_forked swap;
	struct sum_forked summed;
	struct twice_forked doubled;
	struct add_to_forked added;
	struct pair swapped_pair;
	long total;
	int number = 21;
	int other = 1;

	(void)arg;
	mix_fork(&mixed, 1, 0.5, "a", 1ULL << 40);
	swapped_fork(&swap, (struct pair){ 1, 2 });
	sum_fork(&summed, numbers, 4, &total);
	twice_fork(&doubled, &number);
	add_to_fork(&added, &other, 6);
	add_to_join(&added);
	twice_join(&doubled);
	sum_join(&summed);
	swapped_pair = swapped_join(&swap);
	CHECK(mix_join(&mixed) == 1 + 0.5 + 'a' + (double)(1ULL << 40));
	CHECK(swapped_pair.a == 2 && swapped_pair.b == 1);
	CHECK(total == 10 && number == 42 && other == 7);
	return 0;
}

Test(forkjoin, arguments_and_results_of_all_kinds)
{
	run_with(1, all_kinds, NULL);
	cr_assert_eq(all_kinds(NULL), 0);
}

/* ---- waiting inside, and between fork and join ------------------------------------------ */

static int slow(int n)
{
	return crew_sleep(CREW_MS(1)) ? 0 : n + 1;
}
CREW_FORK1(slow, int, int)

static int waits_between(void *arg)
{
	struct slow_forked a;
	struct slow_forked b;
	int rc;

	(void)arg;
	slow_fork(&a, 1);
	rc = crew_sleep(CREW_MS(2)); /* others may run it; we may change threads */
	slow_fork(&b, 10);
	crew_yield();
	CHECK(slow_join(&b) == 11);
	CHECK(slow_join(&a) == 2);
	return rc;
}

static int many_that_wait(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 50; i++)
		crew_group_spawn(&group, waits_between, arg);
	return crew_group_close(&group, 0);
}

Test(forkjoin, forked_and_forker_may_wait)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		run_with(workers, many_that_wait, NULL);
}

/* ---- the deque looks as it did, and is not the same ---------------------------------------- */

static struct crew_word others_are_forked;
static struct crew_word is_joining;
static struct crew_word runs[3];

static int yields(int which)
{
	crew__add_relaxed(&runs[which], 1);
	while (which == 0 && !crew__load_acquire(&is_joining))
		crew_yield();
	return which + 1;
}
CREW_FORK1(yields, int, int)

/* Its call is begun by the loop, and waits. */
static int joins_late(void *arg)
{
	struct yields_forked fork;

	(void)arg;
	yields_fork(&fork, 0);
	while (!crew__load_acquire(&others_are_forked))
		crew_yield();
	crew__store_release(&is_joining, 1);
	CHECK(yields_join(&fork) == 1);
	return 0;
}

/* Fills its slot, and that of the call, and waits. */
static int fills_up(void *arg)
{
	struct yields_forked first;
	struct yields_forked second;

	(void)arg;
	yields_fork(&first, 1);
	yields_fork(&second, 2);
	crew__store_release(&others_are_forked, 1);
	crew_yield();
	CHECK(yields_join(&second) == 3);
	CHECK(yields_join(&first) == 2);
	return 0;
}

static int one_after_the_other(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fills_up, arg);
	crew_group_spawn(&group, joins_late, arg);
	return crew_group_close(&group, 0);
}

Test(forkjoin, F4_a_deque_that_others_filled_to_the_same_place_is_another, .timeout = 60)
{
	crew__store_relaxed(&others_are_forked, 0);
	crew__store_relaxed(&is_joining, 0);
	for (int i = 0; i < 3; i++)
		crew__store_relaxed(&runs[i], 0);
	run_with(1, one_after_the_other, NULL);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(crew__load_relaxed(&runs[i]), 1, "call %d", i);
}

/* ---- a task that was spawned with the fork's own address ----------------------------------- */

static long half(long n)
{
	return n / 2;
}
CREW_FORK1(half, long, long)

struct work {
	struct half_forked fork; /* first: both have one address */
	int spawned_ran;
};

static int counts(void *arg)
{
	((struct work *)arg)->spawned_ran++;
	return 0;
}

static int spawns_what_it_forks(void *arg)
{
	struct work work = { .spawned_ran = 0 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	half_fork(&work.fork, 42);
	crew_group_spawn(&group, counts, &work);
	CHECK(half_join(&work.fork) == 21);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(work.spawned_ran == 1);
	return 0;
}

Test(forkjoin, F3_a_task_with_the_address_of_a_fork_is_no_fork, .timeout = 60)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		run_with(workers, spawns_what_it_forks, NULL);
}

/* ---- inside of groups, and groups inside ------------------------------------------------- */

static int child(void *arg)
{
	*(long *)arg = fib(8);
	return 0;
}

static long group_inside(int n)
{
	struct crew_group group;
	long values[3] = { 0 };

	crew_group_open(&group, NULL);
	for (int i = 0; i < 3; i++)
		crew_group_spawn(&group, child, &values[i]);
	crew_group_close(&group, 0);
	return values[0] + values[1] + values[2] + n;
}
CREW_FORK1(group_inside, long, int)

static int groups_and_forks(void *arg)
{
	struct crew_group group;
	struct group_inside_forked a;
	struct group_inside_forked b;
	long value = 0;

	(void)arg;
	group_inside_fork(&a, 1);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, child, &value);
	group_inside_fork(&b, 2); /* lies above the child when the group is left */
	CHECK(group_inside_join(&b) == 65);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(value == 21);
	CHECK(group_inside_join(&a) == 64);
	return 0;
}

Test(forkjoin, forks_and_groups_inside_each_other)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start(workers);

		for (int i = 0; i < 50; i++)
			run_in(crew, groups_and_forks, NULL);
		stop(crew);
	}
}

/* ---- cancellation ------------------------------------------------------------------------ */

static int fails(void *arg)
{
	(void)arg;
	return 7;
}

static int tells(int n)
{
	return crew_check() == CREW_ECANCELED ? n : -1;
}
CREW_FORK1(tells, int, int)

static int forks_when_cancelled(void *arg)
{
	struct crew_group group;
	struct tells_forked a;
	struct tells_forked b;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fails, NULL);
	while (crew_checkpoint() == 0)
		;
	tells_fork(&a, 1);
	tells_fork(&b, 2);
	CHECK(crew_sleep(CREW_MS(1)) == CREW_ECANCELED);
	CHECK(tells_join(&b) == 2);
	CHECK(tells_join(&a) == 1);
	return crew_group_close(&group, 0);
}

Test(forkjoin, R16_a_forked_call_runs_in_a_cancelled_scope_and_can_tell)
{
	cr_assert(crew_run(NULL, forks_when_cancelled, NULL) == 7);
}

/* ---- where it stands ----------------------------------------------------------------------- */

/* On one worker: whoever forks waits until the loop has run it. */
struct stand {
	struct crew_event *ran;
	struct crew_task *task;
};

static int looks(struct stand *stand)
{
	crew_event_set(stand->ran);
	return crew_check();
}
CREW_FORK1(looks, int, struct stand *)

static int wait_for_it(struct stand *stand)
{
	struct crew_event ran = CREW_EVENT_INIT;
	int rc;

	stand->ran = &ran;
	rc = crew_event_wait(&ran);
	crew_event_fini(&ran);
	return rc;
}

/* Forks, and waits in a shield. */
static int cancelled_here(struct stand *stand)
{
	struct looks_forked fork;
	struct crew_scope shield;

	looks_fork(&fork, stand);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	CHECK(wait_for_it(stand) == 0);
	CHECK(crew_scope_close(&shield, 0) == 0);
	return looks_join(&fork);
}

static int nests(struct stand *stand)
{
	struct crew_event *outer = stand->ran;
	int rc = cancelled_here(stand);

	crew_event_set(outer);
	return rc;
}
CREW_FORK1(nests, int, struct stand *)

static int cancels_itself(void *arg)
{
	struct stand *stand = arg;

	CHECK(crew_task_cancel(stand->task, NULL) == 0);
	CHECK(cancelled_here(stand) == CREW_ECANCELED);
	return CREW_ECANCELED;
}

static int after_groups(struct stand *stand)
{
	struct crew_scope scope;
	struct crew_group group;
	int rc;

	crew_scope_open(&scope, NULL);
	crew_group_open(&group, NULL);
	CHECK(crew_group_spawn_task(&group, cancels_itself, stand, NULL, &stand->task) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	crew_task_drop(stand->task);
	CHECK(crew_check() == 0); /* so that the next close is the short one */
	crew_group_open(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	memset(&group, 0, sizeof(group)); /* nobody stands there */
	crew_scope_cancel(&scope, NULL);
	rc = cancelled_here(stand);
	crew_scope_close(&scope, 0);
	return rc;
}

static int stands_here_and_there(void *arg)
{
	struct stand *stand = arg;
	struct crew_group group;
	struct crew_scope shield;
	struct nests_forked in_group;
	struct looks_forked in_shield;

	crew_group_open(&group, NULL);
	crew_group_cancel(&group, NULL);
	nests_fork(&in_group, stand);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	CHECK(wait_for_it(stand) == 0);
	looks_fork(&in_shield, stand);
	CHECK(wait_for_it(stand) == 0);
	CHECK(looks_join(&in_shield) == 0);
	CHECK(crew_scope_close(&shield, 0) == 0);
	CHECK(nests_join(&in_group) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 0);
	return after_groups(stand) == CREW_ECANCELED ? 0 : __LINE__;
}

Test(forkjoin, a_forked_call_stands_where_it_was_forked, .timeout = 60)
{
	struct crew *crew = start(1);
	struct stand stand = { NULL, NULL };

	cr_assert(crew_run(crew, stands_here_and_there, &stand) == 0);
	crew_stop(crew);
}

/* ---- room ---------------------------------------------------------------------------------- */

static long same(long n)
{
	return n;
}
CREW_FORK1(same, long, long)

/* More forks at once than a deque of a TINY build holds. */
static int wide(void *arg)
{
	struct same_forked forks[1000];
	long total = 0;

	(void)arg;
	for (long i = 0; i < 1000; i++)
		same_fork(&forks[i], i);
	for (long i = 1000; i-- > 0;)
		total += same_join(&forks[i]);
	CHECK(total == 499500);
	return 0;
}

Test(forkjoin, many_at_once)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start(workers);

		for (int i = 0; i < 20; i++)
			run_in(crew, wide, NULL);
		stop(crew);
	}
}
