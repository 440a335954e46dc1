/* SPDX-License-Identifier: MIT */
/* channel.c - channels (crew/channel.h): who is told what, and who gets what. */
#include "api/channel.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- M1 to M4 -------------------------------------------------------------------------- */

static int closes(void *arg)
{
	struct pair pair;
	uint64_t number = 7;

	(void)arg;
	CHECK(open_pair(&pair, 2) == 0);
	crew_sender_close(&pair.sender);
	for (int i = 0; i < 2; i++) {
		CHECK(send(&pair.sender, 1) == CREW_ECLOSED);
		CHECK(crew_send(&pair.sender, &number) == CREW_ECLOSED);
		CHECK(crew_send_last(&pair.sender, &number) == CREW_ECLOSED);
		CHECK(crew_receive(&pair.receiver, &number) == CREW_EEND && number == 7);
		CHECK(receive(&pair.receiver) == CREW_EEND);
		crew_sender_close(&pair.sender);
	}
	crew_receiver_close(&pair.receiver);
	CHECK(open_pair(&pair, 2) == 0);
	crew_receiver_close(&pair.receiver);
	for (int i = 0; i < 2; i++) {
		CHECK(receive(&pair.receiver) == CREW_ECLOSED);
		CHECK(crew_receive(&pair.receiver, &number) == CREW_ECLOSED);
		CHECK(send(&pair.sender, 1) == CREW_EBROKEN);
		CHECK(crew_send(&pair.sender, &number) == CREW_EBROKEN);
		crew_receiver_close(&pair.receiver);
	}
	crew_sender_close(&pair.sender);
	memset(&pair.channel, 0xa5, sizeof(pair.channel)); /* it is not looked at any more */
	CHECK(send(&pair.sender, 1) == CREW_ECLOSED && receive(&pair.receiver) == CREW_ECLOSED);
	crew_sender_close(&pair.sender);
	crew_receiver_close(&pair.receiver);
	return 0;
}

Test(channel, M1_what_is_closed_stays_so)
{
	in_all_places(closes);
}

static int close_wakes_receivers(void *arg)
{
	struct pair pair;
	struct crew_receiver other;
	struct who first = { .receiver = &pair.receiver };
	struct who second = { .receiver = &other };
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 0) == 0 && crew_receiver_clone(&other, &pair.receiver) == 0);
	line_open(&line);
	CHECK(line_up(&line, &pair, receives, &first) == 0);
	CHECK(line_up(&line, &pair, receives, &second) == 0);
	CHECK(line_up(&line, &pair, receives, &first) == 0);
	crew_receiver_close(&pair.receiver);
	UNTIL(ended_of(&line) == 2);
	CHECK(!has_ended(&line.one[1]) && stats_of(&pair).waiting == 1);
	CHECK(line.one[0].rc == CREW_ECLOSED && line.one[2].rc == CREW_ECLOSED);
	crew_sender_close(&pair.sender);
	CHECK(line_close(&line) == 0 && line.one[1].rc == CREW_EEND);
	crew_receiver_close(&other);
	return 0;
}

static int close_wakes_senders(void *arg)
{
	struct pair pair;
	struct crew_sender other;
	struct who first = { .sender = &pair.sender };
	struct who second = { .sender = &other };
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 1) == 0 && crew_sender_clone(&other, &pair.sender) == 0);
	CHECK(send(&pair.sender, 1) == 0);
	line_open(&line);
	CHECK(line_up(&line, &pair, sends, &first) == 0);
	CHECK(line_up(&line, &pair, sends, &second) == 0);
	CHECK(line_up(&line, &pair, reserves, &first) == 0);
	CHECK(line_up(&line, &pair, reserves, &second) == 0);
	crew_sender_close(&pair.sender);
	UNTIL(ended_of(&line) == 2);
	CHECK(line.one[0].rc == CREW_ECLOSED && line.one[2].rc == CREW_ECLOSED);
	CHECK(stats_of(&pair).waiting == 2);
	crew_receiver_close(&pair.receiver);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[1].rc == CREW_EBROKEN && line.one[3].rc == CREW_EBROKEN);
	crew_sender_close(&other);
	return 0;
}

