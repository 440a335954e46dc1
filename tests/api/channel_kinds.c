/* SPDX-License-Identifier: MIT */
/* channel_kinds.c - kinds of channels (crew/channel.h): slots, drops, last items, chunks. */
#include "api/channel.h"

#include "base/alloc.h"

/* ---- M9 to M14 ------------------------------------------------------------------------ */

static int slots(void *arg)
{
	struct pair pair;
	struct crew_slot slot[3];
	struct who receiver = { .receiver = &pair.receiver };
	struct who taker = { .sender = &pair.sender };
	struct who sender = { .sender = &pair.sender, .number = 8 };
	uint64_t number = 1;
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 2) == 0);
	CHECK(crew_reserve(&pair.sender, &slot[0]) == 0);
	CHECK(crew_reserve(&pair.sender, &slot[1]) == 0);
	CHECK(crew_reserve_nowait(&pair.sender, &slot[2]) == CREW_EWOULDBLOCK);
	CHECK(send(&pair.sender, 9) == CREW_EWOULDBLOCK && stats_of(&pair).slots == 2);
	crew_slot_drop(&slot[0]);
	CHECK(send(&pair.sender, 9) == 0); /* the place is back */
	crew_slot_drop(&slot[0]);
	CHECK(crew_slot_send(&slot[0], &number) == CREW_ECLOSED && stats_of(&pair).slots == 1);
	line_open(&line);
	/* in line with those who send */
	CHECK(line_up(&line, &pair, reserves, &taker) == 0);
	CHECK(line_up(&line, &pair, sends, &sender) == 0);
	CHECK(receive(&pair.receiver) == 9);
	UNTIL(has_ended(&line.one[0]));
	CHECK(stats_of(&pair).slots == 2);
	/* all places are reserved: an item goes from hand to hand */
	CHECK(!has_ended(&line.one[1]) && receive(&pair.receiver) == 8);
	UNTIL(has_ended(&line.one[1]));
	CHECK(crew_slot_send(&slot[1], &number) == 0 && receive(&pair.receiver) == 1);
	/* it ends when the last slot is gone */
	crew_sender_close(&pair.sender);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK);
	CHECK(line_up(&line, &pair, receives, &receiver) == 0);
	crew_slot_drop(&taker.slot);
	CHECK(line_close(&line) == 0 && line.one[2].rc == CREW_EEND);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == 0);
	crew_receiver_close(&pair.receiver);
	return 0;
}

static int slots_to_those_who_wait(void *arg)
{
	struct pair pair;
	struct crew_slot slot;
	struct who receiver = { .receiver = &pair.receiver };
	struct who sender = { .sender = &pair.sender, .number = 8 };
	uint64_t number = 3;
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 1) == 0 && crew_reserve(&pair.sender, &slot) == 0);
	line_open(&line);
	CHECK(line_up(&line, &pair, receives, &receiver) == 0);
	CHECK(crew_slot_send(&slot, &number) == 0);
	UNTIL(has_ended(&line.one[0]));
	CHECK(receiver.number == 3 && stats_of(&pair).items == 0);
	/* a place that comes back is given to who waits for one */
	CHECK(crew_reserve(&pair.sender, &slot) == 0);
	CHECK(line_up(&line, &pair, sends, &sender) == 0);
	crew_slot_drop(&slot);
	CHECK(line_close(&line) == 0 && receive(&pair.receiver) == 8);
	/* nobody is there any more */
	CHECK(crew_reserve(&pair.sender, &slot) == 0);
	crew_receiver_close(&pair.receiver);
	CHECK(crew_slot_send(&slot, &number) == CREW_EBROKEN);
	CHECK(crew_reserve(&pair.sender, &slot) == CREW_EBROKEN);
	CHECK(crew_slot_send(&slot, &number) == CREW_ECLOSED);
	crew_sender_close(&pair.sender);
	CHECK(crew_reserve(&pair.sender, &slot) == CREW_ECLOSED);
	return 0;
}

