/* SPDX-License-Identifier: MIT */
/* deque.c - the slow paths of deque.h, where the protocol is explained. */
#include "exec/deque.h"

#include "port/port.h"

static size_t cells_bytes(void)
{
	return (size_t)CREW__DEQUE_SLOTS * sizeof(struct crew__deque_cell);
}

bool crew__deque_init(struct crew__deque *deque, bool fences)
{
	*deque = (struct crew__deque){ .limit = fences ? 0 : CREW__DEQUE_SLOTS - 1,
				       .fences = fences };
	deque->cells = crew__port_map(cells_bytes());
	if (!deque->cells)
		return false;
	crew__port_map_huge(deque->cells, cells_bytes());
	return true;
}

void crew__deque_fini(struct crew__deque *deque)
{
	if (deque->cells)
		crew__port_unmap(deque->cells, cells_bytes());
	deque->cells = NULL;
}

/* Only the owner writes bottom, so it may read it in any way. */
static uint32_t own_bottom(const struct crew__deque *deque)
{
	return (uint32_t)crew__own(&deque->bottom);
}

/* Without membarrier: what was just appended becomes public, and the change of the
 * word is the fence that the push does not have otherwise. */
static void publish_all(struct crew__deque *deque)
{
	uint64_t word = crew__load_acquire(&deque->word);
	uint32_t bottom = own_bottom(deque);

	for (;;) {
		uint32_t top = crew__deque_split(word) - crew__deque_length(word);

		if (crew__cas_acq_rel(&deque->word, &word,
				      crew__deque_pack(bottom, bottom - top, 0)))
			break;
	}
	deque->limit = bottom;
	crew__fence_after_rmw();
}

bool crew__deque_push_slow(struct crew__deque *deque, const struct crew__slot *slot)
{
	/* pairs: deque.word; top only grows, so what we see is room at least */
	uint64_t word = crew__load_acquire(&deque->word);
	uint32_t top = crew__deque_split(word) - crew__deque_length(word);
	uint32_t bottom = own_bottom(deque);

	if (bottom == top + CREW__DEQUE_SLOTS - 1)
		return false; /* D5 */
	crew__deque_append(deque, crew__own(&deque->bottom), slot->fn, slot->arg, slot->group,
			   slot->site);
	if (deque->fences) {
		publish_all(deque);
		return true;
	}
	deque->limit = top + CREW__DEQUE_SLOTS - 1;
	if (crew__deque_private(deque, bottom + 1) < 0)
		crew__deque_answer(deque);
	return true;
}

void crew__deque_answer(struct crew__deque *deque)
{
	uint64_t word = crew__load_acquire(&deque->word);

	while (crew__deque_closer(word)) {
		uint32_t split = crew__deque_split(word);
		uint32_t half = (own_bottom(deque) - split) / 2;
		uint64_t open = crew__deque_pack(split + half, half, 0);

		crew__assert(crew__deque_length(word) == 0);	  /* D4 */
		if (crew__cas_acq_rel(&deque->word, &word, open)) /* pairs: deque.word */
			return;
	}
}

bool crew__deque_take_slow(struct crew__deque *deque)
{
	for (;;) {
		uint64_t word = crew__load_acquire(&deque->word);
		uint32_t split = crew__deque_split(word);
		uint32_t length = crew__deque_length(word);
		uint64_t own = crew__own(&deque->bottom);
		uint32_t bottom = (uint32_t)own;

		if (crew__deque_closer(word)) {
			crew__deque_answer(deque);
			continue;
		}
		if (bottom != split) {
			crew__store_release(&deque->bottom, own - 1);
			crew__compiler_barrier(); /* deque.dekker */
			if (crew__deque_private(deque, bottom - 1) >= 0)
				return true;
			crew__store_release(&deque->bottom, own);
			continue;
		}
		if (length == 0)
			return false;
		if (length == 1) {
			/* D2: the last one leaves by top + 1 */
			if (crew__cas_acq_rel(&deque->word, &word, crew__deque_pack(split, 0, 0)))
				return true;
		} else if (deque->fences) {
			/* one at a time; bottom goes first, or a thief would find the item
			 * between split and bottom and take it for a private one */
			crew__store_release(&deque->bottom, own - 1);
			if (crew__cas_acq_rel(&deque->word, &word,
					      crew__deque_pack(split - 1, length - 1, 0))) {
				deque->limit = bottom - 1;
				return true;
			}
			crew__store_release(&deque->bottom, own);
		} else {
			/* take half back: at least one stays public (D2) */
			crew__cas_acq_rel(
				&deque->word, &word,
				crew__deque_pack(split - length / 2, length - length / 2, 0));
		}
	}
}

