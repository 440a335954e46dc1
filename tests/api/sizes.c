/* SPDX-License-Identifier: MIT */
/*
 * sizes.c - options and stats of programs that were compiled with newer headers (base/sized.h):
 * all that takes options accepts longer ones while what it does not know in them is zero.
 * Of shorter ones than there ever were nothing but the size is read (Y2). Those between:
 * unit/base/sized.c.
 */
#include "api/task.h"

#include "base/sized.h"
#include "crew/broadcast.h"
#include "crew/channel.h"
#include "crew/parallel.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int no_turns(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	(void)arg;
	return 0;
}

static int no_order(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	(void)arg;
	return 0;
}

static int no_item(void **item, void *arg)
{
	(void)arg;
	*item = NULL;
	return CREW_EEND;
}

/* Each gives newer options to one call, and returns what that says. */

static int of_group(const void *options)
{
	struct crew_group group;

	crew_group_open(&group, options);
	return crew_group_close(&group, 0);
}

static int of_task(const void *options)
{
	struct crew_group group;
	int rc;

	crew_group_open(&group, NULL);
	rc = crew_group_spawn_task(&group, nothing, NULL, options, NULL);
	return crew_group_close(&group, 0) ? 99 : rc;
}

static int of_scope(const void *options)
{
	struct crew_scope scope;

	crew_scope_open(&scope, options);
	return crew_scope_close(&scope, 0);
}

static int of_channel(const void *options)
{
	struct crew_channel channel;
	struct crew_sender sender;
	struct crew_receiver receiver;
	int rc = crew_channel_init(&channel, &sender, &receiver, 1, options);

	if (rc == 0) {
		crew_sender_close(&sender);
		crew_receiver_close(&receiver);
	}
	return rc;
}

static int of_broadcast(const void *options)
{
	struct crew_broadcast broadcast;
	int rc = crew_broadcast_init(&broadcast, 1, options);

	if (rc == 0)
		crew_broadcast_fini(&broadcast);
	return rc;
}

static int of_loop(const void *options)
{
	return crew_for(0, 9, no_turns, NULL, options);
}

static int of_sort(const void *options)
{
	char items[2] = { 0, 0 };

	return crew_sort(items, 2, 1, no_order, NULL, options);
}

static int of_stable_sort(const void *options)
{
	char items[2] = { 0, 0 };

	return crew_sort_stable(items, 2, 1, no_order, NULL, options);
}

static int of_pipeline(const void *options)
{
	static const struct crew_stage source = { .fn = no_item };

	return crew_pipeline(&source, 1, options);
}

static int of_crew(const void *options)
{
	struct crew *crew;
	int rc = crew_start(&crew, options);

	return rc ? rc : crew_stop(crew);
}

#define OF(call, type, last)                                                                       \
	{                                                                                          \
		call, sizeof(struct type), CREW__SIZE_TO(struct type, last)                        \
	}

static const struct {
	int (*call)(const void *options);
	size_t size;
	size_t used; /* to the end of the last field: in a hole behind it the next one would lie */
} all[] = {
	OF(of_group, crew_group_options, errors),
	OF(of_task, crew_task_options, value_free),
	OF(of_scope, crew_scope_options, reserved),
	OF(of_channel, crew_channel_options, item_free),
	OF(of_broadcast, crew_broadcast_options, reserved),
	OF(of_loop, crew_parallel_options, reserved),
	OF(of_sort, crew_parallel_options, reserved),
	OF(of_stable_sort, crew_parallel_options, reserved),
	OF(of_pipeline, crew_pipeline_options, drop_arg),
	OF(of_crew, crew_options, reserved),
};

static int newer_options(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (size_t more = 0; more <= 16; more++) {
			size_t size = all[i].size + more;
			union {
				size_t size;
				char bytes[256];
			} given;

			CHECK(all[i].used == all[i].size);
			memset(&given, 0, sizeof(given));
			given.size = size;
			given.bytes[size] = 1; /* behind it */
			CHECK(all[i].call(&given) == 0);
			given.bytes[size - 1] = more > 0;
			CHECK(all[i].call(&given) == (more ? CREW_EINVAL : 0));
			given.bytes[size - 1] = 0;
			given.size = all[i].size - 1;
			CHECK(all[i].call(&given) == CREW_EINVAL);
		}
	return 0;
}

Test(sizes, newer_options_are_accepted_while_they_are_zero, .timeout = 60)
{
	run_with(2, newer_options, NULL);
}

/* The rest would be in a page that cannot be read. */
static int short_options(void *arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t *size = (size_t *)(void *)(pages + page - sizeof(*size));

	(void)arg;
	CHECK(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
	*size = sizeof(*size);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		CHECK(all[i].call(size) == CREW_EINVAL);
	munmap(pages, 2 * page);
	return 0;
}

Test(sizes, Y2_options_too_short_are_not_read, .timeout = 30)
{
	run_with(2, short_options, NULL);
}

/* ---- what is filled for the caller ---- */

static int newer_stats(void *arg)
{
	struct {
		struct crew_group_stats known;
		uint64_t unknown;
	} stats = { .known = { .size = sizeof(stats) }, .unknown = 1 };
	struct {
		struct crew_cancel_info known;
		uint64_t unknown;
	} info = { .known = { .size = sizeof(info) }, .unknown = 1 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	CHECK(crew_group_spawn(&group, nothing, NULL) == 0 && crew_group_wait(&group) == 0);
	CHECK(crew_group_read_stats(&group, &stats.known) == 0);
	CHECK(stats.known.finished == 1 && stats.unknown == 0);
	CHECK(stats.known.size == sizeof(stats));
	stats.known.size = sizeof(stats.known) - 1;
	CHECK(crew_group_read_stats(&group, &stats.known) == CREW_EINVAL);
	crew_group_cancel(&group, "a reason");
	CHECK(crew_read_cancel_info(&info.known));
	CHECK(strcmp(info.known.reason, "a reason") == 0 && info.unknown == 0);
	info.known.size = sizeof(info.known) - 1;
	CHECK(!crew_read_cancel_info(&info.known));
	return crew_group_close(&group, 0);
}

Test(sizes, newer_stats_are_zero_where_we_do_not_know_them, .timeout = 60)
{
	run_with(2, newer_stats, NULL);
}
