/* SPDX-License-Identifier: MIT */
/*
 * count.c - how many instructions the calls of scopes and groups are, of what is waited for
 * while nobody waits, and of loops and sorts; for callgrind:
 *
 *	make && cc -O2 -Iinclude -o build/count perf/count.c build/release/libcrew.a \
 *		-lurcu-common -pthread
 *	build/count				names what it knows
 *	valgrind --tool=callgrind --callgrind-out-file=/dev/null \
 *		--toggle-collect=a_thousand_times build/count scope
 *
 * "Collected", divided by 1000, is the figure; `nothing` is what the loop takes.
 *
 *	build/count NAME 15			ns of CPU time for a call, the least of 15
 */
#include <crew.h>

#include "count_parallel.h"

#include <stdio.h>
#include <time.h>

static struct crew_scope prepared;
static struct crew_group *open_group;

static int end_well(void *arg)
{
	(void)arg;
	return 0;
}

static int end_badly(void *arg)
{
	(void)arg;
	return 1;
}

static void no_hook(void *arg)
{
	(void)arg;
}

static void nothing(void)
{
	__asm__ volatile("");
}

static void check(void)
{
	crew_check();
}

static void scope(void)
{
	struct crew_scope at;

	crew_scope_open(&at, NULL);
	crew_scope_close(&at, 0);
}

static void timeout(void)
{
	struct crew_scope at;

	crew_scope_move_on_after(&at, CREW_S(100));
	crew_scope_close(&at, 0);
}

static void cancel(void)
{
	struct crew_scope at;

	crew_scope_open(&at, NULL);
	crew_scope_cancel(&at, NULL);
	crew_scope_close(&at, CREW_ECANCELED);
}

static void shield(void)
{
	crew_scope_set_shield(&prepared, true);
	crew_scope_set_shield(&prepared, false);
}

static void hook(void)
{
	struct crew_scope_hook at;

	crew_scope_on_cancel(&prepared, &at, no_hook, NULL);
	crew_scope_hook_stop(&at);
}

static void defer(void)
{
	struct crew_defer entry;
	struct crew_scope at;

	crew_scope_open(&at, NULL);
	crew_scope_defer(&at, &entry, no_hook, NULL);
	crew_scope_close(&at, 0);
}

static void local(void)
{
	struct crew_local binding;
	struct crew_scope at;

	crew_scope_open(&at, NULL);
	crew_local_set(&binding, &prepared, &at);
	crew_scope_close(&at, 0);
}

static void get(void)
{
	crew_local_get(&prepared);
}

static void ref(void)
{
	crew_scope_ref_drop(crew_scope_take_ref(&prepared));
}

static void group(void)
{
	struct crew_group at;

	crew_group_open(&at, NULL);
	crew_group_close(&at, 0);
}

static void child(void)
{
	struct crew_group at;

	crew_group_open(&at, NULL);
	crew_group_spawn(&at, end_well, NULL);
	crew_group_close(&at, 0);
}

static void failure(void)
{
	struct crew_group at;

	crew_group_open(&at, NULL);
	crew_group_spawn(&at, end_badly, NULL);
	crew_group_close(&at, 0);
}

static void handle(void)
{
	struct crew_group at;
	struct crew_task *task;

	crew_group_open(&at, NULL);
	crew_group_spawn_task(&at, end_well, NULL, NULL, &task);
	crew_group_close(&at, 0);
	crew_task_join(task, NULL, NULL);
	crew_task_drop(task);
}

static void limited(void)
{
	struct crew_group at;

	crew_group_open(&at, CREW_GROUP(.running_max = 1));
	crew_group_close(&at, 0);
}

static void hold(void)
{
	crew_group_hold(open_group);
	crew_group_release(open_group);
}

/* ---- what is waited for: nobody does ------------------------------------------- */

static struct crew_lock free_lock;
static struct crew_semaphore units = CREW_SEMAPHORE_INIT(4, 4);
static struct crew_event happened;
static struct crew_notify notice;
static struct crew_latch steps = CREW_LATCH_INIT(1000000);
static struct crew_once once;
static struct crew_barrier alone = CREW_BARRIER_INIT(1);
static struct crew_condition filled = CREW_CONDITION_INIT(&free_lock);
static struct crew_lot lot;
static struct crew_channel channel;
static struct crew_sender sender;
static struct crew_receiver receiver;
static struct crew_limiter limiter = CREW_LIMITER_INIT(4);
static struct crew_rwlock shared;
static struct crew_keyed_lock by_key;
static struct crew_guard one_user;

static void lock(void)
{
	crew_lock_acquire(&free_lock);
	crew_lock_release(&free_lock);
}

static void semaphore(void)
{
	crew_semaphore_acquire(&units, 1);
	crew_semaphore_release(&units, 1);
}

static void event(void)
{
	crew_event_set(&happened);
	crew_event_wait(&happened);
}

static void notify(void)
{
	crew_notify_one(&notice);
	crew_notify_take(&notice);
}

static void latch(void)
{
	crew_latch_count_down(&steps, 1);
}