/* How many of the `length` oldest items, one of which was read, a thief takes at once. */
static uint32_t read_siblings(const struct crew__deque *deque, uint32_t top, uint32_t length,
			      struct crew__slot slots[], uint32_t most)
{
	uint32_t count = 1;

	if (deque->fences || slots[0].group & CREW__SLOT_FORK) /* D2 */
		return 1;
	while (count < most && count < (length + 1) / 2) {
		const struct crew__deque_cell *cell =
			&deque->cells[(top + count) & CREW__DEQUE_MASK];

		if (crew__cell_word(cell, 2) != slots[0].group)
			break;
		crew__cell_read(cell, &slots[count++]);
	}
	return count;
}

enum crew__deque_result crew__deque_steal(struct crew__deque *deque, struct crew__slot slots[],
					  uint32_t *count, uint32_t number, uint64_t *mark)
{
	uint64_t word = crew__load_acquire(&deque->word); /* pairs: deque.word */
	uint32_t split = crew__deque_split(word);
	uint32_t length = crew__deque_length(word);
	uint32_t bottom;

	if (length) {
		uint32_t top = split - length;

		crew__cell_read(&deque->cells[top & CREW__DEQUE_MASK], &slots[0]);
		*count = read_siblings(deque, top, length, slots, *count);
		return crew__cas_acq_rel(&deque->word, &word,
					 crew__deque_pack(split, length - *count, 0)) ?
			       CREW__DEQUE_TAKEN :
			       CREW__DEQUE_RETRY;
	}
	if (crew__deque_closer(word))
		return CREW__DEQUE_BUSY;
	bottom = (uint32_t)crew__load_acquire(&deque->bottom);
	if ((int32_t)(bottom - split) <= 0 || number == 0)
		return CREW__DEQUE_EMPTY;
	*mark = crew__deque_pack(split + CREW__DEQUE_CLOSED, 0, number);
	return crew__cas_acq_rel(&deque->word, &word, *mark) ? CREW__DEQUE_MARKED :
							       CREW__DEQUE_RETRY;
}

bool crew__deque_answered(const struct crew__deque *deque, uint64_t mark)
{
	return crew__load_relaxed(&deque->word) != mark;
}

void crew__deque_expose(struct crew__deque *deque, uint64_t mark)
{
	uint32_t split = crew__deque_split(mark);
	/* pairs: deque.bottom, deque.dekker */
	uint32_t bottom = (uint32_t)crew__load_acquire(&deque->bottom);
	uint32_t count = bottom - split;
	uint64_t open;

	/* a pop that is about to find nothing stands one below */
	if ((int32_t)count < 0)
		count = 0;
	open = crew__deque_pack(split + count, count, 0);
	crew__cas_acq_rel(&deque->word, &mark, open); /* D3: fails when answered */
}

bool crew__deque_has_work(const struct crew__deque *deque)
{
	uint64_t word = crew__load_acquire(&deque->word);

	if (crew__deque_length(word))
		return true;
	if (crew__deque_closer(word))
		return false;
	return (int32_t)((uint32_t)crew__load_acquire(&deque->bottom) - crew__deque_split(word)) >
	       0;
}
