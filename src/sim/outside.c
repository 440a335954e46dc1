/* SPDX-License-Identifier: MIT */
/*
 * outside.c - the rest of port.h in the simulated world: memory, processors, the
 * environment, last words. Mappings are real ones, remembered so that a run that
 * keeps some is told so, and one that was abandoned leaves nothing behind.
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
#define ARENA_BYTES ((size_t)16 * 1024 * 1024)

static struct {
	struct map {
		char *at;
		size_t bytes;
	} maps[MAPS_MAX];
	uint32_t map_count;
	char *arena; /* crew__sim_alloc() */
	size_t arena_used;
	size_t arena_dirty;
	char report[128];
	struct {
		const char *name;
		const char *value;
	} env[16];
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

void *crew__port_map(size_t bytes)
{
	uint32_t fails = world.running ? world.options->map_fails_from : 0;
	void *at;

	if ((fails && ++world.map_calls >= fails) || outside.map_count == MAPS_MAX)
		return NULL;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (world.running)
		outside.maps[outside.map_count++] = (struct map){ at, whole_pages(bytes) };
	return at;
}

static void unmap(char *at, size_t bytes)
{
#ifdef CREW__SIM_ASAN
	__asan_unpoison_memory_region(at, bytes);
#endif
	munmap(at, bytes);
}

void crew__port_unmap(void *at, size_t bytes)
{
	CREW__SIM_STEP(POINT, 0); /* others may touch it once more */
	for (uint32_t i = 0; i < outside.map_count; i++) {
		if (outside.maps[i].at != at)
			continue;
		if (outside.maps[i].bytes != whole_pages(bytes))
			crew__sim_fail(CREW__SIM_FAILED, "%zu bytes are unmapped of %zu", bytes,
				       outside.maps[i].bytes);
		outside.maps[i] = outside.maps[--outside.map_count];
		unmap(at, bytes);
		return;
	}
	if (world.running)
		crew__sim_fail(CREW__SIM_FAILED, "what is unmapped was not mapped in this run");
	unmap(at, bytes);
}

void crew__port_map_huge(void *at, size_t bytes)
{
	(void)at;
	(void)bytes;
}

int crew__port_guard(void *at, size_t bytes)
{
	return mprotect(at, bytes, PROT_NONE) == 0 ? 0 : -errno;
}

void crew__port_map_trim(void *at, size_t bytes)
{
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
	if (outside.arena_dirty < outside.arena_used)
		outside.arena_dirty = outside.arena_used;
	memcpy(at + rounded - sizeof(bytes), &bytes, sizeof(bytes));
	return memset(at, 0, bytes);
}

void crew__sim_free(void *memory)
{
	/* not used again in this run: whoever still reads it reads nonsense */
	if (memory)
		memset(memory, 0xa5, sizeof(void *));
}

/* ---- a run begins and ends -------------------------------------------------- */

void crew__sim_outside_begin(void)
{
	outside.arena_used = 0;
}

const char *crew__sim_outside_end(void)
{
	uint32_t count = outside.map_count;

	if (count == 0)
		return NULL;
	snprintf(outside.report, sizeof(outside.report),
		 "%u mappings were not given back, one of %zu bytes", (unsigned)count,
		 outside.maps[0].bytes);
	while (outside.map_count) {
		struct map *map = &outside.maps[--outside.map_count];

		unmap(map->at, map->bytes);
	}
	return outside.report;
}

/* ---- processors -------------------------------------------------------------- */

unsigned crew__port_cpu_limit(char *why, size_t why_size)
{
	unsigned cpus = world.options && world.options->cpus ? world.options->cpus : 2;

	if (why && why_size)
		snprintf(why, why_size, "simulated %u", cpus);
	return cpus;
}

bool crew__port_membarrier_init(void)
{
	CREW__SIM_STEP(POINT, 0);
	return !(world.options && world.options->no_membarrier);
}

/* All steps are in one order here, so there is nothing to do. */
void crew__port_membarrier(void)
{
	CREW__SIM_STEP(POINT, 0);
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

/* ---- environment and last words ------------------------------------------------ */

void crew__sim_setenv(const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(outside.env) / sizeof(outside.env[0]); i++) {
		if (outside.env[i].name && strcmp(outside.env[i].name, name) != 0)
			continue;
		outside.env[i].name = name;
		outside.env[i].value = value;
		return;
	}
}

const char *crew__port_env(const char *name)
{
	for (size_t i = 0; i < sizeof(outside.env) / sizeof(outside.env[0]); i++)
		if (outside.env[i].name && strcmp(outside.env[i].name, name) == 0)
			return outside.env[i].value;
	return NULL;
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
