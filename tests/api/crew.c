/* SPDX-License-Identifier: MIT */
/* crew.c - the executor's face: what crew/crew.h promises. */
#include "api/task.h"

#include "exec/exec.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static int return_number(void *arg)
{
	return *(int *)arg;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* ---- start, options, stop ---------------------------------------------------- */

Test(crew, it_has_the_workers_that_were_asked_for)
{
	struct crew *crew = start(3);

	cr_assert_eq(crew_worker_count(crew), 3);
	stop(crew);
}

static int count_own_workers(void *arg)
{
	*(unsigned *)arg = crew_worker_count(NULL);
	return 0;
}

Test(crew, null_is_the_crew_of_the_calling_task_and_none_elsewhere)
{
	struct crew *crew = start(2);
	struct crew_stats stats = { .size = sizeof(stats) };
	unsigned count = 0;

	cr_assert_eq(crew_run(crew, count_own_workers, &count), 0);
	cr_assert_eq(count, 2);
	cr_assert_eq(crew_worker_count(NULL), 0);
	cr_assert_eq(crew_read_stats(NULL, &stats), CREW_EINVAL);
	cr_assert_eq(crew_dump(NULL, stdout), CREW_EINVAL);
	crew_cancel(NULL, "nobody");
	stop(crew);
}

Test(crew, an_option_out_of_its_range_is_refused)
{
	struct crew *crew = NULL;

	cr_assert_eq(crew_start(NULL, NULL), CREW_EINVAL);
	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = 251)), CREW_EINVAL);
	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.stack_bytes = 32767)), CREW_EINVAL);
	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.stack_bytes = (64U << 20) + 1)), CREW_EINVAL);
	cr_assert_eq(crew_start(&crew, &(struct crew_options){ .workers = 1 }), CREW_EINVAL,
		     "options without a size");
	cr_assert_null(crew, "set although nothing was started");
}

Test(crew, newer_options_are_accepted_while_they_are_zero)
{
	struct {
		struct crew_options known;
		uint64_t unknown;
	} options = { .known = { .size = sizeof(options), .workers = 1 } };
	struct crew *crew = NULL;

	options.unknown = 1;
	cr_assert_eq(crew_start(&crew, &options.known), CREW_EINVAL);
	options.unknown = 0;
	cr_assert_eq(crew_start(&crew, &options.known), 0);
	stop(crew);
}

Test(crew, options_shorter_than_there_ever_were_are_refused)
{
	struct crew_options options = { .workers = 1 };
	struct crew *crew = NULL;

	for (; options.size < sizeof(options); options.size++)
		cr_assert_eq(crew_start(&crew, &options), CREW_EINVAL);
	cr_assert_null(crew);
}

static int thread_name(void *name)
{
	return pthread_getname_np(pthread_self(), name, 16);
}

Test(crew, its_name_is_that_of_the_threads_cut_to_ten_bytes)
{
	char name[16] = "";
	struct crew *crew = start_with(CREW_OPTIONS(.workers = 1, .name = "0123456789abcdef"));

	run_in(crew, thread_name, name);
	cr_assert_str_eq(name, "0123456789-0");
	stop(crew);
}

static int stop_it(void *arg)
{
	return crew_stop(arg);
}

Test(crew, no_task_stops_its_own_crew)
{
	struct crew *crew = start(1);

	cr_assert_eq(crew_run(crew, stop_it, crew), CREW_EDEADLK);
	stop(crew);
}

Test(crew, a_thread_with_an_open_group_does_not_stop_the_crew)
{
	struct crew *crew = start(1);
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_stop(crew), CREW_EDEADLK);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	stop(crew);
}

static int stop_it_cancelled(void *arg)
{
	struct crew_scope scope;
	int rc;

	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	rc = crew_run(arg, nothing, NULL) == CREW_ECANCELED ? crew_stop(arg) : 1;
	crew_scope_close(&scope, 0);
	return rc;
}

