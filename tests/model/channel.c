/* SPDX-License-Identifier: MIT */
/*
 * model/channel.c - channels (crew/channel.h): every item is received once, dropped once, or
 * still its sender's, whoever is cancelled or closes meanwhile, in every interleaving within
 * a bound. A run in which somebody is forgotten does not end.
 */
#include "model/sync.h"

#include "crew/channel.h"

#include <string.h>

static struct crew_channel channel;
static struct crew_sender sender, other_sender;
static struct crew_receiver receiver, other_receiver;
static struct crew_slot slot;
static uint64_t letter;	      /* written by who sends, read by who receives */
static uint64_t hands[8];     /* hands[i]: in how many hands item i is */
static struct crew_word next; /* the number of the next item */

static void item_free(void *item)
{
	uint64_t number;

	memcpy(&number, item, sizeof(number));
	crew__sim_check(hands[number]++ == 0, "an item was received and dropped");
}

static void begin_with(size_t capacity, enum crew_overflow overflow)
{
	memset(hands, 0, sizeof(hands));
	crew__init_word(&next, 0);
	letter = 0;
	crew__sim_check(crew_channel_init(&channel, &sender, &receiver, sizeof(uint64_t),
					  CREW_CHANNEL(.capacity = capacity, .overflow = overflow,
						       .item_free = item_free)) == 0,
			"bad options");
	crew_sender_clone(&other_sender, &sender);
	crew_receiver_clone(&other_receiver, &receiver);
}

static void begin_rendezvous(void)
{
	begin_with(0, CREW_OVERFLOW_WAIT);
}

static void begin_one(void)
{
	begin_with(1, CREW_OVERFLOW_WAIT);
}

static void begin_unbounded(void)
{
	begin_with(CREW_UNBOUNDED, CREW_OVERFLOW_WAIT);
}

static void begin_latest(void)
{
	begin_with(1, CREW_DROP_OLDEST);
}

/* One end of each kind is all there is. */
static void close_others(void)
{
	crew_sender_close(&other_sender);
	crew_receiver_close(&other_receiver);
}

static void begin_pair(void)
{
	begin_rendezvous();
	close_others();
}

static void begin_pair_of_one(void)
{
	begin_one();
	close_others();
}

/* ---- roles ------------------------------------------------------------------------- */

static bool send_by(struct crew_sender *by)
{
	uint64_t number = crew__add_relaxed(&next, 1);
	int rc = crew_send(by, &number);

	if (rc)
		crew__sim_check(hands[number]++ == 0, "an item was received and kept");
	if (rc == CREW_ECANCELED)
		crew__sim_check(crowd_cancelled(), "cancelled by nobody");
	return rc == 0;
}

static int receive_by(struct crew_receiver *by)
{
	uint64_t number = 99;
	int rc = crew_receive(by, &number);

	if (rc == 0)
		crew__sim_check(hands[number]++ == 0, "an item was received twice");
	else
		crew__sim_check(number == 99, "it has received, and failed");
	if (rc == CREW_ECANCELED)
		crew__sim_check(crowd_cancelled(), "cancelled by nobody");
	return rc;
}

static void send_one(void)
{
	send_by(&sender);
}

static void send_two(void)
{
	if (send_by(&sender))
		send_by(&sender);
}

static void send_and_close(void)
{
	send_by(&sender);
	crew_sender_close(&sender);
}

static void send_two_and_close(void)
{
	send_two();
	crew_sender_close(&sender);
}

static void other_sends_and_closes(void)
{
	send_by(&other_sender);
	crew_sender_close(&other_sender);
}

static void receive_one(void)
{
	receive_by(&receiver);
}

static void other_receives_one(void)
{
	receive_by(&other_receiver);
}

static void receive_all(void)
{
	while (receive_by(&receiver) == 0)
		;
}

static void receive_and_close(void)
{
	receive_by(&receiver);
	crew_receiver_close(&receiver);
}

static void close_sender(void)
{
	crew_sender_close(&sender);
}

static void close_receiver(void)
{
	crew_receiver_close(&receiver);
}

static void try_both(void)
{
	uint64_t number = crew__add_relaxed(&next, 1);

	if (crew_send_nowait(&sender, &number))
		crew__sim_check(hands[number]++ == 0, "an item was received and kept");
	if (crew_receive_nowait(&receiver, &number) == 0)
		crew__sim_check(hands[number]++ == 0, "an item was received twice");
}

