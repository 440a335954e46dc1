/* SPDX-License-Identifier: MIT */
/*
 * model/broadcast.c - broadcasts (crew/broadcast.h): whoever is subscribed receives every item
 * in order, or has counted it as missed, whoever is cancelled or leaves meanwhile.
 */
#include "model/sync.h"

#include "crew/broadcast.h"

static struct crew_broadcast broadcast;
static struct crew_subscriber one, two;
static uint64_t letter;		 /* written by who sends, read by who receives */
static struct crew_word sent;	 /* that returned 0 */
static struct crew_word started; /* numbers given to items */

static void begin_with(enum crew_overflow overflow)
{
	crew__init_word(&sent, 0);
	crew__init_word(&started, 0);
	letter = 0;
	crew__sim_check(crew_broadcast_init(&broadcast, sizeof(uint64_t),
					    CREW_BROADCAST(.overflow = overflow)) == 0,
			"bad options");
	crew_subscriber_open(&one, &broadcast, CREW_FROM_NOW);
	crew_subscriber_open(&two, &broadcast, CREW_FROM_NOW);
}

static void begin(void)
{
	begin_with(CREW_OVERFLOW_WAIT);
}

static void begin_latest(void)
{
	begin_with(CREW_DROP_OLDEST);
}

static void send_one(void)
{
	uint64_t number = crew__add_relaxed(&started, 1) + 1;
	int rc = crew_broadcast_send(&broadcast, &number);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()), "not sent");
	crew__add_relaxed(&sent, rc == 0);
}

static void send_two_and_close(void)
{
	send_one();
	send_one();
	crew_broadcast_close(&broadcast);
}

/* All there are, but for those missed. Closes the subscriber. */
static void receive_all(struct crew_subscriber *mine)
{
	uint64_t number = 0, last = 0, count = 0;
	int rc;

	while ((rc = crew_subscriber_receive(mine, &number)) == 0) {
		crew__sim_check(number > last, "out of order");
		last = number;
		count++;
	}
	crew__sim_check(rc == CREW_EEND || (rc == CREW_ECANCELED && crowd_cancelled()),
			"it ended too soon");
	count += crew_subscriber_missed(mine);
	crew__sim_check(rc != CREW_EEND || count == crew__load_relaxed(&sent), "an item is lost");
	crew_subscriber_close(mine);
}

static void all_of_one(void)
{
	receive_all(&one);
}

static void all_of_two(void)
{
	receive_all(&two);
}

static void leave_two(void)
{
	crew_subscriber_close(&two);
}

static void end(void)
{
	struct crew_broadcast_stats stats = { .size = sizeof(stats) };

	crew_broadcast_read_stats(&broadcast, &stats);
	crew__sim_check(stats.waiting == 0, "somebody is still in line");
	crew__sim_check(stats.sent == crew__load_relaxed(&sent), "an item is lost, or made");
	crew_subscriber_close(&one);
	crew_subscriber_close(&two);
	crew_broadcast_fini(&broadcast);
}

Test(broadcast, everybody_receives_everything, .timeout = 300)
{
	struct crowd crowd = { begin, { send_two_and_close, all_of_one, all_of_two }, .end = end };

	crowd_of_threads("broadcast_all", &crowd, 1);
	crowd.begin = begin_latest;
	crowd_of_threads("broadcast_latest", &crowd, 1);
	crowd_of_tasks("broadcast_tasks", &crowd, 500);
}

/* Whoever is cancelled leaves: nobody waits for it. */
Test(broadcast, the_slowest_leaves_or_is_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin, { send_two_and_close, all_of_one, leave_two }, .end = end };

	crowd_of_threads("broadcast_leaves", &crowd, 2);
	crowd.roles[2] = all_of_two;
	crowd.cancelled = 4;
	crowd_of_threads("broadcast_cancelled", &crowd, 1);
}

/* ---- several with one subscriber ------------------------------------------------------ */

static struct crew_word shared;

static void begin_shared(void)
{
	begin();
	crew__init_word(&shared, 0);
	leave_two();
}

static void receive_some(void)
{
	uint64_t number;

	while (crew_subscriber_receive(&one, &number) == 0)
		crew__add_relaxed(&shared, 1);
}

static void end_shared(void)
{
	crew__sim_check(crew__load_relaxed(&shared) == crew__load_relaxed(&sent),
			"an item was received by both, or by none");
	end();
}

Test(broadcast, of_one_subscriber_each_item_goes_to_one, .timeout = 300)
{
	struct crowd crowd = { begin_shared,
			       { send_two_and_close, receive_some, receive_some },
			       .end = end_shared };

	crowd_of_threads("broadcast_shared", &crowd, 1);
}

/* ---- handing on ------------------------------------------------------------------------ */

static void write_letter(void)
{
	letter = 1;
	send_one();
	crew_broadcast_close(&broadcast);
}

static void read_letter(void)
{
	uint64_t number;

	if (crew_subscriber_receive(&one, &number) == 0)
		crew__sim_check(letter == 1, "it goes on without its letter");
}

Test(broadcast, what_was_written_before_is_visible, .timeout = 300)
{
	struct crowd crowd = { begin_latest, { read_letter, write_letter }, .end = end };

	crowd_of_threads("broadcast_letter", &crowd, 3);
}
