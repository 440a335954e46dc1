/* SPDX-License-Identifier: MIT */
/*
 * failures.c - R11: what the system refuses is a return code, and nothing that was
 * accepted is lost. Threads are refused by a pthread_create of our own, memory by
 * RLIMIT_AS; sanitizers allow neither.
 */
#include "api/task.h"

#include "base/alloc.h"
#include "exec/exec.h"

#if !defined(CREW__TSAN) && !defined(CREW__ASAN)

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- threads ----------------------------------------------------------------- */

/* 0: create; n: the n-th call from now fails, as do those after it */
static struct crew_word calls_to_refusal;
/* set: a refused call takes as long as this is 1 */
static struct crew_word refuse_slowly;
static struct crew_word refusing;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	uint64_t left = crew__load_relaxed(&calls_to_refusal);

	if (!next)
		*(void **)(void *)&next = dlsym(RTLD_NEXT, "pthread_create");
	if (left == 1) {
		crew__add_relaxed(&refusing, 1);
		while (crew__load_acquire(&refuse_slowly))
			usleep(1000);
		return EAGAIN;
	}
	if (left)
		crew__store_relaxed(&calls_to_refusal, left - 1);
	return next(thread, attr, fn, arg);
}

static int give_five(void *arg)
{
	(void)arg;
	return 5;
}

Test(failures, R11_start_without_a_thread_undoes_the_others, .timeout = 30)
{
	struct crew *crew = NULL;

	for (unsigned refused = 1; refused <= 6; refused++) {
		struct crew *const none = NULL;
		int rc;

		crew__store_relaxed(&calls_to_refusal, refused);
		rc = crew_start(&crew, CREW_OPTIONS(.workers = 5));
		crew__store_relaxed(&calls_to_refusal, 0);
		cr_assert_eq(rc, CREW_EAGAIN, "thread %u: %d", refused, rc);
		cr_assert_eq(crew, none);
	}
	crew__store_relaxed(&calls_to_refusal, 1);
	cr_assert_eq(crew_run(NULL, give_five, NULL), CREW_EAGAIN);
	crew__store_relaxed(&calls_to_refusal, 0);
	cr_assert_eq(crew_run(NULL, give_five, NULL), 5);
}

static int call_blocking(void *arg)
{
	int *rc = arg;

	*rc = crew_blocking(give_five, NULL);
	return 0;
}

Test(failures, R11_a_blocking_call_without_a_thread_says_so, .timeout = 30)
{
	struct crew *crew;
	int rc = 0;

	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = 1)), 0);
	crew__store_relaxed(&calls_to_refusal, 1);
	cr_assert_eq(crew_run(crew, call_blocking, &rc), 0);
	crew__store_relaxed(&calls_to_refusal, 0);
	cr_assert_eq(rc, CREW_EAGAIN);
	cr_assert_eq(crew_run(crew, call_blocking, &rc), 0);
	cr_assert_eq(rc, 5);
	stop(crew);
}

static int two_blocking_calls(void *arg)
{
	int *rcs = arg;
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, call_blocking, &rcs[0]);
	crew_group_spawn(&group, call_blocking, &rcs[1]);
	return crew_group_close(&group, 0);
}

static struct crew_word done;

static void *run_two(void *arg)
{
	void **crew_and_rcs = arg;

	crew_run(crew_and_rcs[0], two_blocking_calls, crew_and_rcs[1]);
	crew__store_release(&done, 1);
	return NULL;
}

/* Two calls at once, both of which count on the other's thread. */
static void lose_no_call(uint32_t blocking_max)
{
	struct crew *crew;
	int rcs[2] = { 0, 0 };
	void *crew_and_rcs[2];
	pthread_t thread;
	bool ended;

	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = 2, .blocking_max = blocking_max)),
		     0);
	crew_and_rcs[0] = crew;
	crew_and_rcs[1] = rcs;
	crew__store_relaxed(&done, 0);
	crew__store_relaxed(&refusing, 0);
	crew__store_release(&refuse_slowly, 1);
	cr_assert_eq(pthread_create(&thread, NULL, run_two, crew_and_rcs), 0);
	crew__store_relaxed(&calls_to_refusal, 1);
	for (int i = 0; i < 1000 && crew__load_acquire(&refusing) < 2; i++)
		usleep(200);
	crew__store_release(&refuse_slowly, 0);
	for (int i = 0; i < 3000 && !crew__load_acquire(&done); i++)
		usleep(1000);
	ended = crew__load_acquire(&done);
	crew__store_relaxed(&calls_to_refusal, 0);
	cr_assert(ended, "a call waits for a thread that nobody will create");
	pthread_join(thread, NULL);
	for (int i = 0; i < 2; i++)
		cr_assert(rcs[i] == CREW_EAGAIN || rcs[i] == 5, "%d", rcs[i]);
	stop(crew);
}

