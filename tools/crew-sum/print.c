/* SPDX-License-Identifier: MIT */
/*
 * print.c - the lines on stdout and the sentences on stderr.
 *
 * The lines are those of sha256sum of coreutils 9.1, which with -c escapes only
 * names with a newline, and of xxhsum 0.8.1, which escapes nothing.
 *
 * Lines gather in a stream in memory. Only print_flush() writes to stdout: it may
 * block, and it is what a signal has to get out of.
 */
#include "crew-sum.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void out_of_memory(void)
{
	static const char sentence[] = "crew-sum: out of memory\n";

	if (write(STDERR_FILENO, sentence, sizeof(sentence) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* The lines that are not yet written. */
static FILE *lines;
static char *text;
static size_t text_size;
static int write_error;
static bool to_terminal;

enum {
	FLUSH_BYTES = 64 * 1024,
};

void print_start(void)
{
	lines = open_memstream(&text, &text_size);
	if (lines == NULL)
		out_of_memory();
	to_terminal = isatty(STDOUT_FILENO);
}

int print_flush(void)
{
	size_t done = 0;

	if (lines == NULL || fflush(lines) != 0)
		return 0;
	if (text_size > 0 && to_terminal)
		progress_hide();
	while (done < text_size && write_error == 0) {
		ssize_t n = write(STDOUT_FILENO, text + done, text_size - done);

		if (n < 0 && errno != EINTR)
			write_error = errno;
		if (n > 0)
			done += (size_t)n;
		/* The signal got it out of a write that nobody reads. */
		if (done < text_size && interrupted())
			write_error = EINTR;
	}
	rewind(lines);
	return write_error;
}

void complain(int error, const char *format, ...)
{
	va_list args;

	progress_hide();
	/* What was found before comes before, also when both go to one terminal. */
	print_flush();
	fputs("crew-sum: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	if (error != 0)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
}

const char *human(double bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	static char ring[4][32];
	static unsigned turn;
	char *number = ring[turn++ % 4];
	unsigned unit = 0;

	while (bytes >= 999.5 && unit < 5) {
		bytes /= 1000;
		unit++;
	}
	snprintf(number, sizeof(ring[0]), bytes < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
		 units[unit]);
	return number;
}

/* `because` of these bytes. */
static bool needs_escape(const struct job *job, const char *name, const char *because)
{
	return job->algorithm->escapes && strpbrk(name, because) != NULL;
}

static void print_name(const char *name, bool escape)
{
	if (escape)
		write_escaped(lines, name);
	else
		fputs(name, lines);
}

/* `status` is NULL where nothing is compared. */
static void print_json(const struct job *job, const struct file *file, const char *status)
{
	putc('{', lines);
	write_json_path(lines, file->name);
	fprintf(lines, ",\"algorithm\":\"%s\"", job->algorithm->name);
	if (file->error == 0) {
		fputs(",\"digest\":\"", lines);
		write_hex(lines, file->digest, job->algorithm->bytes);
		fprintf(lines, "\",\"bytes\":%llu", (unsigned long long)file->bytes);
	}
	if (status != NULL)
		fprintf(lines, ",\"status\":\"%s\"", status);
	fputs("}\n", lines);
}

static void print_digest(const struct job *job, const struct file *file)
{
	const char *name = file->is_stdin ? job->algorithm->is_stdin : file->name;
	bool escape = needs_escape(job, name, "\n\r\\");

	if (escape)
		putc('\\', lines);
	write_hex(lines, file->digest, job->algorithm->bytes);
	fputs("  ", lines);
	print_name(name, escape);
	putc('\n', lines);
}

/* Since the last list ended. */
static uint64_t unreadable, mismatched;

/* "WARNING: 2 listed files could not be read"; `plural` follows a number other than 1. */
static void warn(uint64_t count, const char *singular, const char *plural)
{
	if (count > 0)
		complain(0, "WARNING: %llu %s", (unsigned long long)count,
			 count == 1 ? singular : plural);
}

static bool print_check(const struct job *job, const struct file *file)
{
	bool same = memcmp(file->digest, file->wanted, job->algorithm->bytes) == 0;
	const char *status = file->error != 0 ? "FAILED open or read" : same ? "OK" : "FAILED";
	bool escape = needs_escape(job, file->name, "\n");

	unreadable += file->error != 0;
	mismatched += file->error == 0 && !same;
	if (job->json) {
		print_json(job, file, status);
	} else {
		if (escape)
			putc('\\', lines);
		print_name(file->name, escape);
		fprintf(lines, ": %s\n", status);
	}
	return file->error == 0 && same;
}

/* The verdict over a whole list. */
static bool print_verdict(const struct file *file)
{
	if (file->proper == 0) {
		complain(0, "%s: no properly formatted checksum lines found", quoted(file->name));
	} else {
		warn(file->improper, "line is improperly formatted",
		     "lines are improperly formatted");
		warn(unreadable, "listed file could not be read", "listed files could not be read");
		warn(mismatched, "computed checksum did NOT match",
		     "computed checksums did NOT match");
	}
	unreadable = 0;
	mismatched = 0;
	return file->proper > 0;
}

bool print_file(const struct job *job, const struct file *file)
{
	if (ftello(lines) >= FLUSH_BYTES)
		print_flush();
	if (file->kind == FILE_NO_MORE)
		return print_verdict(file);
	if (file->error != 0)
		complain(file->error, "%s", quoted(file->name));
	if (file->kind == FILE_NO_WAY)
		return false;
	if (job->check)
		return print_check(job, file);
	if (file->error != 0)
		return false;
	if (job->json)
		print_json(job, file, NULL);
	else
		print_digest(job, file);
	return true;
}