Test(crew, so_does_a_task_that_is_cancelled, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew *other = start(1);

	cr_assert_eq(crew_run(crew, stop_it_cancelled, other), 0);
	stop(crew);
}

Test(crew, a_task_stops_another_crew)
{
	struct crew *crew = start(1);
	struct crew *other = start(1);

	cr_assert_eq(crew_run(crew, stop_it, other), 0);
	stop(crew);
}

static void *stop_from_outside(void *crew)
{
	return (void *)(intptr_t)crew_stop(crew);
}

/* Another thread stops the crew. */
static pthread_t begin_stop(struct crew *crew)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, stop_from_outside, crew), 0);
	return thread;
}

/* What it was told. */
static int end_stop(pthread_t thread)
{
	void *rc = NULL;

	cr_assert_eq(pthread_join(thread, &rc), 0);
	return (int)(intptr_t)rc;
}

Test(crew, one_that_is_being_stopped_takes_nothing_new_from_threads, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_group open;
	struct crew_group late;
	pthread_t first;

	crew_group_open(&open, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&open, nothing, NULL), 0);
	first = begin_stop(crew);
	while (crew__load_acquire(&crew->state) == CREW__OPEN)
		sched_yield(); /* nobody is told */
	cr_assert_eq(end_stop(begin_stop(crew)), CREW_ESTATE, "somebody is stopping it already");
	cr_assert_eq(crew_run(crew, nothing, NULL), CREW_ECLOSED);
	cr_assert_eq(crew_group_spawn(&open, nothing, NULL), CREW_ECLOSED);
	crew_group_open(&late, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&late, nothing, NULL), CREW_ECLOSED);
	cr_assert_eq(crew_group_close(&late, 0), CREW_ECLOSED);
	cr_assert_eq(crew_group_close(&open, 0), 0);
	cr_assert_eq(end_stop(first), 0);
}

Test(crew, stopping_none_does_nothing)
{
	cr_assert_eq(crew_stop(NULL), 0);
}

/* ---- run ----------------------------------------------------------------------- */

Test(crew, run_returns_the_functions_code)
{
	static int codes[] = { 0, 7, -2, CREW_EBUSY };
	struct crew *crew = start(1);

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		cr_assert_eq(crew_run(crew, return_number, &codes[i]), codes[i]);
	stop(crew);
}

Test(crew, run_without_a_crew_starts_one_and_stops_it)
{
	int number = 7;

	cr_assert_eq(crew_run(NULL, return_number, &number), 7);
	cr_assert_eq(crew_run(NULL, NULL, NULL), CREW_EINVAL);
}

static int run_again(void *arg)
{
	return crew_run(arg, nothing, NULL);
}

Test(crew, a_task_runs_something_in_another_crew_but_not_in_its_own)
{
	struct crew *crew = start(1);
	struct crew *other = start(1);

	cr_assert_eq(crew_run(crew, run_again, other), 0);
	cr_assert_eq(crew_run(crew, run_again, crew), CREW_ESTATE);
	cr_assert_eq(crew_run(crew, run_again, NULL), CREW_ESTATE);
	stop(other);
	stop(crew);
}

static void *run_often(void *crew)
{
	int number = 7;
	intptr_t wrong = 0;

	for (int i = 0; i < 1000; i++)
		wrong += crew_run(crew, return_number, &number) != 7;
	return (void *)wrong;
}

Test(crew, many_threads_run_at_once)
{
	struct crew *crew = start(2);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, run_often, crew), 0);
	for (int i = 0; i < 4; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		cr_assert_null(wrong);
	}
	stop(crew);
}

/* ---- cancel ------------------------------------------------------------------------ */

static int cancel_own_crew(void *arg)
{
	(void)arg;
	crew_cancel(NULL, "enough");
	return crew_sleep(CREW_NEVER);
}

static int note_that_it_ran(void *arg)
{
	*(bool *)arg = true;
	return 0;
}