Test(channel, M2_closing_tells_those_on_that_end_and_the_last_one_the_other_side)
{
	in_all_places(close_wakes_receivers);
	in_all_places(close_wakes_senders);
}

static int rest_is_received(void *arg)
{
	struct pair pair;

	(void)arg;
	CHECK(open_pair(&pair, 3) == 0);
	for (uint64_t i = 1; i <= 3; i++)
		CHECK(send(&pair.sender, i) == 0);
	CHECK(send(&pair.sender, 4) == CREW_EWOULDBLOCK);
	crew_sender_close(&pair.sender);
	for (int64_t i = 1; i <= 3; i++)
		CHECK(receive(&pair.receiver) == i);
	CHECK(receive(&pair.receiver) == CREW_EEND);
	close_pair(&pair);
	return 0;
}

Test(channel, M3_what_is_held_is_received_after_the_senders_have_closed)
{
	in_all_places(rest_is_received);
}

static int from_hand_to_hand(void *arg)
{
	struct pair pair;
	struct who receiver = { .receiver = &pair.receiver };
	struct who sender = { .sender = &pair.sender, .number = 6 };
	struct line line;

	(void)arg;
	CHECK(crew_channel_init(&pair.channel, &pair.sender, &pair.receiver, sizeof(uint64_t),
				NULL) == 0);
	CHECK(send(&pair.sender, 4) == CREW_EWOULDBLOCK);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK);
	line_open(&line);
	CHECK(line_up(&line, &pair, receives, &receiver) == 0);
	CHECK(send(&pair.sender, 5) == 0);
	CHECK(send(&pair.sender, 5) == CREW_EWOULDBLOCK);
	UNTIL(ended_of(&line) == 1);
	CHECK(receiver.number == 5 && line.one[0].rc == 0);
	CHECK(line_up(&line, &pair, sends, &sender) == 0);
	CHECK(receive(&pair.receiver) == 6);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK);
	CHECK(line_close(&line) == 0 && line.one[1].rc == 0);
	CHECK(stats_of(&pair).peak == 0);
	close_pair(&pair);
	return 0;
}

Test(channel, M4_without_capacity_a_send_meets_a_receive)
{
	in_all_places(from_hand_to_hand);
}

/* ---- M5 to M8 --------------------------------------------------------------------------- */

static int in_turn(void *arg)
{
	struct pair pair;
	struct who who[3] = { { .receiver = &pair.receiver }, { .receiver = &pair.receiver } };
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 1) == 0);
	line_open(&line);
	CHECK(line_up(&line, &pair, receives, &who[0]) == 0);
	CHECK(line_up(&line, &pair, receives, &who[1]) == 0);
	/* the item belongs to who waits for it */
	CHECK(send(&pair.sender, 1) == 0 && receive(&pair.receiver) == CREW_EWOULDBLOCK);
	CHECK(send(&pair.sender, 2) == 0 && receive(&pair.receiver) == CREW_EWOULDBLOCK);
	UNTIL(ended_of(&line) == 2);
	CHECK(who[0].number == 1 && who[1].number == 2);
	CHECK(line_close(&line) == 0);
	/* so does the place */
	CHECK(send(&pair.sender, 3) == 0);
	line_open(&line);
	for (uint64_t i = 0; i < 3; i++) {
		who[i] = (struct who){ .sender = &pair.sender, .number = 4 + i };
		CHECK(line_up(&line, &pair, sends, &who[i]) == 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		CHECK(receive(&pair.receiver) == 3 + (int64_t)i);
		CHECK(send(&pair.sender, 9) == CREW_EWOULDBLOCK);
		UNTIL(has_ended(&line.one[i]));
		CHECK(ended_of(&line) == i + 1 && stats_of(&pair).items == 1);
	}
	CHECK(line_close(&line) == 0 && receive(&pair.receiver) == 6);
	close_pair(&pair);
	return 0;
}

Test(channel, M5_who_waits_is_served_in_turn_and_not_overtaken)
{
	in_all_places(in_turn);
}

