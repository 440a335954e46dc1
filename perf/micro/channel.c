/* SPDX-License-Identifier: MIT */
/*
 * channel.c - items through channels (crew/channel.h), for each item.
 *
 *	channel.free	one task sends and receives by turns: nobody waits
 *	channel.0	from one task to another, without capacity
 *	channel.64	the same, 64 are kept
 *	channel.many.0	from four tasks to four others, without capacity
 *	channel.many.64	the same, 64 are kept
 *	channel.ball	from one task to another and back: two items without capacity
 *	channel.select	one task selects from four channels, each with a task that sends
 *	channel.thread	from a plain thread to another, without a limit
 */
#include "../inside.h"

#include "crew/select.h"

#include <pthread.h>

#define MANY  4
#define ROADS 4

struct end {
	struct crew_sender sender;
	struct crew_receiver receiver;
	uint64_t count;
};

static int send_all(void *arg)
{
	struct end *end = arg;
	int rc = 0;

	for (uint64_t i = 0; i < end->count && rc == 0; i++)
		rc = crew_send(&end->sender, &i);
	crew_sender_close(&end->sender);
	return rc;
}

static int receive_all(void *arg)
{
	struct end *end = arg;
	uint64_t number;
	int rc;

	while ((rc = crew_receive(&end->receiver, &number)) == 0)
		;
	crew_receiver_close(&end->receiver);
	return rc == CREW_EEND ? 0 : rc;
}

static int open_end(struct crew_channel *channel, struct end *end, size_t capacity)
{
	return crew_channel_init(channel, &end->sender, &end->receiver, sizeof(uint64_t),
				 CREW_CHANNEL(.capacity = capacity));
}

/* From so many senders to so many receivers. */
static crew_time stream(uint64_t n, size_t capacity, unsigned many)
{
	struct crew_channel channel;
	struct crew_group group;
	struct end ends[MANY];
	crew_time begin;

	if (open_end(&channel, &ends[0], capacity))
		return -1;
	for (unsigned i = 0; i < many; i++) {
		if (i) {
			crew_sender_clone(&ends[i].sender, &ends[0].sender);
			crew_receiver_clone(&ends[i].receiver, &ends[0].receiver);
		}
		ends[i].count = n / many + (i < n % many);
	}
	begin = crew_bench_now();
	crew_group_open(&group, NULL);
	for (unsigned i = 0; i < many; i++) {
		crew_group_spawn(&group, send_all, &ends[i]);
		crew_group_spawn(&group, receive_all, &ends[i]);
	}
	if (crew_group_close(&group, 0))
		return -1;
	return crew_bench_now() - begin;
}

static crew_time one_0(uint64_t n)
{
	return stream(n, 0, 1);
}

static crew_time one_64(uint64_t n)
{
	return stream(n, 64, 1);
}

static crew_time many_0(uint64_t n)
{
	return stream(n, 0, MANY);
}

static crew_time many_64(uint64_t n)
{
	return stream(n, 64, MANY);
}

static crew_time alone(uint64_t n)
{
	struct crew_channel channel;
	struct end end;
	crew_time begin;
	uint64_t number;
	int rc = open_end(&channel, &end, 1);

	begin = crew_bench_now();
	for (uint64_t i = 0; i < n && rc == 0; i++) {
		rc = crew_send(&end.sender, &i);
		rc = rc ? rc : crew_receive(&end.receiver, &number);
	}
	begin = crew_bench_now() - begin;
	crew_sender_close(&end.sender);
	crew_receiver_close(&end.receiver);
	return rc ? -1 : begin;
}

/* ---- there and back ------------------------------------------------------------------- */

static struct end there, back;

static int play_ball(void *arg)
{
	uint64_t number;

	(void)arg;
	while (crew_receive(&there.receiver, &number) == 0)
		if (crew_send(&back.sender, &number))
			return 1;
	return 0;
}

