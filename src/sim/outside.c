/* SPDX-License-Identifier: MIT */
/*
 * outside.c - the rest of port.h in the simulated world: memory, processors, the
 * environment, last words.
 *
 * MAPPINGS are real ones, remembered so that a run that keeps some is told so, and
 * one that was abandoned leaves nothing behind. Making them anew costs more than all
 * else in a short run, so three runs of four use those of earlier runs again, zeroed.
 * The fourth, and every replay, unmaps them for good: there a late touch is a crash.
 */
#include "sim/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef CREW__SIM_ASAN
#include <sanitizer/asan_interface.h>
#endif

#define world crew__sim_world

#define MAPS_MAX    4096U
#define ZEROED_MAX  ((size_t)128 * 1024) /* larger ones are given back instead */
#define ARENA_BYTES ((size_t)16 * 1024 * 1024)

enum map_state {
	MAP_LIVE,
	MAP_RETIRED,
	MAP_FREE
};

struct map {
	char *at;
	size_t bytes;
	const void *maker; /* who mapped it: guards lie where they lay before */
	uint64_t guards;   /* bit for each page */
	enum map_state state;
};

static struct {
	struct map maps[MAPS_MAX];
	uint32_t map_count;
	uint64_t runs;
	bool reuse;  /* in this run */
	char *arena; /* crew__sim_alloc() */
	size_t arena_used;
	char report[128];
} outside;

/* ---- memory ---------------------------------------------------------------- */

size_t crew__port_page_bytes(void)
{
	return 4096;
}

static size_t whole_pages(size_t bytes)
{
	return (bytes + crew__port_page_bytes() - 1) & ~(crew__port_page_bytes() - 1);
}

static void forget(struct map *map)
{
	*map = outside.maps[--outside.map_count];
}

static void unmap(char *at, size_t bytes)
{
#ifdef CREW__SIM_ASAN
	__asan_unpoison_memory_region(at, bytes);
#endif
	munmap(at, bytes);
}

static void zero(const struct map *map)
{
	size_t page = crew__port_page_bytes();

#ifdef CREW__SIM_ASAN
	__asan_unpoison_memory_region(map->at, map->bytes);
#endif
	if (map->bytes > ZEROED_MAX) {
		madvise(map->at, map->bytes, MADV_DONTNEED);
		return;
	}
	for (size_t i = 0; i < map->bytes / page; i++)
		if (!(map->guards >> i & 1))
			memset(map->at + i * page, 0, page);
}

/* One of an earlier run. */
static struct map *find_free(size_t bytes, const void *maker)
{
	for (uint32_t i = 0; i < outside.map_count; i++) {
		struct map *map = &outside.maps[i];

		if (map->state == MAP_FREE && map->bytes == bytes && map->maker == maker)
			return map;
	}
	return NULL;
}

static struct map *find_live(const char *at)
{
	for (uint32_t i = 0; i < outside.map_count; i++) {
		struct map *map = &outside.maps[i];

		if (map->state == MAP_LIVE && at >= map->at && at < map->at + map->bytes)
			return map;
	}
	return NULL;
}

static bool refused(void)
{
	const struct crew__sim_options *options = world.options;
	uint64_t from;

	if (!world.running || !options->map_fails_from)
		return false;
	from = options->map_fails_from;
	world.map_calls++;
	return world.map_calls >= from &&
	       (!options->map_fails || world.map_calls < from + options->map_fails);
}

void *crew__port_map(size_t bytes)
{
	const void *maker = __builtin_return_address(0);
	struct map *map;
	void *at;

	if (refused() || outside.map_count == MAPS_MAX)
		return NULL;
	if (world.running)
		crew__sim_weak_map();
	bytes = whole_pages(bytes);
	map = outside.reuse ? find_free(bytes, maker) : NULL;
	if (map) {
		map->state = MAP_LIVE;
		zero(map);
		return map->at;
	}
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (world.running)
		outside.maps[outside.map_count++] =
			(struct map){ .at = at, .bytes = bytes, .maker = maker };
	return at;
}

void crew__port_unmap(void *at, size_t bytes)
{
	struct map *map;

	CREW__SIM_STEP(POINT, 0); /* others may touch it once more */
	if (!world.running) {
		unmap(at, bytes);
		return;
	}
	crew__sim_weak_unmap();
	map = find_live(at);
	if (!map || map->at != at || map->bytes != whole_pages(bytes))
		crew__sim_fail(CREW__SIM_FAILED, "what is unmapped was not mapped as such");
	if (outside.reuse) {
		map->state = MAP_RETIRED;
		return;
	}
	unmap(at, map->bytes);
	forget(map);
}