static int cancelled_receivers(void *arg)
{
	struct pair pair;
	struct who who[3];
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 1) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 3; i++) {
		who[i] = (struct who){ .receiver = &pair.receiver };
		CHECK(line_up(&line, &pair, receives, &who[i]) == 0);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(stats_of(&pair).waiting == 2); /* B10 */
	CHECK(send(&pair.sender, 1) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL); /* B8: it has got it */
	crew_scope_cancel(&line.one[2].scope, NULL);
	CHECK(send(&pair.sender, 2) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[2].rc == CREW_ECANCELED);
	CHECK(line.one[1].rc == 0 && who[1].number == 1);
	CHECK(receive(&pair.receiver) == 2); /* no ghost took it */
	close_pair(&pair);
	return 0;
}

Test(channel, M6_B8_B9_B10_a_cancelled_receive_loses_nothing)
{
	in_all_places(cancelled_receivers);
}

static int cancelled_senders(void *arg)
{
	struct pair pair;
	struct who who[3];
	struct line line;
	uint64_t sum;

	(void)arg;
	freed_since_last(&sum);
	CHECK(open_pair(&pair, 0) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 3; i++) {
		who[i] = (struct who){ .sender = &pair.sender, .number = i };
		CHECK(line_up(&line, &pair, sends, &who[i]) == 0);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(stats_of(&pair).waiting_senders == 2);
	CHECK(receive(&pair.receiver) == 1);
	crew_scope_cancel(&line.one[1].scope, NULL);
	crew_scope_cancel(&line.one[2].scope, NULL);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[2].rc == CREW_ECANCELED);
	CHECK(line.one[1].rc == 0);
	close_pair(&pair);
	CHECK(freed_since_last(&sum) == 0); /* they are still the senders' */
	return 0;
}

Test(channel, M7_B8_B9_B10_a_cancelled_send_leaves_nothing)
{
	in_all_places(cancelled_senders);
}

static int in_a_cancelled_scope(void *arg)
{
	struct pair pair;
	struct crew_scope scope;
	struct crew_slot slot;
	uint64_t number = 1;

	(void)arg;
	CHECK(open_pair(&pair, 2) == 0 && send(&pair.sender, 5) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_send(&pair.sender, &number) == CREW_ECANCELED);
	CHECK(crew_send_last(&pair.sender, &number) == CREW_ECANCELED);
	CHECK(crew_receive(&pair.receiver, &number) == CREW_ECANCELED && number == 1);
	CHECK(crew_reserve(&pair.sender, &slot) == CREW_ECANCELED);
	CHECK(stats_of(&pair).items == 1 && stats_of(&pair).slots == 0);
	CHECK(send(&pair.sender, 6) == 0 && receive(&pair.receiver) == 5);
	CHECK(crew_reserve_nowait(&pair.sender, &slot) == 0 && crew_slot_send(&slot, &number) == 0);
	crew_sender_close(&pair.sender);
	CHECK(crew_send(&pair.sender, &number) == CREW_ECLOSED); /* Y2 */
	close_pair(&pair);
	CHECK(open_pair(&pair, 0) == 0 && crew_reserve(&pair.sender, &slot) == CREW_EINVAL);
	crew_scope_close(&scope, 0);
	close_pair(&pair);
	return 0;
}

Test(channel, B13_B14_Y2_Y3_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}

static int undelivered(void *arg)
{
	struct pair pair;
	struct crew_receiver other;
	uint64_t sum;

	(void)arg;
	freed_since_last(&sum);
	CHECK(open_pair(&pair, 4) == 0 && crew_receiver_clone(&other, &pair.receiver) == 0);
	for (uint64_t i = 1; i <= 4; i++)
		CHECK(send(&pair.sender, i) == 0);
	CHECK(receive(&other) == 1 && send(&pair.sender, 5) == 0);
	crew_receiver_close(&pair.receiver);
	CHECK(freed_since_last(&sum) == 0); /* the other one may still ask for them */
	crew_receiver_close(&other);
	CHECK(freed_since_last(&sum) == 4 && sum == 2 + 3 + 4 + 5);
	CHECK(send(&pair.sender, 6) == CREW_EBROKEN);
	crew_sender_close(&pair.sender);
	CHECK(freed_since_last(&sum) == 0);
	/* given up as it is */
	CHECK(open_pair(&pair, CREW_UNBOUNDED) == 0);
	for (uint64_t i = 0; i < 1000; i++)
		CHECK(send(&pair.sender, i) == 0);
	crew_channel_fini(&pair.channel);
	CHECK(freed_since_last(&sum) == 1000 && sum == 1000 * 999 / 2);
	return 0;
}