static int no_slots(void *arg)
{
	struct pair pair;
	struct crew_slot slot;

	(void)arg;
	CHECK(open_pair(&pair, 0) == 0);
	CHECK(crew_reserve(&pair.sender, &slot) == CREW_EINVAL);
	close_pair(&pair);
	CHECK(open_pair(&pair, CREW_UNBOUNDED) == 0);
	CHECK(crew_reserve(&pair.sender, &slot) == CREW_EINVAL);
	close_pair(&pair);
	CHECK(open_with(&pair, 1, CREW_DROP_OLDEST) == 0);
	CHECK(crew_reserve_nowait(&pair.sender, &slot) == CREW_EINVAL);
	close_pair(&pair);
	return 0;
}

Test(channel, M9_a_reserved_place_is_used_or_comes_back)
{
	in_all_places(slots);
	in_all_places(slots_to_those_who_wait);
	in_all_places(no_slots);
}

static int overflow(void *arg)
{
	struct pair pair;
	uint64_t number, sum;

	(void)arg;
	freed_since_last(&sum);
	CHECK(open_with(&pair, 2, CREW_DROP_OLDEST) == 0);
	for (number = 1; number <= 5; number++)
		CHECK(crew_send(&pair.sender, &number) == 0);
	CHECK(freed_since_last(&sum) == 3 && sum == 1 + 2 + 3);
	CHECK(receive(&pair.receiver) == 4);
	CHECK(receive(&pair.receiver) == 5);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK && stats_of(&pair).dropped == 3);
	close_pair(&pair);
	CHECK(open_with(&pair, 2, CREW_DROP_NEWEST) == 0);
	for (number = 1; number <= 5; number++)
		CHECK(crew_send(&pair.sender, &number) == 0);
	CHECK(freed_since_last(&sum) == 3 && sum == 3 + 4 + 5);
	CHECK(receive(&pair.receiver) == 1);
	CHECK(receive(&pair.receiver) == 2);
	CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK && stats_of(&pair).dropped == 3);
	close_pair(&pair);
	/* only the latest */
	CHECK(open_with(&pair, 1, CREW_DROP_OLDEST) == 0);
	for (number = 1; number <= 5; number++)
		CHECK(crew_send(&pair.sender, &number) == 0);
	CHECK(receive(&pair.receiver) == 5);
	close_pair(&pair);
	CHECK(freed_since_last(&sum) == 4 && sum == 1 + 2 + 3 + 4);
	return 0;
}

Test(channel, M10_who_drops_never_waits)
{
	in_all_places(overflow);
}

static int statistics(void *arg)
{
	struct pair pair;
	struct crew_sender other;
	struct crew_receiver third;
	struct who who = { .receiver = &pair.receiver };
	struct crew_channel_stats now;
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 5) == 0);
	CHECK(crew_sender_clone(&other, &pair.sender) == 0);
	CHECK(crew_receiver_clone(&third, &pair.receiver) == 0);
	for (uint64_t i = 1; i <= 3; i++)
		CHECK(send(&pair.sender, i) == 0);
	CHECK(receive(&pair.receiver) == 1);
	CHECK(receive(&pair.receiver) == 2);
	now = stats_of(&pair);
	CHECK(now.items == 1 && now.peak == 3 && now.capacity == 5 && now.senders == 2 &&
	      now.receivers == 2 && now.waiting == 0 && now.slots == 0 && now.dropped == 0);
	CHECK(receive(&pair.receiver) == 3 && stats_of(&pair).peak == 3);
	line_open(&line);
	CHECK(line_up(&line, &pair, receives, &who) == 0);
	now = stats_of(&pair);
	CHECK(now.waiting == 1 && now.waiting_senders == 0);
	crew_sender_close(&other);
	CHECK(stats_of(&pair).senders == 1);
	crew_sender_close(&pair.sender);
	CHECK(line_close(&line) == 0);
	crew_receiver_close(&third);
	CHECK(stats_of(&pair).receivers == 1 && stats_of(&pair).senders == 0);
	crew_receiver_close(&pair.receiver);
	return 0;
}

