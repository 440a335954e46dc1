/* SPDX-License-Identifier: MIT */
/*
 * failures.c - R11: what the system refuses is a return code, and nothing that was
 * accepted is lost. Threads are refused by a pthread_create of our own, memory by
 * RLIMIT_AS; sanitizers allow neither.
 */
#include "api/task.h"
#include "support/gate.h"

#include "base/alloc.h"
#include "exec/exec.h"

#include "crew/limiter.h"

#if !defined(CREW__TSAN) && !defined(CREW__ASAN)

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- threads ----------------------------------------------------------------- */

/* 0: create; n: the n-th call from now fails, as do those after it */
static struct crew_word calls_to_refusal;
static struct gate refusing;
/* a call that is refused takes until this is 1 */
static struct gate may_refuse = { { 1 } };

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	uint64_t left = crew__load_relaxed(&calls_to_refusal);

	if (!next)
		*(void **)(void *)&next = dlsym(RTLD_NEXT, "pthread_create");
	if (left == 1) {
		gate_add(&refusing, 1);
		gate_wait(&may_refuse, 1);
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
	struct crew *crew = start(1);
	int rc = 0;

	crew__store_relaxed(&calls_to_refusal, 1);
	cr_assert_eq(crew_run(crew, call_blocking, &rc), 0);
	crew__store_relaxed(&calls_to_refusal, 0);
	cr_assert_eq(rc, CREW_EAGAIN);
	cr_assert_eq(crew_run(crew, call_blocking, &rc), 0);
	cr_assert_eq(rc, 5);
	stop(crew);
}

/* One call more than there may be threads. */
struct calls {
	struct crew *crew;
	unsigned threads;
	int rcs[3];
};

static int blocking_calls(void *arg)
{
	struct calls *calls = arg;
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (unsigned i = 0; i <= calls->threads; i++)
		crew_group_spawn(&group, call_blocking, &calls->rcs[i]);
	return crew_group_close(&group, 0);
}

static struct gate done;

static void *run_calls(void *arg)
{
	struct calls *calls = arg;

	crew_run(calls->crew, blocking_calls, calls);
	gate_add(&done, 1);
	return NULL;
}

/* All are about to start a thread but for one, in line, that counts on the others'. */
static void lose_no_call(unsigned threads)
{
	struct calls calls = { .threads = threads };
	pthread_t thread;
	bool ended;

	calls.crew = start_with(CREW_OPTIONS(.workers = 2, .blocking_max = threads));
	gate_reset(&done);
	gate_reset(&refusing);
	gate_reset(&may_refuse);
	crew__store_relaxed(&calls_to_refusal, 2); /* after our own */
	cr_assert_eq(pthread_create(&thread, NULL, run_calls, &calls), 0);
	cr_assert(gate_wait(&refusing, threads));
	wait_for_parked(calls.crew, 1, "blocking call");
	gate_add(&may_refuse, 1);
	ended = gate_wait(&done, 1);
	crew__store_relaxed(&calls_to_refusal, 0);
	cr_assert(ended, "a call waits for a thread that nobody will create");
	pthread_join(thread, NULL);
	for (unsigned i = 0; i <= threads; i++)
		cr_assert_eq(calls.rcs[i], CREW_EAGAIN, "%d", calls.rcs[i]);
	stop(calls.crew);
}

Test(failures, R11_two_blocking_calls_that_count_on_one_refused_thread_end, .timeout = 60)
{
	lose_no_call(1);
}

Test(failures, R11_three_blocking_calls_with_two_refused_threads_end, .timeout = 60)
{
	lose_no_call(2);
}

static int borrow_and_call(void *arg)
{
	struct crew_limiter *limiter = arg;
	struct crew_limiter_stats stats = { .size = sizeof(stats) };
	int rc = crew_limiter_acquire(limiter);

	if (rc == 0) {
		rc = crew_blocking(give_five, NULL);
		if (crew_limiter_release(limiter))
			return 1;
	}
	crew_limiter_read_stats(limiter, &stats);
	return stats.borrowed || stats.waiting ? 1 : rc;
}

/* K9: of the one thread that there may be; of a limiter around the call. */
Test(failures, K9_a_call_that_cannot_begin_gives_its_token_back, .timeout = 30)
{
	struct crew *crew = start_with(CREW_OPTIONS(.workers = 1, .blocking_max = 1));
	struct crew_limiter limiter;

	crew_limiter_init(&limiter, 1);
	for (int i = 0; i < 3; i++) {
		crew__store_relaxed(&calls_to_refusal, 1);
		cr_assert_eq(crew_run(crew, borrow_and_call, &limiter), CREW_EAGAIN);
		crew__store_relaxed(&calls_to_refusal, 0);
		crew__alloc_fail_after(1);
		cr_assert_eq(crew_run(crew, borrow_and_call, &limiter), CREW_ENOMEM);
		crew__alloc_fail_after(0);
	}
	cr_assert_eq(crew_run(crew, borrow_and_call, &limiter), 5);
	stop(crew);
}

