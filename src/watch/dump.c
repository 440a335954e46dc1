/* SPDX-License-Identifier: MIT */
/*
 * dump.c - what is everybody doing? Prints workers, queues and waiting tasks.
 *
 * Reads what it prints while it changes, without stopping anybody: all of it is
 * type-stable (headers of fibers and workers stay mapped until the crew stops), and
 * names and sites are string constants. A line may be a moment out of date; the
 * reason of a wait is cleared when the wait is over, so a task that is shown with
 * one was waiting when it was looked at.
 *
 *	worker 0	awake|asleep  tasks N  queued N  ready N  steals N  parks N
 *	waiting		NAME (FILE:LINE) for REASON, 1.234 s
 *	threads		2 for REASON
 *
 * and the tree of scopes (scopes.c).
 */
#include "watch/scopes.h"

#include "crew/crew.h"

#include <inttypes.h>

static void dump_trace(const struct crew__worker *worker, FILE *out)
{
	static const char *const texts[] = {
#define TEXT(name, text) text,
		CREW__TRACE_EVENTS(TEXT)
#undef TEXT
	};
	uint64_t next = crew__load_relaxed(&worker->trace.next);
	uint64_t first = next > 4 ? next - 4 : 0;

	for (uint64_t i = first; i < next; i++) {
		uint64_t event = crew__load_relaxed(&worker->trace.events[i % CREW__TRACE_LENGTH]);

		fprintf(out, "%s%s", i == first ? "  last: " : ", ", texts[event & 0xff]);
		if ((event & 0xff) != CREW__TRACE_SLEEP && (event & 0xff) != CREW__TRACE_WAKE)
			fprintf(out, " %" PRIu64, event >> 8);
	}
	if (next)
		fputc('\n', out);
}

static void dump_worker(const struct crew__worker *worker, FILE *out)
{
	fprintf(out,
		"worker %" PRIu32 "\t%s  tasks %" PRIu64 "  queued %" PRIu32 "  ready %" PRIu32
		"  steals %" PRIu64 "  parks %" PRIu64 "\n",
		worker->index, crew__load32_relaxed(&worker->asleep) ? "asleep" : "awake",
		crew__load_relaxed(&worker->counters.tasks), crew__deque_count(&worker->deque),
		crew__ring_count(&worker->ring), crew__load_relaxed(&worker->counters.steals_done),
		crew__load_relaxed(&worker->counters.parks));
	dump_trace(worker, out);
}

static void dump_fiber(const struct crew__fiber *fiber, crew_time now, FILE *out)
{
	const char *reason = crew__shown_text(&fiber->reason);
	const char *name = crew__shown_text(&fiber->name);
	const char *site = crew__shown_text(&fiber->site);
	crew_time age = now - (crew_time)crew__load_relaxed(&fiber->since);

	if (!reason)
		return;
	if (age < 0)
		age = 0;
	fprintf(out, "waiting\t%s (%s) for %s, %" PRId64 ".%03d s\n", name ? name : "task",
		site ? site : "?", reason, age / 1000000000, (int)(age / 1000000 % 1000));
}

/* Of the whole process: they belong to no crew. */
static void dump_threads(FILE *out)
{
	struct crew__parked list[32];
	uint32_t length = crew__parkers_reasons(list, sizeof(list) / sizeof(*list));

	for (uint32_t i = 0; i < length; i++)
		fprintf(out, "threads\t%" PRIu64 " for %s\n", list[i].threads, list[i].reason);
}

int crew_dump(struct crew *crew, FILE *out)
{
	struct crew__caller caller = crew__caller();
	struct crew__fiber *fiber;
	crew_time now = crew__port_now();

	if (!crew && caller.fiber)
		crew = caller.fiber->crew;
	if (!crew || !out)
		return CREW_EINVAL;
	if (crew__is_forked(crew))
		return CREW_EFORKED;
	fprintf(out, "crew %s: %" PRIu32 " workers, injected %" PRIu64 "%s%s\n", crew->name,
		crew->worker_count, crew__inject_count(&crew->inject),
		crew__load_relaxed(&crew->cancelled) ? ", cancelled" : "",
		crew__load_relaxed(&crew->state) == CREW__OPEN ? "" : ", stopping");
	for (uint32_t i = 0; i < crew->worker_count; i++)
		dump_worker(&crew->workers[i], out);
	for (uint64_t i = 0; (fiber = crew__fiber_at(crew, i)); i++)
		dump_fiber(fiber, now, out);
	dump_threads(out);
	crew__dump_scopes(crew, out);
	return ferror(out) ? CREW_EBROKEN : 0;
}