Test(channel, M11_Y11_statistics)
{
	in_all_places(statistics);
}

/* ---- closing with a code, and with the last item ------------------------------------------ */

static int failures(void *arg)
{
	static const int codes[] = { 5, 1, CREW_EWOULDBLOCK, -1 };
	struct pair pair;
	struct crew_sender other;
	struct who who = { .receiver = &pair.receiver };
	uint64_t number;
	struct line line;

	(void)arg;
	for (unsigned i = 0; i < 4; i++) {
		CHECK(open_pair(&pair, i % 2 ? CREW_UNBOUNDED : 2) == 0);
		CHECK(crew_sender_clone(&other, &pair.sender) == 0);
		CHECK(send(&other, 3) == 0);
		crew_sender_fail(&pair.sender, codes[i]);
		CHECK(send(&pair.sender, 3) == CREW_ECLOSED && send(&other, 4) == 0);
		CHECK(receive(&pair.receiver) == 3);
		CHECK(receive(&pair.receiver) == 4);
		CHECK(receive(&pair.receiver) == CREW_EWOULDBLOCK);
		line_open(&line);
		CHECK(line_up(&line, &pair, receives, &who) == 0);
		crew_sender_fail(&other, 77); /* the first one counts */
		CHECK(line_close(&line) == 0 && line.one[0].rc == codes[i]);
		CHECK(crew_receive(&pair.receiver, &number) == codes[i]);
		CHECK(crew_receive_nowait(&pair.receiver, &number) == codes[i]);
		crew_receiver_close(&pair.receiver);
	}
	return 0;
}

Test(channel, receivers_hear_of_a_failure_when_nothing_is_left)
{
	in_all_places(failures);
}

static int last_items(void *arg)
{
	struct pair pair;
	struct crew_sender other;
	struct who receiver[2] = { { .receiver = &pair.receiver }, { .receiver = &pair.receiver } };
	struct who sender = { .sender = &pair.sender, .number = 8 };
	struct who same = { .sender = &pair.sender, .number = 9 };
	uint64_t number = 4;
	struct line line;

	(void)arg;
	CHECK(open_pair(&pair, 1) == 0);
	CHECK(crew_send_last(&pair.sender, &number) == 0 && send(&pair.sender, 5) == CREW_ECLOSED);
	CHECK(receive(&pair.receiver) == 4);
	CHECK(receive(&pair.receiver) == CREW_EEND);
	close_pair(&pair);
	/* to the first who waits; the other one hears that it was the last */
	CHECK(open_pair(&pair, 0) == 0);
	line_open(&line);
	CHECK(line_up(&line, &pair, receives, &receiver[0]) == 0);
	CHECK(line_up(&line, &pair, receives, &receiver[1]) == 0);
	CHECK(crew_send_last(&pair.sender, &number) == 0);
	CHECK(line_close(&line) == 0 && receiver[0].number == 4);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == CREW_EEND);
	close_pair(&pair);
	/* who waits with the same end behind it is told that it is closed */
	for (size_t capacity = 0; capacity < 2; capacity++) {
		CHECK(open_pair(&pair, capacity) == 0);
		CHECK(crew_sender_clone(&other, &pair.sender) == 0);
		CHECK(capacity == 0 || send(&other, 7) == 0);
		line_open(&line);
		CHECK(line_up(&line, &pair, sends_last, &sender) == 0);
		CHECK(line_up(&line, &pair, sends, &same) == 0);
		CHECK(receive(&pair.receiver) == (capacity ? 7 : 8));
		CHECK(line_close(&line) == 0);
		CHECK(line.one[0].rc == 0 && line.one[1].rc == CREW_ECLOSED);
		CHECK(stats_of(&pair).senders == 1);
		crew_sender_close(&other);
		CHECK(capacity == 0 || receive(&pair.receiver) == 8);
		CHECK(receive(&pair.receiver) == CREW_EEND);
		close_pair(&pair);
	}
	return 0;
}