void crew__port_map_huge(void *at, size_t bytes)
{
	(void)at;
	(void)bytes;
}

static bool guard(char *at, size_t bytes)
{
	struct map *map = world.running ? find_live(at) : NULL;
	size_t page = crew__port_page_bytes();
	size_t first = map ? (size_t)(at - map->at) / page : 0;

	if (map && map->guards >> first & 1)
		return true; /* since an earlier run */
	if (map && map->bytes <= 64 * page)
		for (size_t i = first; i < first + bytes / page; i++)
			map->guards |= UINT64_C(1) << i;
	else if (map)
		map->maker = NULL; /* it is never used again */
	return mprotect(at, bytes, PROT_NONE) == 0;
}

unsigned crew__port_guard(char *at, size_t bytes, size_t stride, unsigned count)
{
	unsigned done = 0;

	while (done < count && guard(at + done * stride, bytes))
		done++;
	return done;
}

void crew__port_map_trim(void *at, size_t bytes)
{
	if (bytes <= ZEROED_MAX)
		memset(at, 0, bytes);
	else
		madvise(at, bytes, MADV_DONTNEED);
}

void *crew__sim_alloc(size_t bytes)
{
	size_t rounded = (bytes + sizeof(size_t) + 63) & ~(size_t)63;
	char *at;

	if (!outside.arena) {
		at = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (at == MAP_FAILED)
			return NULL;
		outside.arena = at;
	}
	if (rounded > ARENA_BYTES - outside.arena_used)
		return NULL;
	at = outside.arena + outside.arena_used;
	outside.arena_used += rounded;
	memcpy(at + rounded - sizeof(bytes), &bytes, sizeof(bytes));
	return memset(at, 0, bytes);
}

void crew__sim_free(void *memory)
{
	/* not used again in this run: whoever still reads it reads nonsense */
	if (memory) {
		crew__sim_touch(memory, sizeof(void *), true, false, __builtin_return_address(0));
		memset(memory, 0xa5, sizeof(void *));
	}
}

/* ---- a run begins and ends -------------------------------------------------- */

void crew__sim_outside_begin(void)
{
	outside.arena_used = 0;
	outside.reuse = world.options->strategy != CREW__SIM_REPLAY && outside.runs++ % 4 != 3;
}

/* Nobody uses them any more, or the run was abandoned. */
const char *crew__sim_outside_end(void)
{
	uint32_t count = 0;

	for (uint32_t i = outside.map_count; i-- > 0;) {
		struct map *map = &outside.maps[i];

		if (map->state == MAP_LIVE && count++ == 0)
			snprintf(outside.report, sizeof(outside.report),
				 "mappings were not given back, one of %zu bytes", map->bytes);
		if (map->state == MAP_LIVE || (map->state == MAP_RETIRED && !map->maker)) {
			unmap(map->at, map->bytes);
			forget(map);
		} else {
			map->state = MAP_FREE;
		}
	}
	return count ? outside.report : NULL;
}

uint64_t crew__port_thread_count(void)
{
	return world.alive;
}

/* ---- processors -------------------------------------------------------------- */

unsigned crew__port_cpu_limit(char *why, size_t why_size)
{
	unsigned cpus = world.options && world.options->cpus ? world.options->cpus : 2;

	if (why && why_size)
		snprintf(why, why_size, "simulated %u", cpus);
	return cpus;
}

bool crew__port_has_membarrier(void)
{
	return !(world.options && world.options->no_membarrier);
}

uint32_t crew__port_fork_count(void)
{
	return 0;
}

int crew__port_on_fork(void (*hook)(void))
{
	(void)hook;
	return 0;
}

/* report.c looks at crashes */
void crew__port_on_fault(void (*look)(uintptr_t address))
{
	(void)look;
}

void *crew__port_fault_stack(void)
{
	return NULL;
}

void crew__port_fault_stack_end(void *at)
{
	(void)at;
}

/* ---- environment and last words ------------------------------------------------ */

const char *crew__port_env(const char *name)
{
	(void)name;
	return NULL; /* a world has none */
}

void crew__port_say(const char *text)
{
	if (world.running) {
		snprintf(world.said, sizeof(world.said), "%s", text);
		world.said[strcspn(world.said, "\n")] = '\0';
	}
	if (!world.running || world.loud)
		fputs(text, stderr);
}

void crew__port_abort(void)
{
	if (!world.running)
		abort();
	crew__sim_fail(CREW__SIM_FAILED, "%s", world.said[0] ? world.said : "aborted");
}
