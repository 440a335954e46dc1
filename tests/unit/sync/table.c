/* SPDX-License-Identifier: MIT */
/* table.c - entries by key (sync/table.h). */
#include "support/test.h"

#include "base/alloc.h"
#include "sync/table.h"

#include <stdio.h>
#include <string.h>

#define MANY 3000

static struct item {
	struct crew__entry entry;
	char key[16];
	bool in;
	bool seen;
} items[MANY];

static void fill_items(void)
{
	memset(items, 0, sizeof(items));
	for (unsigned i = 0; i < MANY; i++) {
		int bytes = snprintf(items[i].key, sizeof(items[i].key), "%u", i);

		crew__entry_init(&items[i].entry, items[i].key, (size_t)bytes);
	}
}

static void check_table(const struct crew_lot_table *table)
{
	uint64_t in = 0;
	uint64_t seen = 0;

	for (unsigned i = 0; i < MANY; i++) {
		struct crew__entry like;
		char key[16];

		memcpy(key, items[i].key, sizeof(key)); /* another place, the same bytes */
		crew__entry_init(&like, key, items[i].entry.bytes);
		cr_assert_eq(crew__table_find(table, &like), items[i].in ? &items[i].entry : NULL);
		in += items[i].in;
		items[i].seen = false;
	}
	for (struct crew__entry *entry = crew__table_next(table, NULL); entry;
	     entry = crew__table_next(table, entry)) {
		struct item *item = (struct item *)(void *)entry;

		cr_assert(item->in && !item->seen);
		item->seen = true;
		seen++;
	}
	cr_assert_eq(in, seen);
	cr_assert_eq(in, table->count);
}

static void fill_and_empty(unsigned step)
{
	struct crew_lot_table table = { .lists = NULL };

	fill_items();
	for (unsigned i = 0; i < MANY; i++) {
		unsigned at = i * step % MANY;

		crew__table_add(&table, &items[at].entry);
		items[at].in = true;
		if (i == 0 || i == 7 || i == 8 || i == 100)
			check_table(&table);
	}
	check_table(&table);
	for (unsigned i = 0; i < MANY; i++) {
		crew__table_remove(&table, &items[i].entry);
		items[i].in = false;
		if (i % 1000 == 0)
			check_table(&table);
	}
	cr_assert_null(table.lists); /* nothing is owed */
	cr_assert_eq(table.size, 0);
}

Test(table, finds_what_is_in_and_nothing_else)
{
	fill_and_empty(1);
	fill_and_empty(7);
}

Test(table, lists_get_longer_where_there_is_no_memory)
{
	struct crew_lot_table table = { .lists = NULL };

	fill_items();
	for (unsigned i = 0; i < 20; i++) {
		if (i == 8)
			crew__alloc_fail_after(1);
		crew__table_add(&table, &items[i].entry);
		items[i].in = true;
		if (i == 8)
			cr_assert_null(table.lists);
	}
	crew__alloc_fail_after(0);
	check_table(&table);
	for (unsigned i = 0; i < 20; i++)
		crew__table_remove(&table, &items[i].entry);
}

/* The numbers of the reference implementation: key 00 01 .. 0f, text 00 01 .. */
Test(table, hashes_as_published)
{
	static const uint64_t seed[2] = { 0x0706050403020100U, 0x0f0e0d0c0b0a0908U };
	unsigned char text[16];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)i;
	cr_assert_eq(crew__siphash(seed, text, 0), 0xabac0158050fc4dcU);
	cr_assert_eq(crew__siphash(seed, text, 1), 0xc9f49bf37d57ca93U);
	cr_assert_eq(crew__siphash(seed, text, 8), UINT64_C(0x369095118d299a8e));
	cr_assert_eq(crew__siphash(seed, text, 15), UINT64_C(0xd320d86d2a519956));
}

/* No list is much longer than the others: keys that differ in one bit of one byte. */
Test(table, like_keys_lie_in_different_lists)
{
	unsigned lists[256] = { 0 };
	unsigned longest = 0;

	for (uint64_t i = 0; i < 4096; i++) {
		uint64_t key = i << 40;

		lists[crew__table_hash(&key, sizeof(key)) & 255]++;
	}
	for (unsigned i = 0; i < 256; i++)
		longest = lists[i] > longest ? lists[i] : longest;
	cr_assert_lt(longest, 64, "%u of 4096 in one of 256 lists", longest);
}
