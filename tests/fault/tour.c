/* SPDX-License-Identifier: MIT */
/*
 * tour.c - R11: a tour of all that the library does, with one call of the system
 * refused, the first, the second, ... until nothing is refused any more; and again with
 * all calls refused from there on. Every code is one that the headers name, what was
 * accepted has run, nothing hangs, no thread and no mapping is left, and when the
 * refusal was a single one, everything works afterwards.
 *
 *	tour		everything
 *	tour walk	one tour, under LD_PRELOAD=refuse.so REFUSE=...
 */
#include "crew/crew.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 40

/* exit statuses of a walk */
enum {
	WELL = 0,
	WRONG = 1,
	NOTHING_REFUSED = 3,
};

/* of refuse.c */
static long (*refuse_count)(void);
static long (*refuse_mapped)(void);

static bool find_refuse(void)
{
	*(void **)(void *)&refuse_count = dlsym(RTLD_DEFAULT, "refuse_count");
	*(void **)(void *)&refuse_mapped = dlsym(RTLD_DEFAULT, "refuse_mapped");
	return refuse_count && refuse_mapped;
}

static unsigned wrong;

static void complain(int line, const char *what, long rc)
{
	fprintf(stderr, "tour.c:%d: %s: %ld (%s)\n", line, what, rc, crew_strerror((int)rc));
	__atomic_store_n(&wrong, 1, __ATOMIC_RELAXED);
}

/* The codes that may come back, ended by 1, which no call gives. */
static int expect(int line, const char *what, int rc, ...)
{
	va_list codes;
	int code;

	va_start(codes, rc);
	do {
		code = va_arg(codes, int);
		if (code == rc)
			break;
	} while (code != 1);
	va_end(codes);
	if (code == 1)
		complain(line, what, rc);
	return rc;
}
#define MAY(call, ...)	 expect(__LINE__, #call, call, __VA_ARGS__, 1)
#define HOLDS(condition) ((condition) ? (void)0 : complain(__LINE__, #condition, 0))

/* ---- tasks --------------------------------------------------------------------- */

static unsigned ran;

static int give_five(void *arg)
{
	(void)arg;
	return 5;
}

static int leaf(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg;

	if (number % 4 == 0)
		MAY(crew_sleep(CREW_US(100)), 0);
	if (number % 4 == 1)
		MAY(crew_blocking(give_five, NULL), 5, CREW_EAGAIN);
	if (number % 4 == 2)
		crew_yield();
	__atomic_add_fetch(&ran, 1, __ATOMIC_RELAXED);
	return 0;
}

static int leaf_of_copy(void *arg)
{
	unsigned number;

	memcpy(&number, arg, sizeof(number));
	return leaf((void *)(uintptr_t)number);
}

static unsigned spawn_all(struct crew_group *group)
{
	unsigned accepted = 0;

	for (unsigned i = 0; i < CHILDREN; i++) {
		void *arg = (void *)(uintptr_t)i;
		int rc;

		if (i % 3 == 0)
			rc = MAY(crew_group_spawn(group, leaf, arg), 0, CREW_ENOMEM);
		else if (i % 3 == 1)
			rc = MAY(crew_group_spawn_copy(group, leaf_of_copy, &i, sizeof(i)), 0,
				 CREW_ENOMEM);
		else
			rc = MAY(crew_group_spawn_task(group, leaf, arg,
						       CREW_TASK(.flags = CREW_TASK_PINNED), NULL),
				 0, CREW_ENOMEM);
		accepted += rc == 0;
	}
	return accepted;
}

static unsigned accepted_inside;

static int crowd(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	accepted_inside = spawn_all(&group);
	MAY(crew_group_wait(&group), 0);
	return MAY(crew_group_close(&group, 0), 0);
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return MAY(crew_sleep(CREW_NEVER), CREW_ECANCELED);
}

static int fail(void *arg)
{
	(void)arg;
	return 7;
}

static int failing(void *arg)
{
	struct crew_group group;
	int rc;

	(void)arg;
	crew_group_open(&group, NULL);
	MAY(crew_group_spawn_copy(&group, sleep_for_ever, &group, 4), 0, CREW_ENOMEM);
	rc = MAY(crew_group_spawn(&group, fail, NULL), 0, CREW_ENOMEM);
	MAY(crew_group_close(&group, rc), 7, CREW_ENOMEM);
	return 0;
}

/* ---- one tour ------------------------------------------------------------------- */

static void look_at(struct crew *crew)
{
	struct crew_stats stats = { .size = sizeof(stats) };
	FILE *out = fopen("/dev/null", "w");

	HOLDS(crew_worker_count(crew) == 3);
	MAY(crew_read_stats(crew, &stats), 0);
	if (out) {
		MAY(crew_dump(crew, out), 0);
		fclose(out);
	}
}

