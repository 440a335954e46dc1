/* SPDX-License-Identifier: MIT */
/*
 * overflow.c - a task that needs more stack than it has is named, and then whatever
 * would have happened to a fault happens. Each case runs in a process of its own, that
 * must end as the table says, having written what it says.
 */
#include "crew/crew.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int depth_max = 1000000;

static int deeper(volatile char *above, int depth)
{
	volatile char here[1024];

	memset((void *)(uintptr_t)here, depth, sizeof(here));
	return depth ? deeper(here, depth - 1) + above[0] : here[1];
}

static int recurse(void *arg)
{
	char first[1] = { 0 };

	(void)arg;
	return deeper(first, depth_max);
}

static int recurse_after_a_wait(void *arg)
{
	crew_sleep(CREW_MS(1));
	return recurse(arg);
}

static int write_to_null(void *arg)
{
	*(volatile int *)arg = 1;
	return 0;
}

static int send_segv(void *arg)
{
	(void)arg;
	kill(getpid(), SIGSEGV);
	pause();
	return 0;
}

static int (*wanted)(void *);

static int named_child(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wanted, arg, CREW_TASK(.name = "digger"), NULL);
	return crew_group_close(&group, 0);
}

static void run(int (*fn)(void *), size_t stack_bytes)
{
	struct crew *crew;

	wanted = fn;
	if (crew_start(&crew, CREW_OPTIONS(.workers = 2, .stack_bytes = stack_bytes)))
		_exit(1);
	crew_run(crew, named_child, NULL);
	_exit(2);
}

static void users(int signal, siginfo_t *info, void *context)
{
	static const char text[] = "handler of the program\n";

	(void)context;
	if (info->si_code > 0 && write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(3);
	_exit(signal == SIGSEGV ? 40 : 41);
}

static void install(int flags)
{
	struct sigaction action = { .sa_sigaction = users, .sa_flags = SA_SIGINFO | flags };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

static void named(void)
{
	run(recurse, 0);
}

static void named_after_a_wait(void)
{
	run(recurse_after_a_wait, 0);
}

static void sized(void)
{
	run(recurse, 65536);
}

static void sized_by_the_environment(void)
{
	setenv("CREW_STACK_BYTES", "131072", 1);
	run(recurse, 0);
}

static void after_the_programs_handler(void)
{
	install(0);
	run(recurse, 0);
}

static void before_the_programs_handler(void)
{
	struct crew *crew;

	if (crew_start(&crew, NULL))
		_exit(1);
	install(SA_ONSTACK);
	crew_run(crew, recurse, NULL);
}

static void another_fault(void)
{
	run(write_to_null, 0);
}

static void another_fault_with_a_handler(void)
{
	install(0);
	run(write_to_null, 0);
}

static void a_plain_thread(void)
{
	struct crew *crew;

	if (crew_start(&crew, NULL) == 0)
		recurse(NULL);
}

static void a_signal_sent(void)
{
	run(send_segv, 0);
}

static void ignored_and_sent(void)
{
	signal(SIGSEGV, SIG_IGN);
	if (crew_run(NULL, write_to_null, &(int){ 0 }) || kill(getpid(), SIGSEGV))
		_exit(3);
	_exit(42);
}

static void not_wanted(void)
{
	setenv("CREW_STACK_REPORT", "0", 1);
	run(recurse, 0);
}

static void not_wanted_leaves_the_handler(void)
{
	struct sigaction now;

	setenv("CREW_STACK_REPORT", "0", 1);
	crew_run(NULL, write_to_null, &(int){ 0 });
	sigaction(SIGSEGV, NULL, &now);
	_exit(now.sa_handler == SIG_DFL ? 42 : 4);
}

#define SENTENCE "crew: stack overflow in digger (tests/fault/overflow.c:"
#define KILLED	 (128 + SIGSEGV)

static const struct {
	const char *name;
	void (*fn)(void);
	int status;	   /* 128 + the signal that ended it, or what it returned */
	const char *first; /* what it wrote begins so, */
	const char *also;  /* and has this in it */
} cases[] = {
#define CASE(fn, ...)                                                                              \
	{                                                                                          \
#fn, fn, __VA_ARGS__                                                               \
	}
	CASE(named, KILLED, SENTENCE, "it has 262144 bytes"),
	CASE(named_after_a_wait, KILLED, SENTENCE, "CREW_STACK_BYTES=1048576"),
	CASE(sized, KILLED, SENTENCE, "it has 65536 bytes"),
	CASE(sized_by_the_environment, KILLED, SENTENCE, "it has 131072 bytes"),
	CASE(after_the_programs_handler, 40, SENTENCE, "\nhandler of the program\n"),
	CASE(before_the_programs_handler, 40, "handler of the program\n", ""),
	CASE(another_fault, KILLED, "", ""),
	CASE(another_fault_with_a_handler, 40, "handler of the program\n", ""),
	CASE(a_plain_thread, KILLED, "", ""),
	CASE(a_signal_sent, KILLED, "", ""),
	CASE(ignored_and_sent, 42, "", ""),
	CASE(not_wanted, KILLED, "", ""),
	CASE(not_wanted_leaves_the_handler, 42, "", ""),
};

static bool try(unsigned i)
{
	char said[4096] = "";
	size_t length = 0;
	ssize_t got;
	int ends[2];
	int status;
	bool ok;
	pid_t pid;

	if (pipe(ends))
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		alarm(20);
		cases[i].fn();
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)got;
	close(ends[0]);
	waitpid(pid, &status, 0);
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	ok = status == cases[i].status && strstr(said, cases[i].also) &&
	     strncmp(said, cases[i].first, strlen(cases[i].first)) == 0 &&
	     (*cases[i].first || !*said);
	if (!ok)
		printf("%s: ended with %d, wrote \"%s\"\n", cases[i].name, status, said);
	return ok;
}

int main(void)
{
	unsigned count = sizeof(cases) / sizeof(cases[0]);
	unsigned passed = 0;

	setenv("CREW_STACK_REPORT", "1", 1);
	for (unsigned i = 0; i < count; i++)
		passed += try(i);
	printf("%u passed, %u failed\n", passed, count - passed);
	return passed != count;
}