Test(crew, a_cancelled_crew_stops_what_runs_and_begins_nothing)
{
	struct crew *crew = start(2);
	bool ran = false;

	cr_assert_eq(crew_run(crew, cancel_own_crew, NULL), CREW_ECANCELED);
	cr_assert_eq(crew_run(crew, note_that_it_ran, &ran), CREW_ECANCELED);
	cr_assert_not(ran);
	stop(crew);
}

/* ---- statistics ---------------------------------------------------------------------- */

static int spawn_hundred(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&group, nothing, NULL);
	return crew_group_close(&group, 0);
}

Test(crew, statistics_count_every_task_once)
{
	struct crew *crew = start(2);
	struct crew_stats all = { .size = sizeof(all) };
	uint64_t tasks = 0;

	cr_assert_eq(crew_run(crew, spawn_hundred, NULL), 0);
	cr_assert_eq(crew_read_stats(crew, &all), 0);
	cr_assert_eq(all.workers, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct crew_stats one = { .size = sizeof(one) };

		cr_assert_eq(crew_read_worker_stats(crew, i, &one), 0);
		cr_assert_eq(one.workers, 1);
		tasks += one.tasks;
	}
	cr_assert_eq(tasks, all.tasks);
	cr_assert_eq(tasks, 101);
	stop(crew);
}

Test(crew, statistics_fill_what_the_caller_knows_and_no_more)
{
	struct crew *crew = start(1);
	struct {
		struct crew_stats stats;
		uint64_t behind;
	} s = { .stats = { .size = offsetof(struct crew_stats, tasks) } };

	memset(&s.stats.tasks, 0x55, sizeof(s) - offsetof(struct crew_stats, tasks));
	cr_assert_eq(crew_read_stats(crew, &s.stats), 0);
	cr_assert_eq(s.stats.workers, 1);
	cr_assert_eq(s.stats.tasks, 0x5555555555555555U);
	s.stats.size = sizeof(s);
	cr_assert_eq(crew_read_stats(crew, &s.stats), 0);
	cr_assert_eq(s.behind, 0);
	cr_assert_eq(s.stats.size, sizeof(s));
	stop(crew);
}

Test(crew, statistics_refuse_bad_arguments)
{
	struct crew *crew = start(1);
	struct crew_stats stats = { .size = 4 };

	cr_assert_eq(crew_read_stats(crew, NULL), CREW_EINVAL);
	cr_assert_eq(crew_read_stats(crew, &stats), CREW_EINVAL);
	stats.size = sizeof(stats);
	cr_assert_eq(crew_read_worker_stats(crew, 1, &stats), CREW_ERANGE);
	stop(crew);
}

/* ---- the dump ------------------------------------------------------------------------ */

static char *dump(struct crew *crew)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	cr_assert_eq(crew_dump(crew, out), 0);
	fclose(out);
	return text;
}

static int wait_to_be_cancelled(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

Test(crew, the_dump_shows_who_waits_from_where_and_for_what)
{
	struct crew *crew = start(2);
	struct crew_group group;
	char *text = NULL;
	char *line = NULL;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn_task(&group, wait_to_be_cancelled, NULL,
					   CREW_TASK(.name = "sleeper"), NULL),
		     0);
	for (int i = 0; i < 10000 && !line; i++) {
		free(text);
		text = dump(crew);
		line = strstr(text, "waiting\tsleeper (");
		crew_sleep(CREW_MS(1));
	}
	cr_assert_not_null(line, "%s", text);
	cr_assert_not_null(strstr(line, "crew.c:"), "%s", text);
	cr_assert_not_null(strstr(line, "for sleep"), "%s", text);
	cr_assert_not_null(strstr(text, "worker 0"), "%s", text);
	cr_assert_not_null(strstr(text, "worker 1"), "%s", text);
	free(text);
	crew_cancel(crew, "the test is over");
	cr_assert_eq(crew_group_close(&group, 0), CREW_ECANCELED);
	stop(crew);
}

