/* SPDX-License-Identifier: MIT */
/* tokio.c - asks tokio (src/lib.rs) to do each operation n times. */
#include "../../common.h"

enum {
	LOCK_FREE,
	LOCK_FIFO,
	SEMAPHORE_FREE,
	SEMAPHORE_4,
	PINGPONG,
	CHANNEL_64,
	YIELD,
	SKYNET,
	EVENT_WAKE,
};

int64_t tokio_run(uint32_t operation, uint64_t n, long workers);

/* The parameter: what to do, and with how many workers. */
#define DO(operation, workers) ((operation)*16 + (workers))

static crew_time bench(uint64_t n, long param)
{
	return tokio_run((uint32_t)(param / 16), n, param % 16);
}

static const struct crew_bench benches[] = {
	{ .name = "lock.free", .fn = bench, .param = DO(LOCK_FREE, 1) },
	{ .name = "lock.fifo", .fn = bench, .param = DO(LOCK_FIFO, 2) },
	{ .name = "semaphore.free", .fn = bench, .param = DO(SEMAPHORE_FREE, 1) },
	{ .name = "semaphore.4", .fn = bench, .param = DO(SEMAPHORE_4, 2) },
	{ .name = "pingpong.1w", .fn = bench, .param = DO(PINGPONG, 1) },
	{ .name = "pingpong.2w", .fn = bench, .param = DO(PINGPONG, 2) },
	{ .name = "channel.64.1w", .fn = bench, .param = DO(CHANNEL_64, 1) },
	{ .name = "channel.64.2w", .fn = bench, .param = DO(CHANNEL_64, 2) },
	{ .name = "yield", .fn = bench, .param = DO(YIELD, 1) },
	{ .name = "skynet.2w",
	  .fn = bench,
	  .param = DO(SKYNET, 2),
	  .unit = "ms",
	  .divisor = 1e6,
	  .n = 1 },
	{ .name = "event.wake", .fn = bench, .param = DO(EVENT_WAKE, 2), .n = 100000 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "tokio", benches, sizeof(benches) / sizeof(*benches));
}