static void reserve_and_send(void)
{
	uint64_t number = crew__add_relaxed(&next, 1);
	int rc = crew_reserve(&sender, &slot);

	if (rc == 0)
		rc = crew_slot_send(&slot, &number);
	if (rc)
		crew__sim_check(hands[number]++ == 0, "an item was received and kept");
}

static void reserve_and_drop(void)
{
	if (crew_reserve(&sender, &slot) == 0)
		crew_slot_drop(&slot);
}

static void reserve_another_and_drop(void)
{
	struct crew_slot another;

	if (crew_reserve(&sender, &another) == 0)
		crew_slot_drop(&another);
}

static void end(void)
{
	struct crew_channel_stats stats = { .size = sizeof(stats) };

	crew_channel_read_stats(&channel, &stats);
	crew__sim_check(stats.waiting == 0 && stats.slots == 0, "somebody is still in line");
	crew_sender_close(&sender);
	crew_sender_close(&other_sender);
	crew_receiver_close(&receiver);
	crew_receiver_close(&other_receiver);
	for (uint64_t i = 0; i < crew__load_relaxed(&next); i++)
		crew__sim_check(hands[i] == 1, "an item was lost");
	crew_channel_read_stats(&channel, &stats);
	crew__sim_check(stats.senders == 0 && stats.receivers == 0 && stats.items == 0,
			"something is left");
}

/* Somebody has received until the end: nothing is left. */
static void end_empty(void)
{
	struct crew_channel_stats stats = { .size = sizeof(stats) };

	crew_channel_read_stats(&channel, &stats);
	crew__sim_check(stats.items == 0, "it ended too soon");
	end();
}

/* ---- cancelled ---------------------------------------------------------------------- */

Test(channel, sent_and_cancelled_at_once, .timeout = 300)
{
	struct crowd both = { begin_pair, { receive_one, send_one }, .cancelled = 3, .end = end };
	struct crowd crowd = { begin_pair,
			       { receive_one, send_two_and_close, receive_all },
			       .cancelled = 1,
			       .end = end };

	crowd_of_threads("channel_both", &both, 3);
	crowd_of_threads("channel_receivers", &crowd, 1);
	crowd.begin = begin_pair_of_one;
	crowd_of_threads("channel_receivers_one", &crowd, 1);
}

Test(channel, received_and_cancelled_at_once, .timeout = 300)
{
	struct crowd crowd = {
		begin_pair, { send_one, receive_and_close, send_one }, .cancelled = 1, .end = end
	};

	crowd_of_threads("channel_senders", &crowd, 1);
	crowd.begin = begin_pair_of_one;
	crowd.roles[0] = send_two;
	crowd_of_threads("channel_senders_one", &crowd, 1);
}

Test(channel, a_place_is_given_to_who_waits, .timeout = 300)
{
	struct crowd crowd = { begin_pair_of_one, { send_two, receive_one }, .end = end };

	crowd_of_threads("channel_place", &crowd, 2);
	crowd.roles[0] = reserve_and_drop;
	crowd.roles[1] = reserve_another_and_drop;
	crowd_of_threads("channel_place_back", &crowd, 2);
}

/* ---- closed -------------------------------------------------------------------------- */

Test(channel, closed_while_others_wait, .timeout = 300)
{
	struct crowd crowd = { begin_pair, { send_one, receive_one, close_sender }, .end = end };

	crowd_of_threads("channel_close_sender", &crowd, 2);
	crowd.roles[2] = close_receiver;
	crowd_of_threads("channel_close_receiver", &crowd, 2);
	crowd.begin = begin_pair_of_one;
	crowd.roles[0] = send_two;
	crowd_of_threads("channel_close_receiver_one", &crowd, 2);
	crowd.begin = begin_unbounded;
	crowd_of_threads("channel_close_unbounded", &crowd, 1);
}

