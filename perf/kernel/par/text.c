/* SPDX-License-Identifier: MIT */
/*
 * text.c - a real text, the licences in /usr/share/common-licenses (or README.md where
 * there are none), repeated to 8 MiB: `words` counts how often each word occurs, in a
 * table for each piece, and adds the tables up, two and two; `histogram` counts bytes.
 */
#include "par.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT = 8 << 20,
	PIECE = 256 << 10,
	PIECES = TEXT / PIECE,
	SLOTS = 1 << 14,
};

static char *text;

struct word {
	const char *at;
	uint32_t length, count;
	uint64_t hash;
};

struct table {
	long used;
	struct word slots[SLOTS];
};

static struct table *tables; /* one for each piece; the first one is the result */
static uint64_t bytes[256];

/* ---- the text -------------------------------------------------------------- */

/* As much of the file as fits; how much that is. */
static size_t append(const char *path, size_t used)
{
	FILE *in = fopen(path, "r");
	size_t got = 0;

	if (in) {
		got = fread(text + used, 1, TEXT - used, in);
		fclose(in);
	}
	return got;
}

static bool prepare(void)
{
	static const char folder[] = "/usr/share/common-licenses";
	struct dirent **names;
	size_t used = 0;
	int count;

	if (text)
		return true;
	text = par_memory(TEXT + 1);
	tables = par_memory(sizeof(*tables) * PIECES);
	count = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_type == DT_REG)
			used += append(path, used);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (!used)
		used = append("README.md", 0);
	if (!used) {
		fprintf(stderr, "words: no text in %s, and no README.md\n", folder);
		return false;
	}
	for (size_t at = used; at < TEXT; at++)
		text[at] = text[at - used];
	return true;
}

/* ---- words ----------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void count_word(struct table *table, const struct word *word)
{
	for (uint64_t i = word->hash;; i++) {
		struct word *slot = &table->slots[i % SLOTS];

		if (!slot->at) {
			if (++table->used == SLOTS) {
				fprintf(stderr, "words: too many different ones\n");
				exit(1);
			}
			*slot = *word;
			return;
		}
		if (slot->hash == word->hash && slot->length == word->length &&
		    memcmp(slot->at, word->at, word->length) == 0) {
			slot->count += word->count;
			return;
		}
	}
}

/* The words that begin in text[from, to). */
static void count_words(struct table *table, long from, long to)
{
	long at = from;

	while (at < to && at > 0 && is_letter(text[at]) && is_letter(text[at - 1]))
		at++;
	while (at < to) {
		struct word word = { text + at, 0, 1, 0 };

		while (is_letter(text[at]))
			word.hash = (word.hash ^ (uint64_t)text[at++]) * UINT64_C(0x100000001b3);
		word.length = (uint32_t)(text + at - word.at);
		word.hash = par_mix(word.hash);
		if (word.length)
			count_word(table, &word);
		else
			at++;
	}
}

static void add_table(struct table *to, const struct table *from)
{
	for (long i = 0; i < SLOTS; i++)
		if (from->slots[i].at)
			count_word(to, &from->slots[i]);
}

struct pieces {
	long from, to;
};

/* Counts in the table of the first piece. */
static void count_pieces(void *arg)
{
	const struct pieces *pieces = arg;
	long middle = (pieces->from + pieces->to) / 2;
	struct pieces left = { pieces->from, middle }, right = { middle, pieces->to };

	if (pieces->to - pieces->from == 1) {
		count_words(&tables[pieces->from], pieces->from * PIECE, pieces->to * PIECE);
		return;
	}
	par_two(count_pieces, &left, &right);
	add_table(&tables[left.from], &tables[right.from]);
}

static void words_reset(void)
{
	memset(tables, 0, sizeof(*tables) * PIECES);
}

static void words_serial(void)
{
	count_words(&tables[0], 0, TEXT);
}

static void words_parallel(void)
{
	struct pieces pieces = { 0, PIECES };

	count_pieces(&pieces);
}

/* The same for any order of the words. */
static uint64_t words_answer(void)
{
	const struct table *table = &tables[0];
	uint64_t sum = (uint64_t)table->used;

	for (long i = 0; i < SLOTS; i++)
		if (table->slots[i].at)
			sum += par_mix(table->slots[i].hash + table->slots[i].count);
	return sum;
}

const struct par_kernel par_words = { "words",	    prepare,	    words_reset,
				      words_serial, words_parallel, words_answer };

/* ---- histogram ------------------------------------------------------------- */

static void count_bytes(void *arg, long from, long to)
{
	uint64_t counts[256] = { 0 };

	(void)arg;
	for (long i = from; i < to; i++)
		counts[(unsigned char)text[i]]++;
	for (int i = 0; i < 256; i++)
		if (counts[i])
			__atomic_fetch_add(&bytes[i], counts[i], __ATOMIC_RELAXED);
}

static void histogram_reset(void)
{
	memset(bytes, 0, sizeof(bytes));
}

static void histogram_serial(void)
{
	count_bytes(NULL, 0, TEXT);
}

static void histogram_parallel(void)
{
	par_for(TEXT, PIECE, count_bytes, NULL);
}

static uint64_t histogram_answer(void)
{
	return par_digest(bytes, sizeof(bytes));
}

const struct par_kernel par_histogram = { "histogram",	      prepare,
					  histogram_reset,    histogram_serial,
					  histogram_parallel, histogram_answer };
