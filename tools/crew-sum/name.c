/* SPDX-License-Identifier: MIT */
/*
 * name.c - how names of files, which may hold any byte but 0, are written.
 *
 * On stdout. A name with a newline, a carriage return or a backslash has \n, \r
 * and \\ for them, and a backslash stands in front of its line: so does sha256sum.
 * In JSON a name that is not UTF-8 is written twice: as "path" with U+FFFD for each
 * byte that does not fit, and as "path_hex" with all its bytes.
 *
 * On stderr names are quoted where a shell would misunderstand them.
 */
#include "crew-sum.h"

#include <stdlib.h>
#include <string.h>

/* The length of the UTF-8 character at `s`, 0 when there is none. */
static size_t utf8_length(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t length;
	uint32_t code;

	if (u[0] < 0x80)
		return 1;
	length = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	code = u[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3fU);
	}
	/* Not the shortest form, beyond Unicode, a surrogate. */
	if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000) || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* The same, and 0 also for what would do something to a terminal. */
static size_t printable_length(const char *s)
{
	size_t length = utf8_length(s);

	if (is_control(*s) || (length == 2 && *s == '\xc2' && (unsigned char)s[1] < 0xa0))
		return 0;
	return length;
}

void write_hex(FILE *out, const unsigned char *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		putc_unlocked(digits[bytes[i] >> 4], out);
		putc_unlocked(digits[bytes[i] & 15], out);
	}
}

void write_escaped(FILE *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == '\n')
			fputs("\\n", out);
		else if (*name == '\r')
			fputs("\\r", out);
		else if (*name == '\\')
			fputs("\\\\", out);
		else
			putc_unlocked(*name, out);
	}
}

void write_json_path(FILE *out, const char *name)
{
	bool utf8 = true;
	size_t step;

	fputs("\"path\":\"", out);
	for (const char *s = name; *s != '\0'; s += step) {
		step = utf8_length(s);
		if (step == 0) {
			fputs("\xef\xbf\xbd", out);
			utf8 = false;
			step = 1;
		} else if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (is_control(*s)) {
			fprintf(out, "\\u%04x", (unsigned)*s);
		} else {
			fprintf(out, "%.*s", (int)step, s);
		}
	}
	putc('"', out);
	if (!utf8) {
		fputs(",\"path_hex\":\"", out);
		write_hex(out, (const unsigned char *)name, strlen(name));
		putc('"', out);
	}
}

/* Between single quotes, with $'\001' for what cannot be printed. */
static void write_quoted(FILE *out, const char *name)
{
	static const char letters[] = "abtnvfr"; /* \a is 7 */
	bool dollar = false;
	size_t length;

	putc('\'', out);
	for (const char *s = name; *s != '\0'; s += length == 0 ? 1 : length) {
		length = printable_length(s);
		if ((length == 0) != dollar)
			fputs(dollar ? "''" : "'$'", out);
		dollar = length == 0;
		if (*s >= '\a' && *s <= '\r')
			fprintf(out, "\\%c", letters[*s - '\a']);
		else if (dollar)
			fprintf(out, "\\%03o", (unsigned)(unsigned char)*s);
		else if (*s == '\'')
			fputs("'\\''", out);
		else
			fprintf(out, "%.*s", (int)length, s);
	}
	putc('\'', out);
}

const char *quoted(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789%+,-./@_]{}";
	/* Between double quotes a reader would have to think about these. */
	static const char special[] = "!\"#$&()*;<=>?[\\^`|~";
	static char *text;
	bool strange = *name == '\0', printable = true;
	size_t length, size;
	FILE *out;

	for (const char *s = name; *s != '\0' && printable; s += length) {
		length = printable_length(s);
		printable = length > 0;
		strange = strange || (length == 1 && strchr(plain, *s) == NULL);
	}
	if (printable && !strange)
		return name;
	free(text);
	out = open_memstream(&text, &size);
	if (out == NULL)
		out_of_memory();
	if (printable && strchr(name, '\'') != NULL && strpbrk(name, special) == NULL)
		fprintf(out, "\"%s\"", name);
	else
		write_quoted(out, name);
	if (fclose(out) != 0)
		out_of_memory();
	return text;
}