/* Others have ends that are open. */
Test(channel, who_waits_with_an_end_that_is_closed_is_told, .timeout = 300)
{
	struct crowd crowd = { begin_rendezvous, { send_one, close_sender }, .end = end };

	crowd_of_threads("channel_own_sender", &crowd, 3);
	crowd.roles[0] = receive_one;
	crowd.roles[1] = close_receiver;
	crowd_of_threads("channel_own_receiver", &crowd, 3);
	crowd.roles[0] = close_receiver;
	crowd_of_threads("channel_receiver_twice", &crowd, 3);
	crowd.roles[0] = crowd.roles[1] = close_sender;
	crowd_of_threads("channel_sender_twice", &crowd, 3);
}

Test(channel, the_last_sender_ends_it, .timeout = 300)
{
	struct crowd crowd = { begin_rendezvous,
			       { send_and_close, other_sends_and_closes, receive_all },
			       .end = end_empty };

	crowd_of_threads("channel_ends", &crowd, 1);
	crowd.begin = begin_one;
	crowd_of_threads("channel_ends_one", &crowd, 1);
	crowd.begin = begin_unbounded;
	crowd_of_threads("channel_ends_unbounded", &crowd, 1);
	crowd.begin = begin_latest;
	crowd_of_threads("channel_ends_latest", &crowd, 1);
}

/* ---- slots --------------------------------------------------------------------------- */

Test(channel, a_reserved_place_is_used_or_comes_back, .timeout = 300)
{
	struct crowd crowd = { begin_pair_of_one,
			       { reserve_and_send, send_and_close, receive_all },
			       .end = end_empty };

	crowd_of_threads("channel_slot", &crowd, 1);
	crowd.roles[0] = reserve_and_drop;
	crowd_of_threads("channel_slot_drop", &crowd, 1);
	crowd.cancelled = 1;
	crowd_of_threads("channel_slot_cancelled", &crowd, 1);
	crowd.roles[2] = receive_and_close;
	crowd.cancelled = 0;
	crowd.end = end;
	crowd_of_threads("channel_slot_broken", &crowd, 1);
}

/* ---- all ------------------------------------------------------------------------------- */

Test(channel, who_tries_overtakes_nobody, .timeout = 300)
{
	struct crowd crowd = {
		begin_one, { try_both, send_one, receive_one }, .cancelled = 6, .end = end
	};

	crowd_of_threads("channel_try", &crowd, 1);
}

Test(channel, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin_rendezvous,
			       { send_two_and_close, other_sends_and_closes, receive_all,
				 other_receives_one },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("channel_tasks", &crowd, 700);
	crowd.begin = begin_one;
	crowd_of_tasks("channel_tasks_one", &crowd, 700);
}

/* ---- handing on ----------------------------------------------------------------------- */

static void write_letter(void)
{
	letter = 1;
	send_by(&sender);
}

static void read_letter(void)
{
	receive_by(&receiver);
	crew__sim_check(letter == 1, "it goes on without its letter");
}

Test(channel, what_was_written_before_is_visible, .timeout = 300)
{
	struct crowd crowd = { begin_pair, { read_letter, write_letter }, .end = end };

	crowd_of_threads("channel_letter", &crowd, 2);
	crowd.begin = begin_pair_of_one;
	crowd_of_threads("channel_letter_one", &crowd, 2);
}

/* One answer; whoever has got it gives the channel back. */
static void answer(void)
{
	uint64_t number = crew__add_relaxed(&next, 1);

	crew__sim_check(crew_send_last(&sender, &number) == 0, "it could not answer");
}

static void ask_and_free(void)
{
	receive_by(&receiver);
	crew_receiver_close(&receiver);
	memset(&channel, 0xa5, sizeof(channel));
}

/* Whoever is told that there is nothing more does the same. */
static void receive_all_and_free(void)
{
	receive_all();
	crew_receiver_close(&receiver);
	memset(&channel, 0xa5, sizeof(channel));
}

static void end_freed(void)
{
	crowd_check_freed(&channel, sizeof(channel));
}

Test(channel, the_last_one_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_pair, { ask_and_free, answer }, .end = end_freed };

	crowd_of_threads("channel_answer", &crowd, 2);
	crowd.begin = begin_pair_of_one;
	crowd_of_threads("channel_answer_one", &crowd, 2);
	crowd.roles[0] = receive_all_and_free;
	crowd_of_threads("channel_last_one", &crowd, 2);
	crowd.roles[1] = send_and_close;
	crowd_of_threads("channel_freed_one", &crowd, 2);
	crowd.begin = begin_pair;
	crowd_of_threads("channel_freed", &crowd, 2);
}
