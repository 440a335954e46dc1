/* SPDX-License-Identifier: MIT */
/*
 * measure.c - runs the commands in turns: each round starts every one once, every
 * other round in the opposite order, so that whatever the machine does meanwhile
 * happens to all of them. Each is a process of /bin/sh, with nothing to read.
 */
#include "crew-bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts `sh -c text sh chosen...`; what it prints goes into out. */
static pid_t start(const char *text, const struct job *job, int out)
{
	const char **arguments = need(calloc(job->chosen_count + 5, sizeof(*arguments)));
	pid_t child = fork();

	if (child < 0)
		die("fork: %s", strerror(errno));
	if (child == 0) {
		int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

		arguments[0] = arguments[3] = "sh";
		arguments[1] = "-c";
		arguments[2] = text;
		for (size_t i = 0; i < job->chosen_count; i++)
			arguments[4 + i] = job->chosen[i];
		dup2(nothing, 0);
		dup2(out, 1);
		execv("/bin/sh", (char *const *)arguments);
		perror("crew-bench: /bin/sh");
		_exit(127);
	}
	free(arguments);
	return child;
}

/* Ends the program unless the child ended well. */
static void finish(pid_t child, const char *command, struct rusage *usage)
{
	int status;

	while (wait4(child, &status, 0, usage) < 0)
		if (errno != EINTR)
			die("%s: %s", command, strerror(errno));
	if (WIFSIGNALED(status))
		die("'%s' was ended by signal %d", command, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		die("'%s' ended with status %d", command, WEXITSTATUS(status));
}

static double milliseconds(const struct timeval *time)
{
	return (double)time->tv_sec * 1e3 + (double)time->tv_usec / 1e3;
}

static void add(struct results *results, const char *bench, const char *peer, const char *unit,
		double value)
{
	struct series *series = results_series(results, bench, peer, unit);

	values_add(&series->samples, value);
	values_add(&series->runs, value);
}

static void time_command(const char *command, const char *peer, const struct job *job,
			 struct results *results)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	crew_time begin = crew_bench_now(), took;
	struct rusage usage;

	finish(start(command, job, nothing), command, &usage);
	took = crew_bench_now() - begin;
	close(nothing);
	add(results, "time", peer, "ms", (double)took / 1e6);
	add(results, "cpu", peer, "ms",
	    milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime));
	add(results, "memory", peer, "MiB", (double)usage.ru_maxrss / 1024);
}

/* A program of crew/bench.h prints its samples with -j; what else it prints is ignored. */
static void ask_program(const char *command, const char *peer, const struct job *job,
			struct results *results)
{
	static const char arguments[] = " -j \"$@\"";
	size_t length = strlen(command) + sizeof(arguments);
	char *text = need(malloc(length)), *line = NULL;
	bool damaged = false, measured = false;
	struct rusage usage;
	size_t size = 0;
	int ends[2];
	pid_t child;
	FILE *in;

	snprintf(text, length, "%s%s", command, arguments);
	if (pipe2(ends, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	child = start(text, job, ends[1]);
	close(ends[1]);
	in = need(fdopen(ends[0], "r"));
	while (getline(&line, &size, in) > 0)
		if (strncmp(line, "{\"bench\":", 9) == 0) {
			measured = true;
			damaged |= !results_line(results, line, peer);
		}
	fclose(in);
	free(line);
	free(text);
	finish(child, command, &usage);
	if (damaged)
		die("'%s' printed a result that is damaged", command);
	if (!measured)
		die("'%s' measured nothing: is it a program of crew/bench.h?", command);
}

static void measure_one(const struct job *job, size_t which, struct results *results)
{
	(job->programs ? ask_program : time_command)(job->commands[which], job->names[which], job,
						     results);
}

void measure(const struct job *job, struct results *results)
{
	bool shown = isatty(2);

	signal(SIGCHLD, SIG_DFL); /* ignored by who started this, nobody could be waited for */
	for (long round = -job->warmup; round < job->rounds; round++) {
		struct results unused = { 0 };

		if (shown)
			fprintf(stderr, round < 0 ? "\rwarming up " : "\rround %ld of %ld ",
				round + 1, job->rounds);
		for (size_t i = 0; i < job->command_count; i++)
			measure_one(job, round % 2 ? job->command_count - 1 - i : i,
				    round < 0 ? &unused : results);
	}
	if (shown)
		fprintf(stderr, "\r\033[K");
	results_finish(results);
}