static crew_time ball(uint64_t n)
{
	struct crew_channel channels[2];
	struct crew_group group;
	crew_time begin;
	int rc = open_end(&channels[0], &there, 0) || open_end(&channels[1], &back, 0);

	if (rc)
		return -1;
	begin = crew_bench_now();
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, play_ball, NULL);
	for (uint64_t i = 0; i < n && rc == 0; i++) {
		uint64_t number;

		rc = crew_send(&there.sender, &i);
		rc = rc ? rc : crew_receive(&back.receiver, &number);
	}
	crew_sender_close(&there.sender);
	rc = crew_group_close(&group, rc);
	begin = crew_bench_now() - begin;
	crew_receiver_close(&there.receiver);
	crew_sender_close(&back.sender);
	crew_receiver_close(&back.receiver);
	return rc ? -1 : begin;
}

/* ---- select ----------------------------------------------------------------------------- */

static crew_time from_four(uint64_t n)
{
	struct crew_channel channels[ROADS];
	struct crew_case cases[ROADS];
	struct end ends[ROADS];
	struct crew_group group;
	uint64_t number, left = n;
	crew_time begin = crew_bench_now();
	int which = 0;

	crew_group_open(&group, NULL);
	for (unsigned i = 0; i < ROADS; i++) {
		if (open_end(&channels[i], &ends[i], 0))
			return -1;
		ends[i].count = n / ROADS + (i < n % ROADS);
		cases[i] = (struct crew_case)CREW_ON_RECEIVE(&ends[i].receiver, &number);
		crew_group_spawn(&group, send_all, &ends[i]);
	}
	while (left && which >= 0) {
		which = crew_select_one(cases, ROADS, CREW_FAIR);
		if (which < 0)
			continue;
		if (cases[which].rc)
			cases[which].kind = CREW_CASE_OFF;
		else
			left--;
	}
	for (unsigned i = 0; i < ROADS; i++)
		crew_receiver_close(&ends[i].receiver);
	return crew_group_close(&group, 0) || which < 0 ? -1 : crew_bench_now() - begin;
}

/* ---- plain threads ------------------------------------------------------------------------ */

static void *send_on_thread(void *arg)
{
	send_all(arg);
	return NULL;
}

static crew_time channel_thread(uint64_t n, long workers)
{
	struct crew_channel channel;
	struct end end;
	pthread_t thread;
	crew_time begin;
	int rc = open_end(&channel, &end, CREW_UNBOUNDED);

	(void)workers;
	end.count = n;
	begin = crew_bench_now();
	if (rc || pthread_create(&thread, NULL, send_on_thread, &end))
		return -1;
	rc = receive_all(&end);
	pthread_join(thread, NULL);
	return rc ? -1 : crew_bench_now() - begin;
}

#define INSIDE(name, loop)                                                                         \
	static crew_time name(uint64_t n, long workers)                                            \
	{                                                                                          \
		return inside(workers, loop, n);                                                   \
	}
INSIDE(channel_free, alone)
INSIDE(channel_0, one_0)
INSIDE(channel_64, one_64)
INSIDE(channel_many_0, many_0)
INSIDE(channel_many_64, many_64)
INSIDE(channel_ball, ball)
INSIDE(channel_select, from_four)
#undef INSIDE

static const struct crew_bench benches[] = {
	{ .name = "channel.free", .fn = channel_free, .param = 1 },
	{ .name = "channel.0.1w", .fn = channel_0, .param = 1 },
	{ .name = "channel.0.2w", .fn = channel_0, .param = 2 },
	{ .name = "channel.64.1w", .fn = channel_64, .param = 1 },
	{ .name = "channel.64.2w", .fn = channel_64, .param = 2 },
	{ .name = "channel.many.0.2w", .fn = channel_many_0, .param = 2 },
	{ .name = "channel.many.64.2w", .fn = channel_many_64, .param = 2 },
	{ .name = "channel.ball.1w", .fn = channel_ball, .param = 1 },
	{ .name = "channel.ball.2w", .fn = channel_ball, .param = 2 },
	{ .name = "channel.select.1w", .fn = channel_select, .param = 1 },
	{ .name = "channel.select.2w", .fn = channel_select, .param = 2 },
	{ .name = "channel.thread", .fn = channel_thread, .param = 2 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