Test(channel, M8_what_nobody_receives_is_dropped_once)
{
	in_all_places(undelivered);
}

static int clones(void *arg)
{
	struct pair pair;
	struct crew_sender sender;
	struct crew_receiver receiver;

	(void)arg;
	CHECK(open_pair(&pair, 1) == 0);
	CHECK(crew_sender_clone(&sender, &pair.sender) == 0);
	crew_sender_close(&pair.sender);
	CHECK(send(&sender, 4) == 0 && receive(&pair.receiver) == 4);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK);
	crew_sender_close(&sender);
	CHECK(crew_sender_clone(&sender, &pair.sender) == CREW_ECLOSED);
	CHECK(send(&sender, 4) == CREW_ECLOSED);
	CHECK(crew_receiver_clone(&receiver, &pair.receiver) == 0);
	crew_receiver_close(&pair.receiver);
	CHECK(receive(&receiver) == CREW_EEND);
	crew_receiver_close(&receiver);
	CHECK(crew_receiver_clone(&receiver, &pair.receiver) == CREW_ECLOSED);
	CHECK(receive(&receiver) == CREW_ECLOSED);
	return 0;
}

Test(channel, M14_a_closed_end_has_no_clones)
{
	in_all_places(clones);
}

/* ---- all at once ------------------------------------------------------------------------- */

#define EACH 600

struct traffic {
	struct pair pair;
	struct crew_word ends;
	struct crew_word sent, sum_sent;
	struct crew_word received, sum_received;
};

static int send_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	struct crew_sender sender;
	int rc = crew_sender_clone(&sender, &traffic->pair.sender);

	for (uint64_t i = 1; i <= EACH && rc == 0; i++) {
		rc = crew_send(&sender, &i);
		if (rc == 0) {
			crew__add_relaxed(&traffic->sent, 1);
			crew__add_relaxed(&traffic->sum_sent, i);
		}
	}
	crew_sender_close(&sender);
	return rc;
}

static int receive_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	struct crew_receiver receiver;
	uint64_t number;
	int rc = crew_receiver_clone(&receiver, &traffic->pair.receiver);

	while (rc == 0 && (rc = crew_receive(&receiver, &number)) == 0) {
		crew__add_relaxed(&traffic->received, 1);
		crew__add_relaxed(&traffic->sum_received, number);
	}
	crew_receiver_close(&receiver);
	return rc;
}

/* Every item is received once, or dropped once, or still its sender's. */
static int heavy_traffic(size_t capacity, enum crew_overflow overflow, bool cancels)
{
	static struct traffic traffic;
	struct line line;
	uint64_t dropped, sum;

	memset(&traffic, 0, sizeof(traffic));
	freed_since_last(&sum);
	CHECK(open_with(&traffic.pair, capacity, overflow) == 0);
	line_open(&line);
	for (unsigned i = 0; i < LINE_MAX; i++)
		line_add(&line, i % 4 < 2 ? send_often : receive_often, &traffic);
	if (cancels) {
		UNTIL(crew__load_acquire(&traffic.received) > 100);
		crew_scope_cancel(&line.one[0].scope, NULL);
		crew_scope_cancel(&line.one[3].scope, NULL);
		crew_scope_cancel(&line.one[5].scope, NULL);
		crew_scope_cancel(&line.one[6].scope, NULL);
	}
	for (unsigned i = 0; i < LINE_MAX; i++)
		UNTIL(i % 4 >= 2 || has_ended(&line.one[i]));
	crew_sender_close(&traffic.pair.sender);
	CHECK(line_close(&line) == 0);
	crew_receiver_close(&traffic.pair.receiver);
	dropped = freed_since_last(&sum);
	for (unsigned i = 0; i < LINE_MAX; i++)
		CHECK(line.one[i].rc == (i % 4 < 2 ? 0 : CREW_EEND) ||
		      (cancels && line.one[i].rc == CREW_ECANCELED));
	CHECK(crew__load_relaxed(&traffic.sent) == crew__load_relaxed(&traffic.received) + dropped);
	CHECK(crew__load_relaxed(&traffic.sum_sent) ==
	      crew__load_relaxed(&traffic.sum_received) + sum);
	CHECK(cancels || crew__load_relaxed(&traffic.sent) == 4 * EACH);
	CHECK(overflow != CREW_OVERFLOW_WAIT || dropped == 0);
	return 0;
}