Test(channel, the_last_item_closes_its_end)
{
	in_all_places(last_items);
}

static int bad_options(void *arg)
{
	struct pair pair;

	(void)arg;
	CHECK(crew_channel_init(&pair.channel, &pair.sender, &pair.receiver, 0, NULL) ==
	      CREW_EINVAL);
	CHECK(crew_channel_init(&pair.channel, &pair.sender, &pair.receiver, CREW_ITEM_MAX + 1,
				NULL) == CREW_EINVAL);
	CHECK(send(&pair.sender, 1) == CREW_ECLOSED && receive(&pair.receiver) == CREW_ECLOSED);
	CHECK(open_with(&pair, 0, CREW_DROP_OLDEST) == CREW_EINVAL);
	CHECK(open_with(&pair, CREW_UNBOUNDED, CREW_DROP_NEWEST) == CREW_EINVAL);
	CHECK(open_with(&pair, 1, (enum crew_overflow)3) == CREW_EINVAL);
	CHECK(open_pair(&pair, SIZE_MAX / 16) == CREW_ENOMEM);
	CHECK(open_pair(&pair, SIZE_MAX - 1) == CREW_ENOMEM);
	CHECK(send(&pair.sender, 1) == CREW_ECLOSED && receive(&pair.receiver) == CREW_ECLOSED);
	return 0;
}

Test(channel, bad_options_have_codes)
{
	in_all_places(bad_options);
}

/* ---- the circle --------------------------------------------------------------------------- */

/* Of all sizes, filled and emptied in waves that do not fit the chunks. */
static int waves(void *arg)
{
	unsigned char item[CREW_ITEM_MAX], got[CREW_ITEM_MAX];
	struct pair pair;

	(void)arg;
	for (size_t bytes = 1; bytes <= CREW_ITEM_MAX; bytes += 51) {
		unsigned sent = 0, received = 0;

		CHECK(crew_channel_init(&pair.channel, &pair.sender, &pair.receiver, bytes,
					CREW_CHANNEL(.capacity = CREW_UNBOUNDED)) == 0);
		for (unsigned wave = 1; wave < 120; wave += 7) {
			unsigned kept = wave % 5 * wave * 13;

			for (unsigned i = 0; i < wave * 37; i++) {
				memset(item, (int)(sent++ % 251), bytes);
				CHECK(crew_send_nowait(&pair.sender, item) == 0);
			}
			while (sent - received > kept) {
				CHECK(crew_receive_nowait(&pair.receiver, got) == 0);
				memset(item, (int)(received++ % 251), bytes);
				CHECK(memcmp(item, got, bytes) == 0);
			}
		}
		CHECK(stats_of(&pair).items == sent - received);
		close_pair(&pair);
	}
	return 0;
}

Test(channel, an_unbounded_one_keeps_everything_in_order)
{
	in_all_places(waves);
}

static int no_memory(void *arg)
{
	struct pair pair;
	uint64_t sent = 0, sum;
	int rc;

	(void)arg;
	crew__alloc_fail_after(1);
	CHECK(open_pair(&pair, 1) == CREW_ENOMEM && open_pair(&pair, CREW_UNBOUNDED) == 0);
	crew__alloc_fail_after(2);
	while ((rc = send(&pair.sender, sent)) == 0)
		sent++;
	crew__alloc_fail_after(0);
	CHECK(rc == CREW_ENOMEM && stats_of(&pair).items == sent);
	CHECK(send(&pair.sender, sent) == 0);
	for (uint64_t i = 0; i <= sent; i++)
		CHECK(receive(&pair.receiver) == (int64_t)i);
	freed_since_last(&sum);
	close_pair(&pair);
	return 0;
}

Test(channel, without_memory_nothing_is_lost)
{
	int rc = no_memory(NULL);

	cr_assert_eq(rc, 0, "line %d", rc);
}
