/* SPDX-License-Identifier: MIT */
/*
 * channel.h - what the tests of channels share: a channel of numbers with two ends, and those
 * who wait in it.
 */
#ifndef TESTS_API_CHANNEL_H
#define TESTS_API_CHANNEL_H

#include "api/sync.h"

#include "crew/channel.h"

#include <string.h>

struct pair {
	struct crew_channel channel;
	struct crew_sender sender;
	struct crew_receiver receiver;
};

static struct crew_word freed; /* how many, and which */
static struct crew_word freed_sum;

static inline void free_number(void *item)
{
	uint64_t number;

	memcpy(&number, item, sizeof(number));
	crew__add_relaxed(&freed, 1);
	crew__add_relaxed(&freed_sum, number);
}

static inline uint64_t freed_since_last(uint64_t *sum)
{
	uint64_t count = crew__exchange_acq_rel(&freed, 0);

	*sum = crew__exchange_acq_rel(&freed_sum, 0);
	return count;
}

static inline int open_with(struct pair *pair, size_t capacity, enum crew_overflow overflow)
{
	return crew_channel_init(
		&pair->channel, &pair->sender, &pair->receiver, sizeof(uint64_t),
		CREW_CHANNEL(.capacity = capacity, .overflow = overflow, .item_free = free_number));
}

static inline int open_pair(struct pair *pair, size_t capacity)
{
	return open_with(pair, capacity, CREW_OVERFLOW_WAIT);
}

static inline void close_pair(struct pair *pair)
{
	crew_sender_close(&pair->sender);
	crew_receiver_close(&pair->receiver);
}

static inline struct crew_channel_stats stats_of(const struct pair *pair)
{
	struct crew_channel_stats stats = { .size = sizeof(stats) };

	crew_channel_read_stats(&pair->channel, &stats);
	return stats;
}

static inline int send(struct crew_sender *sender, uint64_t number)
{
	return crew_send_nowait(sender, &number);
}

/* The next item, or a code. */
static inline int64_t receive(struct crew_receiver *receiver)
{
	uint64_t number;
	int rc = crew_receive_nowait(receiver, &number);

	return rc ? rc : (int64_t)number;
}

/* ---- those who wait ------------------------------------------------------------------ */

struct who {
	struct crew_sender *sender;
	struct crew_receiver *receiver;
	struct crew_slot slot;
	uint64_t number;
};

static inline int sends(void *arg)
{
	struct who *who = (struct who *)arg;

	return crew_send(who->sender, &who->number);
}

static inline int sends_last(void *arg)
{
	struct who *who = (struct who *)arg;

	return crew_send_last(who->sender, &who->number);
}

static inline int receives(void *arg)
{
	struct who *who = (struct who *)arg;

	return crew_receive(who->receiver, &who->number);
}

static inline int reserves(void *arg)
{
	struct who *who = (struct who *)arg;

	return crew_reserve(who->sender, &who->slot);
}

static inline int line_up(struct line *line, const struct pair *pair, crew_task_fn *fn,
			  struct who *who)
{
	uint64_t before = stats_of(pair).waiting;

	line_add(line, fn, who);
	UNTIL(stats_of(pair).waiting == before + 1);
	return 0;
}

#endif /* TESTS_API_CHANNEL_H */
