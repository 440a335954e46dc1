/* SPDX-License-Identifier: MIT */
/*
 * model/select.c - one of several (crew/select.h): exactly one case is done, the item of each
 * is received once or still its sender's, and whoever is done may give everything back at
 * once. A run in which somebody is forgotten does not end.
 */
#include "model/sync.h"

#include "crew/select.h"

#include <string.h>

struct road {
	struct crew_channel channel;
	struct crew_sender sender;
	struct crew_receiver receiver;
};

static struct road a, b;
static struct crew_event event;
static uint64_t hands[16];    /* hands[i]: in how many hands item i is */
static struct crew_word next; /* the number of the next item */
static struct crew_word done; /* so many cases were done */

static void item_free(void *item)
{
	uint64_t number;

	memcpy(&number, item, sizeof(number));
	crew__sim_check(hands[number]++ == 0, "an item was received and dropped");
}

static void begin_road(struct road *road, size_t capacity)
{
	int rc = crew_channel_init(&road->channel, &road->sender, &road->receiver, sizeof(uint64_t),
				   CREW_CHANNEL(.capacity = capacity, .item_free = item_free));

	crew__sim_check(rc == 0, "bad options");
}

static void begin_with(size_t of_a, size_t of_b)
{
	memset(hands, 0, sizeof(hands));
	crew__init_word(&next, 0);
	crew__init_word(&done, 0);
	event = (struct crew_event)CREW_EVENT_INIT;
	begin_road(&a, of_a);
	begin_road(&b, of_b);
}

static void begin(void)
{
	begin_with(0, 0);
}

static void begin_mixed(void)
{
	begin_with(1, CREW_UNBOUNDED);
}

static uint64_t new_item(void)
{
	return crew__add_relaxed(&next, 1);
}

static void received(uint64_t number)
{
	crew__sim_check(hands[number]++ == 0, "an item was received twice");
}

static void kept(uint64_t number)
{
	crew__sim_check(hands[number]++ == 0, "an item was received and kept");
}

/* Which was done; what it has got or kept is counted. The memory of the cases is poisoned. */
static int choose(struct crew_case *cases, size_t count, bool waits)
{
	uint64_t give[4], got[4];
	int which;

	for (size_t i = 0; i < count; i++) {
		give[i] = cases[i].kind == CREW_CASE_SEND ? new_item() : 99;
		got[i] = 99;
		cases[i].item = cases[i].kind == CREW_CASE_SEND ? &give[i] : &got[i];
	}
	which = waits ? crew_select_one(cases, count, CREW_FAIR) :
			crew_select_nowait(cases, count, CREW_FAIR);
	for (int i = 0; i < (int)count; i++) {
		bool happened = i == which && cases[i].rc == 0;

		if (cases[i].kind == CREW_CASE_SEND && !happened)
			kept(give[i]);
		if (cases[i].kind == CREW_CASE_RECEIVE && happened)
			received(got[i]);
		else
			crew__sim_check(got[i] == 99, "a case that was not done has received");
	}
	crew__sim_check(which >= 0 || which == (waits ? CREW_ECANCELED : CREW_EWOULDBLOCK),
			"a select that fails");
	crew__sim_check(which != CREW_ECANCELED || crowd_cancelled(), "cancelled by nobody");
	if (which >= 0)
		crew__add_relaxed(&done, 1);
	memset(cases, 0xa5, count * sizeof(*cases));
	return which;
}

/* ---- roles ---------------------------------------------------------------------------- */

static void a_to_b(void)
{
	struct crew_case cases[] = { CREW_ON_SEND(&a.sender, NULL),
				     CREW_ON_RECEIVE(&b.receiver, NULL) };

	choose(cases, 2, true);
}

static void b_to_a(void)
{
	struct crew_case cases[] = { CREW_ON_SEND(&b.sender, NULL),
				     CREW_ON_RECEIVE(&a.receiver, NULL) };

	choose(cases, 2, true);
}

/* The same case twice. */
static void twice_b_to_a(void)
{
	struct crew_case cases[] = { CREW_ON_RECEIVE(&a.receiver, NULL),
				     CREW_ON_SEND(&b.sender, NULL),
				     CREW_ON_RECEIVE(&a.receiver, NULL) };

	choose(cases, 3, true);
}

static void receive_any(void)
{
	struct crew_case cases[] = { CREW_ON_RECEIVE(&a.receiver, NULL),
				     CREW_ON_RECEIVE(&b.receiver, NULL), CREW_ON_EVENT(&event) };

	choose(cases, 3, true);
}

static void try_any(void)
{
	struct crew_case cases[] = { CREW_ON_EVENT(&event), CREW_ON_RECEIVE(&a.receiver, NULL),
				     CREW_ON_SEND(&b.sender, NULL) };

	choose(cases, 3, false);
}

static void send_by(struct crew_sender *sender)
{
	uint64_t number = new_item();

	if (crew_send(sender, &number))
		kept(number);
}

static void send_a(void)
{
	send_by(&a.sender);
}

static void send_b(void)
{
	send_by(&b.sender);
}

static void receive_a(void)
{
	uint64_t number;

	if (crew_receive(&a.receiver, &number) == 0)
		received(number);
}

static void set_event(void)
{
	crew_event_set(&event);
}

static void close_b(void)
{
	crew_sender_close(&b.sender);
}

static void close_a(void)
{
	crew_receiver_close(&a.receiver);
}

