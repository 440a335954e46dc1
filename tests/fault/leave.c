/* SPDX-License-Identifier: MIT */
/*
 * leave.c - leaving in the middle: exit() in a task, in a call that blocks, on a plain
 * thread while a crew works; and libcrew.so loaded, used, and unloaded. Each case runs
 * in a process of its own, which must end by itself with the status 7 and have written
 * what it had in its buffers.
 */
#include "crew/crew.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char library[512];

/* ---- exit ---------------------------------------------------------------------------- */

static int compute(void *arg)
{
	(void)arg;
	while (crew_check() == 0)
		;
	return 0;
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

static int block(void *arg)
{
	(void)arg;
	pause();
	return 0;
}

static int block_for_ever(void *arg)
{
	return crew_blocking(block, arg);
}

static int leave(void *arg)
{
	(void)arg;
	crew_sleep(CREW_MS(2));
	printf("last words");
	exit(7);
}

static int leave_while_blocking(void *arg)
{
	return crew_blocking(leave, arg);
}

static int spawn_all(void *leaver)
{
	struct crew_group group;
	int rc = 0;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 3; i++) {
		rc |= crew_group_spawn(&group, sleep_for_ever, NULL);
		rc |= crew_group_spawn(&group, block_for_ever, NULL);
	}
	rc |= crew_group_spawn(&group, compute, NULL);
	if (leaver)
		rc |= crew_group_spawn(&group, *(crew_task_fn **)leaver, NULL);
	return crew_group_close(&group, rc);
}

static void with_leaver(crew_task_fn *leaver)
{
	struct crew *crew;

	if (crew_start(&crew, CREW_OPTIONS(.workers = 3)) == 0)
		crew_run(crew, spawn_all, &leaver);
}

static void exit_in_a_task(void)
{
	with_leaver(leave);
}

static void exit_in_a_blocking_call(void)
{
	with_leaver(leave_while_blocking);
}

static struct crew *left_running;

static void *run_all(void *arg)
{
	crew_run(left_running, spawn_all, arg);
	return NULL;
}

static void exit_of_a_plain_thread(void)
{
	pthread_t thread;

	if (crew_start(&left_running, CREW_OPTIONS(.workers = 3)))
		return;
	pthread_create(&thread, NULL, run_all, NULL);
	leave(NULL);
}

static int give_seven(void *arg)
{
	(void)arg;
	return 7;
}

/* A program may stop its crew in atexit(), unless it is a task that leaves. */
static void stop_at_exit(void)
{
	printf(crew_stop(left_running) == 0 ? "last words" : "crew_stop failed");
}

static void crew_stopped_at_exit(void)
{
	if (crew_start(&left_running, CREW_OPTIONS(.workers = 3)))
		return;
	atexit(stop_at_exit);
	exit(crew_run(left_running, give_seven, NULL));
}

static int stop_own_crew(void *arg)
{
	return crew_stop(arg) == CREW_EDEADLK ? 0 : 1;
}

static void own_crew_at_exit(void)
{
	if (stop_own_crew(left_running) == 0)
		printf("last words");
}

static int leave_silently(void *arg)
{
	(void)arg;
	exit(7);
}

/* Who stops the crew of the task that leaves is told that it would wait for itself. */
static void exit_in_a_task_whose_crew_is_stopped_at_exit(void)
{
	if (crew_start(&left_running, CREW_OPTIONS(.workers = 3)))
		return;
	atexit(own_crew_at_exit);
	crew_run(left_running, leave_silently, NULL);
}

/* ---- libcrew.so ------------------------------------------------------------------------ */

struct functions {
	__typeof__(crew_start) *start;
	__typeof__(crew_run) *run;
	__typeof__(crew_stop) *stop;
	__typeof__(crew_sleep) *doze;
};

static void *load(struct functions *functions)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

	if (!handle) {
		printf("%s", dlerror());
		exit(1);
	}
	*(void **)(void *)&functions->start = dlsym(handle, "crew_start");
	*(void **)(void *)&functions->run = dlsym(handle, "crew_run");
	*(void **)(void *)&functions->stop = dlsym(handle, "crew_stop");
	*(void **)(void *)&functions->doze = dlsym(handle, "crew_sleep");
	return handle;
}

static int sleep_in(void *functions)
{
	return ((struct functions *)functions)->doze(CREW_US(10)) ? 1 : 5;
}

static void *use(void *handle)
{
	struct functions functions;
	void *own = load(&functions);
	bool ok = functions.run(NULL, sleep_in, &functions) == 5 && functions.doze(1) == 0;

	/* this thread ends after the library was unloaded */
	return dlclose(own) == 0 && ok ? handle : NULL;
}

static void unloaded_and_loaded_again(void)
{
	for (int i = 0; i < 20; i++) {
		pthread_t thread;
		void *ok;

		pthread_create(&thread, NULL, use, library);
		pthread_join(thread, &ok);
		if (!ok)
			exit(1);
	}
	printf("last words");
	exit(7);
}

/* Unloading does not end a crew: the library stays (-z nodelete), and so does it. */
static void unloaded_under_a_running_crew(void)
{
	struct functions functions;
	void *handle = load(&functions);
	struct crew *crew = NULL;
	bool ok = functions.start(&crew, NULL) == 0;

	ok &= dlclose(handle) == 0;
	ok &= functions.run(crew, sleep_in, &functions) == 5;
	handle = load(&functions);
	ok &= functions.run(crew, sleep_in, &functions) == 5;
	ok &= functions.stop(crew) == 0 && dlclose(handle) == 0;
	printf("last words");
	exit(ok ? 7 : 1);
}

static void unloaded_in_the_middle_of_fork(void)
{
	struct functions functions;
	void *handle = load(&functions);
	int status;
	pid_t pid;

	if (functions.run(NULL, sleep_in, &functions) != 5 || dlclose(handle))
		exit(1);
	pid = fork(); /* what the library asked to be called is still there */
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	printf("last words");
	exit(status ? 1 : 7);
}

/* ---- all ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {
#define CASE(fn)                                                                                   \
	{                                                                                          \
#fn, fn                                                                            \
	}
	CASE(exit_in_a_task),
	CASE(exit_in_a_blocking_call),
	CASE(exit_of_a_plain_thread),
	CASE(crew_stopped_at_exit),
	CASE(exit_in_a_task_whose_crew_is_stopped_at_exit),
	CASE(unloaded_and_loaded_again),
	CASE(unloaded_under_a_running_crew),
	CASE(unloaded_in_the_middle_of_fork),
};

static bool try(unsigned i)
{
	char said[512] = "";
	size_t length = 0;
	ssize_t got;
	int ends[2];
	int status;
	pid_t pid;

	if (pipe(ends))
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		alarm(20);
		cases[i].fn();
		_exit(1);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)got;
	close(ends[0]);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 7 && strcmp(said, "last words") == 0)
		return true;
	printf("%s: wait status %#x, wrote \"%s\"\n", cases[i].name, (unsigned)status, said);
	return false;
}

int main(int argc, char **argv)
{
	unsigned count = sizeof(cases) / sizeof(cases[0]);
	unsigned passed = 0;
	const char *slash = strrchr(argv[0], '/');

	(void)argc;
	/* build/MODE/fault/leave, build/MODE/libcrew.so */
	snprintf(library, sizeof(library), "%.*s/../libcrew.so", slash ? (int)(slash - argv[0]) : 1,
		 slash ? argv[0] : ".");
	fflush(NULL);
	for (unsigned i = 0; i < count; i++)
		passed += try(i);
	printf("%u passed, %u failed\n", passed, count - passed);
	return passed != count;
}
