/* SPDX-License-Identifier: MIT */
/*
 * park.c - tasks that wait, over the inner interface (exec/park.h) until there
 * are primitives to wait with.
 *
 *	pingpong	two tasks pass a ball by two mailboxes: there and back, two
 *			switches
 *	park.create	a million tasks are spawned, begin, and wait at one gate: for
 *			each, until the last one waits
 *	park.wake	the gate opens: for each, until the last one has ended
 *	park.bytes	resident memory for each, while they wait
 *	park64		the same for fewer, with stacks of 64 KiB instead of 256
 *
 * PARKED=100000 in the environment makes fewer.
 */
#include "../inside.h"

#include "exec/park.h"
#include "port/lock.h"

/* ---- pingpong ------------------------------------------------------------ */

struct mailbox {
	struct crew__lock lock;
	bool full;
	struct crew__waiter *receiver;
};

static struct mailbox to_pong, to_ping;

static void unlock(void *lock)
{
	crew__lock_release(lock);
}

static void receive(struct mailbox *box)
{
	struct crew__waiter waiter;

	crew__lock_acquire(&box->lock);
	if (box->full) {
		box->full = false;
		crew__lock_release(&box->lock);
		return;
	}
	crew__waiter_init(&waiter, false);
	box->receiver = &waiter;
	crew__park(&waiter, unlock, &box->lock, CREW_NEVER, "waits for the ball");
}

static void send(struct mailbox *box)
{
	struct crew__parker *parker = NULL;

	crew__lock_acquire(&box->lock);
	if (box->receiver)
		crew__grant(box->receiver, &parker);
	else
		box->full = true;
	box->receiver = NULL;
	crew__lock_release(&box->lock);
	if (parker)
		crew__ready(parker);
}

static int pong_task(void *arg)
{
	const uint64_t *n = arg;

	for (uint64_t i = 0; i < *n; i++) {
		receive(&to_pong);
		send(&to_ping);
	}
	return 0;
}

static int ping_task(void *arg)
{
	const uint64_t *n = arg;

	for (uint64_t i = 0; i < *n; i++) {
		send(&to_pong);
		receive(&to_ping);
	}
	return 0;
}

static crew_time pingpong_loop(uint64_t n)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, pong_task, &n);
	crew_group_spawn(&group, ping_task, &n);
	if (crew_group_close(&group, 0))
		return -1;
	return crew_bench_now() - begin;
}

static crew_time pingpong(uint64_t n, long workers)
{
	return inside(workers, pingpong_loop, n);
}

/* ---- park ---------------------------------------------------------------- */

struct gate_waiter {
	struct crew__waiter waiter;
	struct gate_waiter *next;
};

static struct {
	struct crew__lock lock;
	struct gate_waiter *first;
	uint64_t count;
} gate;

static int gate_task(void *arg)
{
	struct gate_waiter me;

	(void)arg;
	crew__waiter_init(&me.waiter, false);
	crew__lock_acquire(&gate.lock);
	me.next = gate.first;
	gate.first = &me;
	__atomic_store_n(&gate.count, gate.count + 1, __ATOMIC_RELAXED);
	crew__park(&me.waiter, unlock, &gate.lock, CREW_NEVER, "waits at the gate");
	return 0;
}

/* Sets up to 64 free. */
static bool gate_open(void)
{
	struct crew__parker *parkers[64];
	int count = 0;

	crew__lock_acquire(&gate.lock);
	while (gate.first && count < 64) {
		crew__grant(&gate.first->waiter, &parkers[count++]);
		gate.first = gate.first->next;
	}
	crew__lock_release(&gate.lock);
	for (int i = 0; i < count; i++)
		crew__ready(parkers[i]);
	return count > 0;
}

static const char *const park_names[2][3] = {
	{ "park.create", "park.bytes", "park.wake" },
	{ "park64.create", "park64.bytes", "park64.wake" },
};

static crew_time park_loop(uint64_t n)
{
	const char *const *names = park_names[inside_stack_bytes != 0];
	struct crew_group group;
	double before = memory_now();
	crew_time begin = crew_bench_now();

	gate.count = 0;
	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < n; i++)
		if (crew_group_spawn(&group, gate_task, NULL))
			n = i;
	while (__atomic_load_n(&gate.count, __ATOMIC_RELAXED) < n)
		crew_sleep(CREW_MS(1));
	crew_bench_value(names[0], "ns", (double)(crew_bench_now() - begin) / (double)n);
	crew_bench_value(names[1], "B", (memory_now() - before) / (double)n);
	begin = crew_bench_now();
	while (gate_open())
		;
	if (crew_group_close(&group, 0))
		return -1;
	crew_bench_value(names[2], "ns", (double)(crew_bench_now() - begin) / (double)n);
	return 0;
}

static crew_time park(uint64_t n, long stack_bytes)
{
	const char *parked = getenv("PARKED");
	crew_time result;

	inside_stack_bytes = (size_t)stack_bytes;
	result = inside(2, park_loop, parked ? strtoull(parked, NULL, 10) : n);
	inside_stack_bytes = 0;
	return result;
}

static const struct crew_bench benches[] = {
	{ .name = "pingpong.1w", .fn = pingpong, .param = 1 },
	{ .name = "pingpong.2w", .fn = pingpong, .param = 2 },
	{ .name = "park", .fn = park, .param = 0, .n = 1000000, .fresh = true },
	{ .name = "park64", .fn = park, .param = 64 << 10, .n = 200000, .fresh = true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