static int all_traffic(void *arg)
{
	static const size_t capacities[] = { 0, 1, 3, CREW_UNBOUNDED };
	int rc = 0;

	(void)arg;
	for (unsigned i = 0; i < 8 && rc == 0; i++)
		rc = heavy_traffic(capacities[i / 2], CREW_OVERFLOW_WAIT, i % 2);
	if (rc == 0)
		rc = heavy_traffic(2, CREW_DROP_OLDEST, false);
	return rc ? rc : heavy_traffic(2, CREW_DROP_NEWEST, false);
}

Test(channel, M6_M7_M8_many_and_their_cancellations)
{
	in_all_places(all_traffic);
}

/* ---- giving its memory back ----------------------------------------------------------------- */

struct answer {
	struct crew_channel channel;
	struct crew_sender sender;
	uint64_t number;
};

static int answers(void *arg)
{
	struct answer *answer = (struct answer *)arg;
	uint64_t number = 42;

	return crew_send_last(&answer->sender, &number);
}

static int asks(void *arg)
{
	struct crew_receiver receiver;
	struct answer answer; /* (the sender is read after the channel is gone) */
	struct line line;

	(void)arg;
	for (size_t capacity = 0; capacity < 2; capacity++) {
		struct crew_channel *channel = malloc(sizeof(*channel));

		CHECK(channel);
		CHECK(crew_channel_init(channel, &answer.sender, &receiver, sizeof(uint64_t),
					CREW_CHANNEL(.capacity = capacity)) == 0);
		line_open(&line);
		line_add(&line, answers, &answer);
		CHECK(crew_receive(&receiver, &answer.number) == 0 && answer.number == 42);
		crew_receiver_close(&receiver);
		memset(channel, 0xa5, sizeof(*channel));
		free(channel);
		CHECK(line_close(&line) == 0 && line.one[0].rc == 0);
	}
	return 0;
}

Test(channel, whoever_was_told_that_it_is_the_last_may_free_it)
{
	in_all_places(asks);
}

/* ---- dumps ---------------------------------------------------------------------------------- */

static int is_dumped(void *arg)
{
	struct pair pair;
	struct who who[3] = { { .receiver = &pair.receiver }, { .sender = &pair.sender } };
	static const char *const says[] = { "channel, to receive", "channel, to send",
					    "channel, for a place" };
	static crew_task_fn *const fns[] = { receives, sends, reserves };
	struct line line;

	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		char text[16384] = "";
		FILE *file = fmemopen(text, sizeof(text) - 1, "w");

		CHECK(file && open_pair(&pair, i == 2) == 0);
		who[2] = (struct who){ .sender = &pair.sender };
		CHECK(i < 2 || send(&pair.sender, 1) == 0);
		line_open(&line);
		CHECK(line_up(&line, &pair, fns[i], &who[i]) == 0);
		CHECK(crew_dump(test_crew, file) == 0);
		fclose(file);
		CHECK(strstr(text, says[i]));
		close_pair(&pair);
		CHECK(line_close(&line) == 0);
	}
	return 0;
}

Test(channel, a_dump_says_what_is_waited_for)
{
	in_all_places(is_dumped);
}
