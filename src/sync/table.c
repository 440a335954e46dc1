/* SPDX-License-Identifier: MIT */
/* table.c - see table.h. */
#include "sync/table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "port/port.h"

#include <string.h>

#define FEW 8 /* entries need no array */

/* ---- hash ----------------------------------------------------------------------- */

static inline uint64_t rotated(uint64_t word, unsigned by)
{
	return word << by | word >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] = rotated(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[2] = rotated(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t crew__siphash(const uint64_t seed[2], const void *key, size_t bytes)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575U, seed[1] ^ 0x646f72616e646f6dU,
			  seed[0] ^ 0x6c7967656e657261U, seed[1] ^ 0x7465646279746573U };
	const char *at = key;
	size_t left = bytes;
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sip_word(v, word);
	}
	word = (uint64_t)bytes << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)(unsigned char)at[i] << (8 * i);
	sip_word(v, word);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct crew_word seeds[2] CREW__STATE; /* 0: not chosen yet */

uint64_t crew__table_hash(const void *key, size_t bytes)
{
	uint64_t seed[2];

	for (unsigned i = 0; i < 2; i++) {
		seed[i] = crew__load_relaxed(&seeds[i]);
		if (crew__unlikely(!seed[i])) {
			uint64_t fresh = crew__port_seed() | 1;

			if (crew__cas_acq_rel(&seeds[i], &seed[i], fresh))
				seed[i] = fresh;
		}
	}
	return crew__siphash(seed, key, bytes);
}

/* ---- lists ------------------------------------------------------------------------ */

static struct crew__entry **entries_of(const struct crew_lot_table *table, uint64_t hash)
{
	const void *at = table->size ? &table->lists[hash & (table->size - 1)] : &table->first;

	return (struct crew__entry **)(uintptr_t)at;
}

struct crew__entry *crew__table_find(const struct crew_lot_table *table,
				     const struct crew__entry *like)
{
	struct crew__entry *entry = *entries_of(table, like->hash);

	while (entry && (entry->hash != like->hash || entry->bytes != like->bytes ||
			 (like->bytes && memcmp(entry->key, like->key, like->bytes) != 0)))
		entry = entry->next;
	return entry;
}

static void put_in_list(struct crew_lot_table *table, struct crew__entry *entry)
{
	struct crew__entry **list = entries_of(table, entry->hash);

	entry->next = *list;
	*list = entry;
}

/* More lists, if there is memory for them. */
static void make_lists(struct crew_lot_table *table)
{
	struct crew_lot_table old = *table;
	uint64_t size = old.size ? 2 * old.size : 2 * FEW;
	void **lists = crew__alloc(size * sizeof(*lists));

	if (!lists)
		return;
	table->lists = lists;
	table->size = size;
	table->first = NULL;
	for (uint64_t i = 0; i < (old.size ? old.size : 1); i++) {
		struct crew__entry *entry = *entries_of(&old, i);

		while (entry) {
			struct crew__entry *next = entry->next;

			put_in_list(table, entry);
			entry = next;
		}
	}
	crew__free(old.lists);
}

void crew__table_add(struct crew_lot_table *table, struct crew__entry *entry)
{
	if (table->count >= (table->size ? 2 * table->size : FEW))
		make_lists(table);
	put_in_list(table, entry);
	table->count++;
}

void crew__table_remove(struct crew_lot_table *table, struct crew__entry *entry)
{
	struct crew__entry **at = entries_of(table, entry->hash);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	if (--table->count == 0) {
		crew__free(table->lists);
		*table = (struct crew_lot_table){ .lists = NULL };
	}
}

struct crew__entry *crew__table_next(const struct crew_lot_table *table,
				     const struct crew__entry *entry)
{
	uint64_t at = entry && table->size ? entry->hash & (table->size - 1) : 0;
	struct crew__entry *next = entry ? entry->next : *entries_of(table, 0);

	while (!next && ++at < table->size)
		next = *entries_of(table, at);
	return next;
}
