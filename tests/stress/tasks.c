/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - every task runs exactly once.
 *
 *	SECONDS=9 SEED=n tasks [COUNT]
 *
 * Rounds of random programs (flat groups, trees, sleeps, yields, copies, pinned tasks,
 * spawns by eight plain threads, failures, calls that block) on crews of 1, 2, 3, 8 and 64
 * workers, on all processors and pinned to one, with membarrier and without. What runs
 * is counted and summed up. At the end COUNT tasks in a row (10 million; as many as the
 * time allows).
 */
#include "stress/stress.h"

#include "base/atomic.h"
#include "base/random.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static crew_time end_of_time;
static struct crew_word ran;
static struct crew_word sum;

/* What one round has spawned. */
struct round {
	struct crew_word tasks;
	struct crew_word sum;
};

static struct round round_;

static uint64_t note_spawn(uint64_t number)
{
	crew__add_relaxed(&round_.tasks, 1);
	crew__add_relaxed(&round_.sum, number);
	return number;
}

static void note_run(uint64_t number)
{
	crew__add_relaxed(&ran, 1);
	crew__add_relaxed(&sum, number);
}

struct work {
	uint64_t number;
	uint64_t random;
	int depth;
};

static int busy_or_not(struct work *work)
{
	switch (crew__random_below(&work->random, 16)) {
	case 0:
		return crew_sleep(CREW_US(crew__random_below(&work->random, 50)));
	case 1:
		crew_yield();
		return crew_checkpoint();
	case 2:
		for (int i = 0; i < 2000; i++)
			crew__spin_hint();
		return 0;
	default:
		return crew_check();
	}
}

static int node(void *arg);

static int inside_a_call(void *arg)
{
	note_run(*(uint64_t *)arg);
	return 0;
}

static void spawn_child(struct crew_group *group, struct work *work, struct work *child)
{
	int rc;

	child->number = note_spawn(crew__random(&work->random) >> 20);
	child->random = crew__random(&work->random);
	child->depth = work->depth - 1;
	switch (crew__random_below(&work->random, 8)) {
	case 0:
		rc = crew_group_spawn_copy(group, node, child, sizeof(*child));
		break;
	case 1:
		rc = crew_group_spawn_task(group, node, child,
					   CREW_TASK(.name = "pinned", .flags = CREW_TASK_PINNED),
					   NULL);
		break;
	default:
		rc = crew_group_spawn(group, node, child);
	}
	if (rc)
		die("spawn", rc, 0);
}

static int node(void *arg)
{
	struct work *work = arg;
	struct work children[6];
	unsigned count = crew__random_below(&work->random, 7);
	struct crew_group group;
	int rc = busy_or_not(work);

	note_run(work->number);
	if (rc)
		die("a task that nobody cancelled", rc, 0);
	if (work->depth == 0 || count == 0)
		return 0;
	crew_group_open(&group, NULL);
	for (unsigned i = 0; i < count; i++) {
		spawn_child(&group, work, &children[i]);
		if (crew__random_below(&work->random, 20) == 0 && crew_group_wait(&group))
			die("wait", 0, 0);
	}
	if (crew__random_below(&work->random, 40) == 0) {
		uint64_t number = note_spawn(5);

		if (crew_blocking(inside_a_call, &number))
			die("blocking", 0, 0);
	}
	rc = crew_group_close(&group, 0);
	if (rc)
		die("close", rc, 0);
	return 0;
}

/* ---- flat --------------------------------------------------------------------- */

static int leaf(void *arg)
{
	note_run((uint64_t)(uintptr_t)arg);
	return 0;
}

static int flat(void *arg)
{
	uint64_t count = *(uint64_t *)arg;
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < count; i++)
		if (crew_group_spawn(&group, leaf, (void *)(uintptr_t)note_spawn(i)))
			die("flat spawn", (int64_t)i, 0);
	return crew_group_close(&group, 0);
}

struct outsider {
	struct crew *crew;
	uint64_t random;
};

static void *outside(void *arg)
{
	struct outsider *me = arg;
	struct work root = { .random = me->random, .depth = 4 };
	struct work children[30];
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = me->crew));
	for (int i = 0; i < 30; i++) {
		spawn_child(&group, &root, &children[i]);
		if (crew__random_below(&root.random, 10) == 0)
			sched_yield();
	}
	if (crew__random_below(&root.random, 2) && crew_group_wait(&group))
		die("wait outside", 0, 0);
	if (crew_group_close(&group, 0))
		die("close outside", 0, 0);
	return NULL;
}

/* ---- failures: counted, not summed up ------------------------------------------- */

