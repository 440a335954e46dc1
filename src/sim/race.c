/* SPDX-License-Identifier: MIT */
/*
 * race.c - data races: two plain accesses to the same bytes, one of them a write, and
 * nothing that orders them. So an order that is missing shows although what was read
 * happened to be right.
 *
 * The library and the tests are compiled for ThreadSanitizer in simulated builds, and the
 * functions that it would call are these. (With another sanitizer there are no such
 * calls, and races stay unseen.) Each 8 bytes that a run touches have a cell in one hash
 * table, with the last accesses of different kinds; an access is checked against them
 * by the views of weak.c. Plain accesses are no scheduling points: if they can race,
 * they do so in whatever order they come.
 *
 * A cell keeps FOUR accesses. One that a later access of the same bytes covers is
 * replaced by it; otherwise the oldest goes, and a race with it is not seen.
 *
 * Source: Serebryany, Iskhodzhanov, "ThreadSanitizer: data race detection in practice"
 * (2009), for the cells; the order of things is known exactly here.
 */
#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#define world crew__sim_world

#define FOUR	   4
#define CELLS	   (1U << 18) /* power of two */
#define CELLS_MAX  (CELLS / 4 * 3)
#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

struct access {
	const void *where; /* in the code */
	uint32_t step;
	uint8_t thread;
	uint8_t bytes; /* a bit for each; 0: none */
	bool writes;
	bool atomic;
};

struct cell {
	uintptr_t key;
	uint32_t run; /* of another run: empty */
	uint32_t oldest;
	uint32_t places[2]; /* weak.c: the atomic words in it */
	struct access accesses[FOUR];
};

static struct {
	struct cell cells[CELLS];
	uint32_t used;
	uint32_t run;
} races;

void crew__sim_races_begin(void)
{
	races.used = 0;
	if (++races.run == 0) {
		memset(races.cells, 0, sizeof(races.cells));
		races.run = 1;
	}
}

static struct cell *find_cell(uintptr_t at)
{
	uintptr_t key = at >> 3;
	uint32_t i = (uint32_t)(key * MULTIPLIER >> 40) & (CELLS - 1);

	for (;; i = (i + 1) & (CELLS - 1)) {
		struct cell *cell = &races.cells[i];

		if (cell->run == races.run) {
			if (cell->key == key)
				return cell;
			continue;
		}
		if (++races.used > CELLS_MAX)
			crew__sim_fail(CREW__SIM_FAILED, "a run touches too much memory");
		memset(cell, 0, sizeof(*cell));
		cell->key = key;
		cell->run = races.run;
		return cell;
	}
}

uint32_t *crew__sim_cell_places(uintptr_t at)
{
	return find_cell(at)->places;
}

static const char *name_of(const struct access *access)
{
	if (access->atomic)
		return access->writes ? "atomic write" : "atomic load";
	return access->writes ? "write" : "read";
}

static _Noreturn void fail(const struct access *now, const struct access *before)
{
	char here[200];
	char there[200];

	crew__sim_place(now->where, here, sizeof(here));
	crew__sim_place(before->where, there, sizeof(there));
	crew__sim_fail(CREW__SIM_FAILED,
		       "a data race: nothing orders this %s (%s) after the %s of thread %u (%s)",
		       name_of(now), here, name_of(before), before->thread, there);
}

/* May `before` be forgotten, because what races with it races with `now` as well? */
static bool covers(const struct access *now, const struct access *before)
{
	return (before->bytes & ~now->bytes) == 0 && now->writes >= before->writes &&
	       now->atomic <= before->atomic;
}

static void check(struct cell *cell, const struct access *now)
{
	const uint32_t *happened = world.self->views.happened.steps;
	struct access *free = NULL;

	for (int i = 0; i < FOUR; i++) {
		struct access *before = &cell->accesses[i];
		bool own = before->thread == now->thread;
		bool ordered = own || before->step <= happened[before->thread];

		if (own && before->step == now->step && covers(before, now))
			return;
		if (!ordered && (before->bytes & now->bytes) && (now->writes || before->writes) &&
		    !(now->atomic && before->atomic))
			fail(now, before);
		if (ordered && covers(now, before))
			free = before; /* perhaps because it is empty */
	}
	if (!free)
		free = &cell->accesses[cell->oldest++ % FOUR];
	*free = *now;
}

void crew__sim_touch(const void *opaque, size_t bytes, bool writes, bool atomic, const void *where)
{
	uintptr_t at = (uintptr_t)opaque;
	uintptr_t end = at + bytes;
	struct access now = {
		.where = where,
		.step = (uint32_t)world.self->steps + !atomic,
		.thread = world.self->index,
		.writes = writes,
		.atomic = atomic,
	};

	if (!world.running || world.looking || world.self == &world.outside)
		return;
	for (uintptr_t from = at & ~(uintptr_t)7; from < end; from += 8) {
		unsigned mask = 0xff;
		struct cell *cell = find_cell(from);

		if (from < at)
			mask &= 0xffU << (at - from);
		if (from + 8 > end)
			mask &= 0xffU >> (from + 8 - end);
		now.bytes = (uint8_t)mask;
		check(cell, &now);
	}
}

/* ---- what the compiler calls ---------------------------------------------------- */

#define TOUCH(name, bytes, writes)                                                                 \
	void __tsan_##name(const void *at);                                                        \
	void __tsan_##name(const void *at)                                                         \
	{                                                                                          \
		crew__sim_touch(at, bytes, writes, false, __builtin_return_address(0));            \
	}
/* clang-format off */
TOUCH(read1, 1, false)
TOUCH(read2, 2, false)
TOUCH(read4, 4, false)
TOUCH(read8, 8, false)
TOUCH(read16, 16, false)
TOUCH(write1, 1, true)
TOUCH(write2, 2, true)
TOUCH(write4, 4, true)
TOUCH(write8, 8, true)
TOUCH(write16, 16, true)
TOUCH(unaligned_read2, 2, false)
TOUCH(unaligned_read4, 4, false)
TOUCH(unaligned_read8, 8, false)
TOUCH(unaligned_read16, 16, false)
TOUCH(unaligned_write2, 2, true)
TOUCH(unaligned_write4, 4, true)
TOUCH(unaligned_write8, 8, true)
TOUCH(unaligned_write16, 16, true)
/* clang-format on */

void crew__sim_touched(const void *at, size_t bytes, bool writes); /* shadow/string.h */
void __tsan_read_range(const void *at, size_t bytes);
void __tsan_write_range(const void *at, size_t bytes);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_init(void);

void crew__sim_touched(const void *at, size_t bytes, bool writes)
{
	crew__sim_touch(at, bytes, writes, false, __builtin_return_address(0));
}

void __tsan_read_range(const void *at, size_t bytes)
{
	crew__sim_touch(at, bytes, false, false, __builtin_return_address(0));
}

void __tsan_write_range(const void *at, size_t bytes)
{
	crew__sim_touch(at, bytes, true, false, __builtin_return_address(0));
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_init(void)
{
}