static void in_a_child_process(struct crew *crew)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(10);
		_exit(crew_run(crew, give_five, NULL) == CREW_EFORKED ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	if (status)
		complain(__LINE__, "a child process was not told CREW_EFORKED", status);
}

/* True: nothing was refused on the way. */
static bool tour(void)
{
	bool complete = true;
	struct crew *crew = NULL;
	struct crew_group group;
	unsigned accepted;
	char why[64];

	HOLDS(crew_cpu_limit(why, sizeof(why)) > 0);
	MAY(crew_sleep(CREW_US(10)), 0);
	if (MAY(crew_start(&crew, CREW_OPTIONS(.workers = 3)), 0, CREW_ENOMEM, CREW_EAGAIN)) {
		HOLDS(!crew);
		return false;
	}
	ran = accepted_inside = 0;
	complete &= MAY(crew_run(crew, crowd, NULL), 0, CREW_ENOMEM) == 0;
	HOLDS(ran == accepted_inside);
	complete &= accepted_inside == CHILDREN;

	ran = 0;
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	accepted = spawn_all(&group);
	MAY(crew_group_close(&group, 0), 0);
	HOLDS(ran == accepted);
	complete &= accepted == CHILDREN;

	complete &= MAY(crew_run(crew, failing, NULL), 0, CREW_ENOMEM) == 0;
	look_at(crew);
	in_a_child_process(crew);
	crew_cancel(crew, "the tour ends");
	MAY(crew_run(crew, crowd, NULL), CREW_ECANCELED);
	MAY(crew_stop(crew), 0);
	complete &= MAY(crew_run(NULL, give_five, NULL), 5, CREW_ENOMEM, CREW_EAGAIN) == 5;
	return complete;
}

static unsigned threads(void)
{
	DIR *directory = opendir("/proc/self/task");
	unsigned count = 0;
	struct dirent *entry;

	if (!directory)
		return 1;
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static int walk(void)
{
	bool single;

	alarm(20);
	tour();
	single = refuse_count() == 1 && !strchr(getenv("REFUSE"), '+');
	HOLDS(tour() || !single);
	/* joined threads may still be on their way out; the alarm ends us if one stays */
	while (threads() > 1)
		sched_yield();
	HOLDS(refuse_mapped() == 0);
	return wrong ? WRONG : refuse_count() ? WELL : NOTHING_REFUSED;
}

/* ---- all tours ------------------------------------------------------------------- */

static int walk_with(const char *program, const char *refused)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char preload[512];

		snprintf(preload, sizeof(preload), "%.*s/refuse.so",
			 (int)(strrchr(program, '/') - program), program);
		setenv("LD_PRELOAD", preload, 1);
		setenv("REFUSE", refused, 1);
		execl(program, program, "walk", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static unsigned passed;
static unsigned failed;

static void count(int status, int expected, const char *refused)
{
	if (status == expected) {
		passed++;
		return;
	}
	printf("REFUSE='%s': ended with %d\n", refused, status);
	failed++;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "memory",	   "thread",   "map",	 "guard", "protect",
					     "membarrier", "affinity", "atfork", "open" };
	static const char *const combined[] = { "guard:1+ protect:1+", "guard:1+ protect:3",
						"guard:1+ protect:9+", "membarrier:1+ map:6+",
						"affinity:1+ open:1+", "memory:30+ map:8+" };
	char refused[64];

	if (argc > 1)
		return find_refuse() ? walk() : WRONG;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (unsigned on = 0; on < 2; on++) {
			unsigned k = 0;
			int status;

			do {
				snprintf(refused, sizeof(refused), "%s:%u%s", kinds[i], ++k,
					 on ? "+" : "");
				status = walk_with(argv[0], refused);
				/* promised before the first crew, taken back afterwards */
				if (strcmp(kinds[i], "membarrier") == 0 && k > 2 &&
				    status == 128 + SIGABRT)
					break;
				if (status != NOTHING_REFUSED)
					count(status, WELL, refused);
			} while (status != NOTHING_REFUSED && k < 1000 && failed < 5);
			printf("%s%s: %u\n", kinds[i], on ? " from there on" : "", k - 1);
		}
	}
	for (unsigned i = 0; i < sizeof(combined) / sizeof(combined[0]); i++)
		count(walk_with(argv[0], combined[i]), WELL, combined[i]);
	/* no clock is asked but the monotonic one */
	count(walk_with(argv[0], "clock:1+"), NOTHING_REFUSED, "clock:1+");
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