Test(crew, the_dump_reports_that_it_could_not_be_written)
{
	struct crew *crew = start(1);
	FILE *full = fopen("/dev/full", "w");

	cr_assert_eq(crew_dump(crew, NULL), CREW_EINVAL);
	if (full) {
		cr_assert_eq(setvbuf(full, NULL, _IONBF, 0), 0);
		cr_assert_eq(crew_dump(crew, full), CREW_EBROKEN);
		fclose(full);
	}
	stop(crew);
}

/* ---- the environment ------------------------------------------------------------------- */

/* What starting a crew with the options says on stderr. */
static void start_and_listen(const struct crew_options *options, char *said, size_t size)
{
	FILE *heard = tmpfile();
	int before = dup(STDERR_FILENO);
	struct crew *crew = NULL;

	cr_assert_not_null(heard);
	fflush(stderr);
	dup2(fileno(heard), STDERR_FILENO);
	int rc = crew_start(&crew, options);

	dup2(before, STDERR_FILENO);
	close(before);
	cr_assert_eq(rc, 0, "%s", crew_strerror(rc));
	rewind(heard);
	said[fread(said, 1, size - 1, heard)] = '\0';
	fclose(heard);
	stop(crew);
}

static void forget_environment(void)
{
	unsetenv("CREW_WORKERS");
	unsetenv("CREW_STACK_BYTES");
	unsetenv("CREW_DISPLAY_ENV");
}

Test(crew, the_environment_changes_defaults_and_display_says_why)
{
	char said[1024];

	setenv("CREW_WORKERS", "3", 1);
	setenv("CREW_STACK_BYTES", "131072", 1);
	setenv("CREW_DISPLAY_ENV", "1", 1);
	start_and_listen(NULL, said, sizeof(said));
	forget_environment();
	cr_assert_not_null(strstr(said, "workers 3 (CREW_WORKERS)"), "%s", said);
	cr_assert_not_null(strstr(said, "stack_bytes 131072 (CREW_STACK_BYTES)"), "%s", said);
}

Test(crew, the_environment_never_changes_what_the_program_asks_for)
{
	char said[1024];

	setenv("CREW_WORKERS", "3", 1);
	setenv("CREW_STACK_BYTES", "131072", 1);
	setenv("CREW_DISPLAY_ENV", "1", 1);
	start_and_listen(CREW_OPTIONS(.workers = 2, .stack_bytes = 65536), said, sizeof(said));
	forget_environment();
	cr_assert_not_null(strstr(said, "workers 2 (the program)"), "%s", said);
	cr_assert_not_null(strstr(said, "stack_bytes 65536 (the program)"), "%s", said);
}

Test(crew, what_is_no_number_in_the_environment_is_left_alone)
{
	static const char *const texts[] = { "", "0", "-1", "many", "3 or 4", "0x3" };
	char why[64];
	char said[1024];
	char expected[128];
	unsigned limit = crew_cpu_limit(why, sizeof(why));

	snprintf(expected, sizeof(expected), "workers %u (%s)", limit < 250 ? limit : 250, why);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		setenv("CREW_WORKERS", texts[i], 1);
		setenv("CREW_DISPLAY_ENV", "1", 1);
		start_and_listen(NULL, said, sizeof(said));
		cr_assert_not_null(strstr(said, expected), "'%s' made it say: %s", texts[i], said);
	}
	forget_environment();
}

Test(crew, nothing_is_printed_unasked)
{
	char said[1024];

	forget_environment();
	start_and_listen(NULL, said, sizeof(said));
	cr_assert_str_eq(said, "");
}

Test(crew, the_limit_of_processors_comes_with_a_reason)
{
	char why[64] = "";
	char cut[4] = "";

	cr_assert_geq(crew_cpu_limit(why, sizeof(why)), 1);
	cr_assert_eq(strncmp(why, "affinity ", 9), 0, "%s", why);
	cr_assert_not_null(strstr(why, ", quota "), "%s", why);
	cr_assert_eq(crew_cpu_limit(cut, sizeof(cut)), crew_cpu_limit(NULL, 0));
	cr_assert_str_eq(cut, "aff");
}