static int fail_or_not(void *arg)
{
	struct work *work = arg;

	busy_or_not(work);
	return work->number % 3 == 0 ? 4 : 0;
}

static int failures(void *arg)
{
	uint64_t *random = arg;

	for (int i = 0; i < 50; i++) {
		struct work children[8];
		struct crew_group group;
		bool fails = false;
		int rc;

		crew_group_open(&group, NULL);
		for (int j = 0; j < 8; j++) {
			children[j] = (struct work){ .number = crew__random(random) % 9,
						     .random = crew__random(random) };
			fails |= children[j].number % 3 == 0;
			crew_group_spawn(&group, fail_or_not, &children[j]);
		}
		rc = crew__random_below(random, 2) ? crew_group_wait(&group) : 0;
		if (rc && rc != CREW_ECANCELED)
			die("wait for failures", rc, 0);
		rc = crew_group_close(&group, 0);
		if (rc != (fails ? 4 : 0))
			die("close over failures", rc, fails);
	}
	return 0;
}

/* ---- rounds ------------------------------------------------------------------- */

static void check_round(const char *what)
{
	uint64_t tasks = crew__load_acquire(&round_.tasks);
	uint64_t total = crew__load_acquire(&round_.sum);

	if (crew__load_acquire(&ran) != tasks)
		die(what, (int64_t)crew__load_acquire(&ran), (int64_t)tasks);
	if (crew__load_acquire(&sum) != total)
		die(what, (int64_t)crew__load_acquire(&sum), (int64_t)total);
}

static void one_round(unsigned workers, uint64_t random)
{
	struct crew *crew;
	struct outsider outsiders[8];
	pthread_t threads[8];
	struct work root = { .number = note_spawn(1), .random = random, .depth = 7 };
	uint64_t count = 20000;
	int rc = crew_start(&crew, CREW_OPTIONS(.workers = workers, .blocking_max = 3));

	if (rc)
		die("start", rc, workers);
	for (int i = 0; i < 8; i++) {
		outsiders[i] = (struct outsider){ crew, crew__random(&random) };
		if (pthread_create(&threads[i], NULL, outside, &outsiders[i]))
			die("pthread_create", i, 0);
	}
	if (crew_run(crew, node, &root) || crew_run(crew, flat, &count) ||
	    crew_run(crew, failures, &random))
		die("run", 0, 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	check_round("tasks run, tasks spawned");
	rc = crew_stop(crew);
	if (rc)
		die("stop", rc, 0);
}

static void flood(uint64_t count)
{
	struct crew *crew;
	uint64_t batch = 100000;
	crew_time began = crew_now();
	uint64_t done;

	if (crew_start(&crew, NULL))
		die("start", 0, 0);
	for (done = 0; done < count && (done < 1000000 || crew_now() < end_of_time); done += batch)
		if (crew_run(crew, flat, &batch))
			die("run", 0, 0);
	check_round("tasks run, tasks spawned");
	crew_stop(crew);
	printf("%llu tasks in a row: %lld ns each\n", (unsigned long long)done,
	       (long long)((crew_now() - began) / (crew_time)done));
	if (done < count)
		printf("(not %llu: the time is up)\n", (unsigned long long)count);
}

static void rounds(crew_time until, uint64_t random)
{
	static const unsigned workers[] = { 1, 2, 3, 8, 64 };
	unsigned count = 0;

	do {
		one_round(workers[count % 5], crew__random(&random));
		count++;
	} while (crew_now() < until || count < 5);
	printf("%u rounds, %llu tasks\n", count, (unsigned long long)crew__load_relaxed(&ran));
}

/* From now on membarrier does not exist, as in some containers. */
static bool forbid_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool use_one_processor(void)
{
	cpu_set_t set;
	size_t first = 0;

	sched_getaffinity(0, sizeof(set), &set);
	while (!CPU_ISSET(first, &set))
		first++;
	CPU_ZERO(&set);
	CPU_SET(first, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* In a process of its own, because neither can be taken back. */
static void apart(const char *how, bool (*prepare)(void), crew_time until, uint64_t random)
{
	int status = 0;
	pid_t pid;

	printf("%s: ", how);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (!prepare()) {
			puts("not possible here");
			exit(0);
		}
		rounds(until, random);
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("the other process", status, 0);
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
	crew_time begin = crew_now();
	crew_time length = stress_length();

	stress_choose_seed();
	end_of_time = begin + length;
	apart("one processor", use_one_processor, begin + length / 4, stress_seed + 1);
	apart("no membarrier", forbid_membarrier, begin + length / 2, stress_seed + 2);
	rounds(begin + 3 * (length / 4), stress_seed);
	flood(count);
	return 0;
}
