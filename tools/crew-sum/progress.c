/* SPDX-License-Identifier: MIT */
/*
 * progress.c - how far it is, how fast, how long still.
 *
 *	 34 % [########...............]  1.2 GB of 3.4 GB  812 MB/s  0:03 left
 *
 * Shown on stderr when that is a terminal, or with --progress. On a terminal it is
 * one line that is drawn anew ten times a second and wiped for other output;
 * elsewhere, and with TERM=dumb, a line of its own per second. COLUMNS, else the
 * terminal, says how wide; NO_COLOR takes the colour away.
 *
 * The totals come from a second walk with stat() (progress_count()), which runs
 * beside the first and only when they are shown; until it is at its end no
 * percentage and no time left are shown. The rate is that of the last seconds.
 */
#include "crew-sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	DRAW_MS = 100,
	LINE_MS = 1000,
	FIRST_MS = 300, /* a job that is shorter shows nothing */
	WIDTH_MAX = 200,
};

static bool wanted;  /* at all */
static bool asked;   /* by --progress */
static bool redraws; /* on a terminal that can */
static bool colour;
static bool shown; /* a line is there to be wiped */
static crew_time began, drawn, rated;
static uint64_t rated_bytes;
static double rate; /* bytes per second */

void progress_start(const struct job *job)
{
	const char *term = getenv("TERM");
	const char *no_colour = getenv("NO_COLOR");
	bool terminal = isatty(STDERR_FILENO);

	asked = job->progress;
	wanted = asked || terminal;
	redraws = terminal && term != NULL && strcmp(term, "dumb") != 0;
	colour = redraws && (no_colour == NULL || *no_colour == '\0');
	began = crew_now();
	drawn = began;
	rated = began;
}

bool progress_wanted(void)
{
	return wanted;
}

int progress_pause_ms(void)
{
	return !wanted ? -1 : redraws ? DRAW_MS : LINE_MS;
}

static size_t width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long n = columns != NULL ? strtol(columns, NULL, 10) : 0;

	if (n <= 0 && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
		n = size.ws_col;
	return n <= 0 ? 80 : n > WIDTH_MAX ? WIDTH_MAX : (size_t)n;
}

/* Moves towards the rate since the last call, half the way per second. */
static void update_rate(crew_time now, uint64_t bytes)
{
	double seconds = (double)(now - rated) / 1e9;
	double latest, weight;

	if (seconds < 0.05)
		return;
	latest = (double)(bytes - rated_bytes) / seconds;
	weight = rated == began ? 1 : seconds / (seconds + 1);
	rate += (latest - rate) * weight;
	rated = now;
	rated_bytes = bytes;
}

static void draw(const struct job *job, double bytes, uint64_t files)
{
	double total = (double)atomic_load(&job->bytes_total);
	char text[WIDTH_MAX], bar[WIDTH_MAX + 1];
	double part;
	long left;
	size_t columns = width(), room, full;

	if (!atomic_load(&job->counted) || total <= 0) {
		snprintf(text, sizeof(text), "%llu files  %s  %s/s", (unsigned long long)files,
			 human(bytes), human(rate));
		fprintf(stderr, redraws ? "\r%.*s\033[K" : "%.*s\n", (int)columns - 1, text);
		return;
	}
	part = bytes < total ? bytes / total : 1;
	left = rate > 0 && part < 1 ? (long)((total - bytes) / rate + 0.5) : 0;
	snprintf(text, sizeof(text), "%s of %s  %s/s  %ld:%02ld left", human(bytes), human(total),
		 human(rate), left / 60, left % 60);
	room = strlen(text) + 11;
	room = columns > room ? columns - room : 0;
	if (!redraws || room < 5) {
		fprintf(stderr, redraws ? "\r%3d %%  %.*s\033[K" : "%3d %%  %.*s\n",
			(int)(100 * part), (int)columns, text);
		return;
	}
	full = (size_t)((double)room * part);
	memset(bar, '#', full);
	memset(bar + full, '.', room - full);
	bar[room] = '\0';
	fprintf(stderr, "\r%3d %% [%s%.*s%s%s]  %s\033[K", (int)(100 * part),
		colour ? "\033[32m" : "", (int)full, bar, colour ? "\033[0m" : "", bar + full,
		text);
}

void progress_draw(const struct job *job)
{
	crew_time now = crew_now();
	uint64_t bytes = atomic_load(&job->bytes_done);

	if (!wanted || now - began < CREW_MS(FIRST_MS) ||
	    now - drawn < CREW_MS(progress_pause_ms()))
		return;
	drawn = now;
	update_rate(now, bytes);
	draw(job, (double)bytes, atomic_load(&job->files_done));
	shown = redraws;
}

void progress_hide(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

/* With --progress, what it was in the end. */
void progress_finish(const struct job *job)
{
	double bytes = (double)atomic_load(&job->bytes_done);
	double seconds = (double)(crew_now() - began) / 1e9;

	progress_hide();
	if (asked)
		complain(0, "%llu files, %s in %.1f s, %s/s",
			 (unsigned long long)atomic_load(&job->files_done), human(bytes), seconds,
			 human(seconds > 0 ? bytes / seconds : 0));
}

/* Inside crew_blocking(). */
static int count(void *arg)
{
	struct job *job = arg;
	struct source *source = job_source(job);
	struct file *file;
	int rc = 0;

	while (rc == 0 && !atomic_load(&job->ending) && (file = source->next(source)) != NULL) {
		struct stat info;
		int found = file->kind != FILE_TO_HASH ? -1 :
			    file->is_stdin	       ? fstat(STDIN_FILENO, &info) :
							 stat(file->name, &info);

		if (found == 0 && S_ISREG(info.st_mode))
			atomic_fetch_add(&job->bytes_total, (uint64_t)info.st_size);
		free(file);
		rc = crew_check();
	}
	atomic_store(&job->counted, rc == 0);
	source->close(source);
	return rc;
}

int progress_count(void *arg)
{
	struct job *job = arg;

	/* Lines from a pipe come only once. */
	for (size_t i = 0; job->check && i < job->path_count; i++) {
		struct stat info;

		if (stat(job->paths[i], &info) != 0 || !S_ISREG(info.st_mode))
			return 0;
	}
	return crew_blocking(count, job);
}
