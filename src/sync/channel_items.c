/* SPDX-License-Identifier: MIT */
/*
 * channel_items.c - what a channel holds: a circle of chunks. A channel with a limit has one
 * chunk, with a place for each item; it goes round in that. One without adds a chunk where
 * the next item would go into the one with the oldest; of those that were received it keeps
 * one, and gives back the others.
 */
#include "sync/channel.h"

#include "base/alloc.h"

#include <string.h>

struct chunk {
	struct chunk *next;
	void *reserved; /* for the alignment of what follows */
	unsigned char items[];
};

void crew__aside_settle(struct crew__aside *aside)
{
	struct chunk *chunk;

	while ((chunk = aside->chunk)) {
		aside->chunk = chunk->next;
		crew__free(chunk);
	}
	if (aside->dropped && aside->item_free)
		aside->item_free(aside->item);
}

int crew__aside_grow(struct crew__aside *aside)
{
	aside->chunk = crew__alloc(CREW__CHUNK_BYTES);
	return aside->chunk ? 0 : CREW_ENOMEM;
}

int crew__items_init(struct crew_channel_items *items, size_t item_bytes, size_t capacity)
{
	size_t bytes = CREW__CHUNK_BYTES;
	struct chunk *chunk;

	memset(items, 0, sizeof(*items));
	if (!capacity)
		return 0;
	items->grows = capacity == CREW_UNBOUNDED;
	items->places = CREW__PICK((bytes - sizeof(*chunk)) / item_bytes, 2);
	if (!items->grows) {
		if (capacity > (PTRDIFF_MAX - sizeof(*chunk)) / item_bytes)
			return CREW_ENOMEM;
		items->places = capacity;
		bytes = sizeof(*chunk) + capacity * item_bytes;
	}
	chunk = crew__alloc(bytes);
	if (!chunk)
		return CREW_ENOMEM;
	items->head = items->tail = chunk->next = chunk;
	return 0;
}

static void *place_in(void *chunk, size_t number, size_t item_bytes)
{
	return ((struct chunk *)chunk)->items + number * item_bytes;
}

/* The tail moves on. False: into the chunk of the oldest, and there is none to put between. */
static bool move_tail(struct crew_channel_items *items, struct crew__aside *aside)
{
	struct chunk *tail = items->tail;
	struct chunk *chunk = aside->chunk;

	if (items->grows && tail->next == items->head) {
		if (!chunk)
			return false;
		aside->chunk = chunk->next;
		chunk->next = tail->next;
		tail->next = chunk;
	}
	items->tail = tail->next;
	items->next = 0;
	return true;
}

void *crew__items_put(struct crew_channel_items *items, size_t item_bytes,
		      struct crew__aside *aside)
{
	if (items->next == items->places && !move_tail(items, aside))
		return NULL;
	items->count++;
	return place_in(items->tail, items->next++, item_bytes);
}

void *crew__items_oldest(const struct crew_channel_items *items, size_t item_bytes)
{
	return place_in(items->head, items->first, item_bytes);
}

/* The oldest is in the next chunk. This one is kept, unless one is behind the tail already. */
static void move_head(struct crew_channel_items *items, struct crew__aside *aside)
{
	struct chunk *old = items->head;
	struct chunk *kept = ((struct chunk *)items->tail)->next;

	items->head = old->next;
	items->first = 0;
	if (kept == old || !items->grows)
		return;
	kept->next = old->next;
	old->next = aside->chunk;
	aside->chunk = old;
}

void crew__items_take(struct crew_channel_items *items, struct crew__aside *aside)
{
	items->first++;
	if (--items->count == 0)
		items->first = items->next = 0; /* head and tail are one */
	else if (items->first == items->places)
		move_head(items, aside);
}

void crew__items_fini(struct crew_channel_items *items, size_t item_bytes,
		      void (*item_free)(void *item))
{
	struct crew__aside aside;
	struct chunk *head;

	crew__aside_init(&aside);
	while (items->count) {
		if (item_free)
			item_free(crew__items_oldest(items, item_bytes));
		crew__items_take(items, &aside);
	}
	head = items->head;
	if (head) { /* the circle becomes a list, from the second chunk on */
		struct chunk *second = head->next;

		head->next = aside.chunk;
		aside.chunk = second;
	}
	crew__aside_settle(&aside);
}