/* ---- memory -------------------------------------------------------------------- */

static struct gate out_of_memory;

void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
	static void *(*next)(void *, size_t, int, int, int, off_t);
	void *got;

	if (!next)
		*(void **)(void *)&next = dlsym(RTLD_NEXT, "mmap");
	got = next(at, bytes, protection, flags, file, offset);
	if (got == MAP_FAILED)
		gate_add(&out_of_memory, 1);
	return got;
}

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

#define CHILDREN_MAX 4096

/* Until there is no memory for one more, whose handle is kept. */
static int spawn_until_refused(void *arg)
{
	static struct crew_task *tasks[CHILDREN_MAX];
	struct crew_group group;
	int count = 0, refused = 0, rc = 0;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.running_max = 1, .policy = CREW_COLLECT));
	limit_address_space(address_space());
	while (count < CHILDREN_MAX && rc == 0) {
		rc = crew_group_spawn_task(&group, give_five, NULL, NULL, &tasks[count]);
		count += rc == 0;
	}
	while (refused < 3 && rc == CREW_ENOMEM) {
		rc = crew_group_spawn_task(&group, give_five, NULL, NULL, &tasks[count]);
		refused++;
	}
	limit_address_space(0);
	if (rc == CREW_ENOMEM)
		rc = crew_group_spawn_task(&group, give_five, NULL, NULL, &tasks[count]);
	if (rc == 0 && crew_task_join(tasks[count], &rc, NULL) == 0)
		count++;
	for (int i = 0; i < count; i++)
		crew_task_drop(tasks[i]);
	crew_group_close(&group, 0);
	return refused == 3 ? rc : 1;
}

Test(failures, K9_a_child_that_cannot_be_made_gives_its_place_back, .timeout = 60)
{
	struct crew *crew = start(1);

	cr_assert_eq(crew_run(crew, spawn_until_refused, NULL), 5);
	stop(crew);
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
static struct gate limited;

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

	gate_wait(&limited, 1);
	return (void *)(intptr_t)crew_run(crew_and_count[0], crowd, crew_and_count[1]);
}

static void *stop_it(void *crew)
{
	crew_stop(crew);
	gate_add(&done, 1);
	return NULL;
}

/* 2000 tasks that wait, with memory for 256 stacks. */
#define STACK_BYTES ((size_t)1 << 20)

Test(failures, R11_tasks_end_and_the_crew_stops_without_memory_for_stacks, .timeout = 90)
{
	for (unsigned workers = 1; workers <= 64; workers *= 4) {
		struct crew_word count = { 0 };
		void *crew_and_count[2];
		struct crew *crew =
			start_with(CREW_OPTIONS(.workers = workers, .stack_bytes = STACK_BYTES));
		pthread_t thread;
		pthread_t stopper;
		void *rc;
		bool starved;
		bool stopped;

		cr_assert_eq(crew_run(crew, give_five, NULL), 5);
		crew_and_count[0] = crew;
		crew_and_count[1] = &count;
		crew__store_relaxed(&gate, 0);
		gate_reset(&done);
		gate_reset(&limited);
		gate_reset(&out_of_memory);
		cr_assert_eq(pthread_create(&thread, NULL, run_crowd, crew_and_count), 0);
		/* what the first slab lacks */
		limit_address_space(address_space() + (1 << 20) +
				    (256 - CREW__SLAB_FIBERS) * STACK_BYTES);
		gate_add(&limited, 1);
		starved = gate_wait(&out_of_memory, 10 * workers);
		crew__store_release(&gate, 1);
		pthread_join(thread, &rc);
		limit_address_space(address_space() + (64 << 20)); /* for the stopper */
		cr_assert_eq(pthread_create(&stopper, NULL, stop_it, crew), 0);
		stopped = gate_wait(&done, 1);
		limit_address_space(0);
		cr_assert(starved, "there was memory for all, %u workers", workers);
		cr_assert(stopped, "crew_stop hangs, %u workers", workers);
		pthread_join(stopper, NULL);
		cr_assert_eq((int)(intptr_t)rc, 0);
		cr_assert_eq(crew__load_relaxed(&count), 2000);
	}
}

#endif /* sanitizers */
