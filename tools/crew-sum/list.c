/* SPDX-License-Identifier: MIT */
/*
 * list.c - the files that lists name, with the digests that they should have.
 *
 * A list is what sha256sum and its family print; three forms of lines are known:
 *
 *	DIGEST  NAME		also "DIGEST *NAME"
 *	DIGEST NAME		as `md5 -r` of the BSDs prints it
 *	SHA256 (NAME) = DIGEST	as --tag prints it
 *
 * A backslash in front of the line says that \\, \n and \r in NAME stand for a
 * backslash, a newline and a carriage return. Digits may be of either case. Empty
 * lines and lines that begin with '#' are comments. The first two forms do not
 * mix: otherwise renaming a file to " x" would make its line check another file.
 *
 * After the last line of each list comes a file of the kind FILE_NO_MORE with the
 * numbers of its lines, so that the verdict is printed at its place.
 */
#include "crew-sum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form {
	FORM_UNKNOWN,
	FORM_TWO_BLANKS,
	FORM_ONE_BLANK,
};

struct list {
	struct source source;
	const struct algorithm *algorithm;
	char *const *paths;
	size_t path_count;
	size_t path_at;
	FILE *stream; /* NULL: between two lists */
	char *line;   /* getline()'s */
	size_t line_size;
	enum form form;
	uint64_t proper;
	uint64_t improper;
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads exactly the digits of a digest; NULL, or what follows them. */
static char *read_digest(char *s, size_t bytes, unsigned char *digest)
{
	for (size_t i = 0; i < bytes; i++, s += 2) {
		int high = hex_value(s[0]);
		int low = high < 0 ? -1 : hex_value(s[1]);

		if (low < 0)
			return NULL;
		digest[i] = (unsigned char)(high * 16 + low);
	}
	return hex_value(*s) < 0 ? s : NULL;
}

/* In place. false: a backslash before anything but \, n and r. */
static bool unescape(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		if (*s != '\\') {
			*out++ = *s;
			continue;
		}
		s++;
		if (*s != '\\' && *s != 'n' && *s != 'r')
			return false;
		*out++ = (char)(*s == 'n' ? '\n' : *s == 'r' ? '\r' : '\\');
	}
	*out = '\0';
	return true;
}

static char *skip_blanks(char *s)
{
	return s + strspn(s, " \t");
}

/* "SHA256 (NAME) = DIGEST"; `s` is behind the tag. */
static char *parse_tagged(const struct list *list, char *s, unsigned char *digest)
{
	char *name, *end;

	s = skip_blanks(s);
	if (*s != '(')
		return NULL;
	name = s + 1;
	end = strrchr(name, ')');
	if (end == NULL)
		return NULL;
	s = skip_blanks(end + 1);
	if (*s != '=')
		return NULL;
	s = read_digest(skip_blanks(s + 1), list->algorithm->bytes, digest);
	if (s == NULL || *s != '\0')
		return NULL;
	*end = '\0';
	return name;
}

/* "DIGEST  NAME", "DIGEST *NAME" or "DIGEST NAME". */
static char *parse_plain(struct list *list, char *s, unsigned char *digest)
{
	s = read_digest(s, list->algorithm->bytes, digest);
	if (s == NULL || (*s != ' ' && *s != '\t') || s[1] == '\0')
		return NULL;
	s++;
	if (s[1] == '\0' || (*s != ' ' && *s != '*')) {
		if (list->form == FORM_TWO_BLANKS)
			return NULL;
		list->form = FORM_ONE_BLANK;
	} else if (list->form != FORM_ONE_BLANK) {
		list->form = FORM_TWO_BLANKS;
		s++;
	}
	return s;
}

/* The name in the line `s`, or NULL when the line is not properly formatted. */
static char *parse(struct list *list, char *s, unsigned char *digest)
{
	const char *tag = list->algorithm->tag;
	bool escaped;
	char *name;

	s = skip_blanks(s);
	escaped = *s == '\\';
	s += escaped;
	if (strncmp(s, tag, strlen(tag)) == 0)
		name = parse_tagged(list, s + strlen(tag), digest);
	else
		name = parse_plain(list, s, digest);
	if (name == NULL || (escaped && !unescape(name)))
		return NULL;
	/* A list that is standard input cannot also ask for its digest. */
	if (list->stream == stdin && strcmp(name, list->algorithm->is_stdin) == 0)
		return NULL;
	return name;
}

static struct file *no_way(const char *name, int error)
{
	struct file *file = file_new(name, strlen(name));

	file->kind = FILE_NO_WAY;
	file->error = error;
	return file;
}

static struct file *end_list(struct list *list, int error)
{
	const char *path = list->paths[list->path_at];
	struct file *file;

	if (strcmp(path, "-") == 0)
		path = "standard input";
	if (list->stream != NULL && list->stream != stdin)
		fclose(list->stream);
	list->stream = NULL;
	list->path_at++;
	if (error != 0)
		return no_way(path, error);
	file = file_new(path, strlen(path));
	file->kind = FILE_NO_MORE;
	file->proper = list->proper;
	file->improper = list->improper;
	return file;
}

/* The line without its end; NULL at the end of the list or on an error. */
static char *next_line(struct list *list)
{
	ssize_t length;

	errno = 0;
	length = getline(&list->line, &list->line_size, list->stream);
	if (length < 0)
		return NULL;
	if (length > 0 && list->line[length - 1] == '\n')
		list->line[--length] = '\0';
	if (length > 0 && list->line[length - 1] == '\r')
		list->line[--length] = '\0';
	return list->line;
}

static struct file *list_next(struct source *source)
{
	struct list *list = (struct list *)source;

	while (list->path_at < list->path_count) {
		const char *path = list->paths[list->path_at];
		unsigned char digest[DIGEST_BYTES_MAX];
		struct file *file;
		char *line, *name;

		if (list->stream == NULL) {
			list->stream = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
			if (list->stream == NULL)
				return end_list(list, errno);
			list->form = FORM_UNKNOWN;
			list->proper = 0;
			list->improper = 0;
		}
		line = next_line(list);
		if (line == NULL)
			return end_list(list, feof(list->stream) ? 0 : errno);
		if (*line == '\0' || *line == '#')
			continue;
		name = parse(list, line, digest);
		if (name == NULL) {
			list->improper++;
			continue;
		}
		list->proper++;
		file = file_new(name, strlen(name));
		file->is_stdin = strcmp(name, list->algorithm->is_stdin) == 0;
		file->may_hang = file->is_stdin;
		memcpy(file->wanted, digest, sizeof(digest));
		return file;
	}
	return NULL;
}

static void list_close(struct source *source)
{
	struct list *list = (struct list *)source;

	if (list->stream != NULL && list->stream != stdin)
		fclose(list->stream);
	free(list->line);
	free(list);
}

struct source *list_open(char *const lists[], size_t count, const struct algorithm *algorithm)
{
	struct list *list = calloc(1, sizeof(*list));

	if (list == NULL)
		out_of_memory();
	list->source.next = list_next;
	list->source.close = list_close;
	list->algorithm = algorithm;
	list->paths = lists;
	list->path_count = count;
	return &list->source;
}