static void once_done(void)
{
	crew_once_do(&once, end_well, NULL);
}

static void barrier(void)
{
	crew_barrier_wait(&alone, NULL);
}

static void condition(void)
{
	crew_lock_acquire(&free_lock);
	crew_condition_notify(&filled, 1);
	crew_lock_release(&free_lock);
}

static void lot_pair(void)
{
	crew_lot_lock(&lot);
	crew_lot_unlock(&lot);
}

static void send(void)
{
	long item = 1;

	crew_send(&sender, &item);
	crew_receive(&receiver, &item);
}

static void choose(void)
{
	long item = 1;
	struct crew_case cases[] = { CREW_ON_RECEIVE(&receiver, &item),
				     CREW_ON_SEND(&sender, &item) };

	crew_select_one(cases, 2, CREW_IN_ORDER);
	crew_select_one(cases, 2, CREW_IN_ORDER);
}

static void limit(void)
{
	crew_limiter_acquire(&limiter);
	crew_limiter_release(&limiter);
}

static void read_lock(void)
{
	crew_rwlock_acquire_read(&shared);
	crew_rwlock_release_read(&shared);
}

static void write_lock(void)
{
	crew_rwlock_acquire_write(&shared);
	crew_rwlock_release_write(&shared);
}

static void key(void)
{
	crew_keyed_lock_acquire(&by_key, "12345678", 8);
	crew_keyed_lock_release(&by_key, "12345678", 8);
}

static void guard(void)
{
	crew_guard_enter(&one_user);
	crew_guard_leave(&one_user);
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {
	{ "nothing", nothing },
	{ "check", check },
	{ "scope", scope },
	{ "timeout", timeout },
	{ "cancel", cancel },
	{ "shield", shield },
	{ "hook", hook },
	{ "defer", defer },
	{ "local", local },
	{ "get", get },
	{ "ref", ref },
	{ "group", group },
	{ "child", child },
	{ "failure", failure },
	{ "handle", handle },
	{ "limited", limited },
	{ "hold", hold },
	{ "lock", lock },
	{ "semaphore", semaphore },
	{ "event", event },
	{ "notify", notify },
	{ "latch", latch },
	{ "once", once_done },
	{ "barrier", barrier },
	{ "condition", condition },
	{ "lot", lot_pair },
	{ "send", send },
	{ "select", choose },
	{ "limiter", limit },
	{ "read_lock", read_lock },
	{ "write_lock", write_lock },
	{ "keyed_lock", key },
	{ "guard", guard },
	{ "loop_of_1", loop_of_1 },
	{ "loop_of_8", loop_of_8 },
	{ "loop_of_100", loop_of_100 },
	{ "loop_of_1000", loop_of_1000 },
	{ "loop_in_8", loop_in_8 },
	{ "leaves", leaves },
	{ "pieces", pieces },
	{ "sort", sort },
	{ "sort_alone", sort_alone },
	{ "sort_stable", sort_stable },
	{ "sort_in_place", sort_in_place },
	{ "sort_qsort", sort_qsort },
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static __attribute__((noinline)) void a_thousand_times(void (*call)(void))
{
	for (int i = 0; i < 1000; i++)
		call();
}

/* What a call takes, of the worker that runs it. */
static double nanoseconds(void (*call)(void))
{
	struct timespec begin, end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
	a_thousand_times(call);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) /
	       1000;
}

static int times;

static int run(void *arg)
{
	const size_t *which = (const size_t *)arg;
	double least = 1e9;
	struct crew_local binding;
	struct crew_group at;
	struct crew_scope_ref *ref_of_all;
	int rc;

	crew_scope_open(&prepared, NULL);
	ref_of_all = crew_scope_take_ref(&prepared);
	crew_local_set(&binding, &prepared, NULL);
	crew_group_open(&at, NULL);
	open_group = &at;
	calls[*which].call(); /* what is allocated first, and kept */
	for (int i = 0; i < times; i++) {
		double took = nanoseconds(calls[*which].call);

		least = took < least ? took : least;
	}
	if (times > 1)
		printf("%.1f ns\n", least);
	rc = crew_group_close(&at, 0);
	crew_scope_ref_drop(ref_of_all);
	return crew_scope_close(&prepared, rc);
}

int main(int argc, char **argv)
{
	struct crew *crew;
	size_t which = 0;
	int rc;

	while (which < CALLS && (argc < 2 || strcmp(argv[1], calls[which].name) != 0)) {
		if (argc < 2)
			puts(calls[which].name);
		which++;
	}
	if (which == CALLS)
		return argc >= 2;
	times = argc > 2 ? atoi(argv[2]) : 1;
	make_numbers();
	rc = crew_channel_init(&channel, &sender, &receiver, sizeof(long),
			       CREW_CHANNEL(.capacity = 4));
	if (rc || crew_start(&crew, CREW_OPTIONS(.workers = 1)))
		return 1;
	rc = crew_run(crew, run, &which);
	crew_stop(crew);
	crew_sender_close(&sender);
	crew_receiver_close(&receiver);
	return rc != 0;
}