Test(failures, R11_two_blocking_calls_that_count_on_one_refused_thread_end, .timeout = 30)
{
	lose_no_call(1);
}

Test(failures, R11_two_blocking_calls_with_two_refused_threads_end, .timeout = 30)
{
	lose_no_call(2);
}

/* ---- memory -------------------------------------------------------------------- */

static size_t address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (file) {
		if (fscanf(file, "%zu", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(size_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = bytes ? bytes : limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
}

Test(failures, R11_start_without_memory_says_so, .timeout = 60)
{
	size_t now = address_space();
	unsigned failures = 0;
	bool started = false;

	for (size_t more = 1 << 16; more < (size_t)4 << 30; more += more / 3) {
		struct crew *crew = NULL;
		int rc;

		limit_address_space(now + more);
		rc = crew_start(&crew, CREW_OPTIONS(.workers = 3));
		if (rc == 0) {
			rc = crew_run(crew, give_five, NULL);
			started = true;
			failures += rc != 5 && rc != CREW_ENOMEM;
			failures += crew_stop(crew) != 0;
		} else {
			failures += rc != CREW_ENOMEM && rc != CREW_EAGAIN;
		}
	}
	limit_address_space(0);
	cr_assert_eq(failures, 0);
	cr_assert(started);
}

static void *sleep_a_little(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)crew_sleep(CREW_MS(5));
}

/* More threads than there are parkers that need no memory. */
Test(failures, R11_plain_threads_wait_although_malloc_failed, .timeout = 30)
{
	pthread_t threads[40];
	void *rc;

	for (int i = 0; i < 40; i++) {
		crew__alloc_fail_after(1);
		cr_assert_eq(pthread_create(&threads[i], NULL, sleep_a_little, NULL), 0);
	}
	for (int i = 0; i < 40; i++) {
		pthread_join(threads[i], &rc);
		cr_assert_eq((int)(intptr_t)rc, 0);
	}
	crew__alloc_fail_after(0);
}

static struct crew_word gate;

static int wait_at_the_gate(void *arg)
{
	crew__add_relaxed(arg, 1);
	while (!crew__load_acquire(&gate))
		crew_sleep(CREW_MS(5));
	return 0;
}

static int crowd(void *arg)
{
	struct crew_group group;
	int rc = 0;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 2000; i++)
		rc |= crew_group_spawn(&group, wait_at_the_gate, arg);
	return crew_group_close(&group, rc);
}

static void *run_crowd(void *arg)
{
	void **crew_and_count = arg;
	int rc = crew_run(crew_and_count[0], crowd, crew_and_count[1]);

	crew__store_release(&done, 1);
	return (void *)(intptr_t)rc;
}

static void *stop_it(void *crew)
{
	crew_stop(crew);
	crew__store_release(&done, 1);
	return NULL;
}

/* 2000 tasks that wait, with memory for 256 stacks. */
#define STACK_BYTES ((size_t)1 << 20)

Test(failures, R11_tasks_end_and_the_crew_stops_without_memory_for_stacks, .timeout = 90)
{
	for (unsigned workers = 1; workers <= 64; workers *= 4) {
		struct crew_word count = { 0 };
		void *crew_and_count[2];
		struct crew *crew;
		pthread_t thread;
		pthread_t stopper;
		void *rc;
		bool stopped;

		cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = workers,
							    .stack_bytes = STACK_BYTES)),
			     0);
		cr_assert_eq(crew_run(crew, give_five, NULL), 5);
		crew_and_count[0] = crew;
		crew_and_count[1] = &count;
		crew__store_relaxed(&gate, 0);
		crew__store_relaxed(&done, 0);
		cr_assert_eq(pthread_create(&thread, NULL, run_crowd, crew_and_count), 0);
		/* what the first slab lacks */
		limit_address_space(address_space() + (1 << 20) +
				    (256 - CREW__SLAB_FIBERS) * STACK_BYTES);
		for (int i = 0; i < 200; i++)
			usleep(1000);
		crew__store_release(&gate, 1);
		pthread_join(thread, &rc);
		crew__store_relaxed(&done, 0);
		limit_address_space(address_space() + (64 << 20)); /* for the stopper */
		cr_assert_eq(pthread_create(&stopper, NULL, stop_it, crew), 0);
		for (int i = 0; i < 5000 && !crew__load_acquire(&done); i++)
			usleep(1000);
		stopped = crew__load_acquire(&done);
		limit_address_space(0);
		cr_assert(stopped, "crew_stop hangs, %u workers", workers);
		pthread_join(stopper, NULL);
		cr_assert_eq((int)(intptr_t)rc, 0);
		cr_assert_eq(crew__load_relaxed(&count), 2000);
	}
}

#endif /* sanitizers */
