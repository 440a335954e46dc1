/* SPDX-License-Identifier: MIT */
/*
 * plain.c - the one-process runner of plain.h.
 *
 *	tests-plain [-l] [FILTER...]	suites or suite/name, as a beginning
 *	tests-plain -s I/N [FILTER...]	of these every N-th, from number I on
 *
 * A test that takes longer than its time-out ends the run by SIGALRM, with its name.
 */
#include "support/test.h"

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

static struct plain_test *tests;
static const struct plain_test *running;

void plain_add(struct plain_test *test)
{
	struct plain_test **at = &tests;

	while (*at &&
	       (strcmp((*at)->suite, test->suite) < 0 ||
		(strcmp((*at)->suite, test->suite) == 0 && strcmp((*at)->name, test->name) < 0)))
		at = &(*at)->next;
	test->next = *at;
	*at = test;
}

void plain_fail(const char *file, int line, const char *expression, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "\n%s:%d: %s/%s failed: %s", file, line, running ? running->suite : "?",
		running ? running->name : "?", expression);
	if (format) {
		fputs(": ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
	}
	fputc('\n', stderr);
	abort();
}

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(1);
}

static void timed_out(int signal)
{
	(void)signal;
	say("\ntime-out: ");
	say(running->suite);
	say("/");
	say(running->name);
	say("\n");
	abort();
}

static bool is_wanted(const struct plain_test *test, int count, char **filters)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/%s", test->suite, test->name);
	for (int i = 0; i < count; i++)
		if (strncmp(name, filters[i], strlen(filters[i])) == 0)
			return true;
	return count == 0;
}

int main(int argc, char **argv)
{
	bool list = argc > 1 && strcmp(argv[1], "-l") == 0;
	unsigned passed = 0;
	unsigned share = 0;
	unsigned shares = 1;
	unsigned number = 0;

	if (argc > 2 && strcmp(argv[1], "-s") == 0) {
		if (sscanf(argv[2], "%u/%u", &share, &shares) != 2 || share >= shares) {
			fprintf(stderr, "%s: -s I/N, with I below N\n", argv[0]);
			return 2;
		}
		argv += 2;
		argc -= 2;
	}
	signal(SIGALRM, timed_out);
	for (const struct plain_test *test = tests; test; test = test->next) {
		unsigned seconds = test->options.timeout > 0 ? (unsigned)test->options.timeout + 1 :
							       60;

		if (test->options.disabled || !is_wanted(test, argc - 1 - list, argv + 1 + list) ||
		    number++ % shares != share)
			continue;
		printf("%s/%s%s", test->suite, test->name, list ? "\n" : " ... ");
		fflush(stdout);
		if (list)
			continue;
		running = test;
		alarm(seconds * test_slower());
		test->run();
		alarm(0);
		puts("ok");
		passed++;
	}
	if (list)
		return 0;
	printf("%u passed, 0 failed\n", passed);
	return passed == 0;
}