static void close_roads(void)
{
	crew_sender_close(&a.sender);
	crew_sender_close(&b.sender);
	crew_receiver_close(&a.receiver);
	crew_receiver_close(&b.receiver);
}

static void end(void)
{
	struct crew_channel_stats stats[2] = { { .size = sizeof(stats[0]) },
					       { .size = sizeof(stats[0]) } };

	crew_channel_read_stats(&a.channel, &stats[0]);
	crew_channel_read_stats(&b.channel, &stats[1]);
	crew__sim_check(stats[0].waiting + stats[1].waiting == 0, "somebody is still in line");
	crew_event_fini(&event);
	close_roads();
	for (uint64_t i = 0; i < crew__load_relaxed(&next); i++)
		crew__sim_check(hands[i] == 1, "an item was lost");
}

/* Nobody was cancelled: both were done, or one is left alone. */
static void end_both(void)
{
	crew__sim_check(crew__load_relaxed(&done) == 2, "one of them was not done");
	end();
}

/* ---- two that face each other ------------------------------------------------------------ */

Test(select, face_to_face, .timeout = 300)
{
	struct crowd crowd = { begin, { a_to_b, b_to_a }, .end = end_both };

	crowd_of_threads("select_two", &crowd, 2);
	crowd.roles[1] = twice_b_to_a;
	crowd_of_threads("select_twice", &crowd, 1);
}

/* Whoever is left is cancelled. */
Test(select, face_to_face_and_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin, { a_to_b, b_to_a }, .cancelled = 3, .end = end };

	crowd_of_threads("select_cancelled", &crowd, 2);
	crowd.cancelled = 7;
	crowd.roles[2] = b_to_a;
	crowd_of_threads("select_three", &crowd, 1);
}

/* ---- with others --------------------------------------------------------------------------- */

static void begin_one_item(void)
{
	begin_with(1, 1);
}

Test(select, several_can_be_done_at_a_time, .timeout = 300)
{
	struct crowd crowd = { begin_one_item, { receive_any, send_a, send_b }, .end = end };

	crowd_of_threads("select_any", &crowd, 1);
	crowd.roles[2] = set_event;
	crowd_of_threads("select_event", &crowd, 2);
	crowd.cancelled = 1;
	crowd_of_threads("select_event_cancelled", &crowd, 1);
}

Test(select, closed_while_it_waits, .timeout = 300)
{
	struct crowd crowd = { begin_one_item, { receive_any, close_b, send_a }, .end = end };

	crowd_of_threads("select_closed", &crowd, 1);
	crowd.begin = begin;
	crowd.roles[0] = a_to_b;
	crowd.roles[2] = close_a;
	crowd_of_threads("select_both_closed", &crowd, 1);
}

Test(select, one_that_only_tries, .timeout = 300)
{
	struct crowd crowd = { begin_mixed, { try_any, set_event, receive_any }, .end = end };

	crowd_of_threads("select_tries", &crowd, 2);
	crowd.begin = begin_one_item;
	crowd.roles[1] = send_a;
	crowd.cancelled = 4;
	crowd_of_threads("select_tries_one", &crowd, 1);
}

/* In tasks the hook runs on another stack, and the memory of the cases is gone soon. */
Test(select, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin, { a_to_b, b_to_a, a_to_b, b_to_a }, .end = end };

	crowd_of_tasks("select_tasks", &crowd, 500);
	crowd.threads = 2;
	crowd_of_tasks("select_tasks_threads", &crowd, 500);
	crowd.threads = 0;
	crowd.cancelled = 15;
	crowd.roles[0] = receive_a;
	crowd.roles[1] = send_a;
	crowd_of_tasks("select_tasks_cancelled", &crowd, 500);
}

/* ---- giving it back ------------------------------------------------------------------ */

/* Whoever has seen the event gives it back, with the channels. */
static void wait_and_free(void)
{
	struct crew_case cases[] = { CREW_ON_RECEIVE(&a.receiver, NULL), CREW_ON_EVENT(&event),
				     CREW_ON_RECEIVE(&b.receiver, NULL) };

	crew__sim_check(choose(cases, 3, true) == 1, "something else was done");
	close_roads();
	memset(&a.channel, 0xa5, sizeof(a.channel));
	memset(&b.channel, 0xa5, sizeof(b.channel));
	memset(&event, 0xa5, sizeof(event));
}

/* One that has only tried is not in line: who sets the event afterwards does not look there,
 * so that whoever sees it set may give it back (T5, T6). */
static void try_wait_and_free(void)
{
	try_any();
	crew__sim_check(crew_event_wait(&event) == 0, "it could not wait");
	memset(&event, 0xa5, sizeof(event));
}

static void end_event_freed(void)
{
	crowd_check_freed(&event, sizeof(event));
	close_roads();
}

static void end_freed(void)
{
	crowd_check_freed(&a.channel, sizeof(a.channel));
	crowd_check_freed(&b.channel, sizeof(b.channel));
	crowd_check_freed(&event, sizeof(event));
}

Test(select, whoever_is_done_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin, { wait_and_free, set_event }, .end = end_freed };

	crowd_of_threads("select_freed", &crowd, 2);
	crowd_of_tasks("select_freed_tasks", &crowd, 500);
	crowd.roles[0] = try_wait_and_free;
	crowd.end = end_event_freed;
	crowd_of_threads("select_event_freed", &crowd, 2);
}
