/* SPDX-License-Identifier: MIT */
/* broadcast.c - items for everybody (crew/broadcast.h). */
#include "api/sync.h"

#include "crew/broadcast.h"
#include "crew/select.h"

#include <stdio.h>
#include <string.h>

static int open_broadcast(struct crew_broadcast *broadcast, size_t capacity,
			  enum crew_overflow overflow)
{
	return crew_broadcast_init(broadcast, sizeof(uint64_t),
				   CREW_BROADCAST(.capacity = capacity, .overflow = overflow));
}

STATS_OF(broadcast)

static int send(struct crew_broadcast *broadcast, uint64_t number)
{
	return crew_broadcast_send_nowait(broadcast, &number);
}

/* The next item, or a code. */
static int64_t receive(struct crew_subscriber *subscriber)
{
	uint64_t number;
	int rc = crew_subscriber_receive_nowait(subscriber, &number);

	return rc ? rc : (int64_t)number;
}

struct who {
	struct crew_broadcast *broadcast;
	struct crew_subscriber *subscriber;
	uint64_t number;
};

static int sends(void *arg)
{
	struct who *who = (struct who *)arg;

	return crew_broadcast_send(who->broadcast, &who->number);
}

static int receives(void *arg)
{
	struct who *who = (struct who *)arg;

	return crew_subscriber_receive(who->subscriber, &who->number);
}

static int line_up(struct line *line, crew_task_fn *fn, struct who *who)
{
	uint64_t before = stats_of(who->broadcast).waiting;

	line_add(line, fn, who);
	UNTIL(stats_of(who->broadcast).waiting == before + 1);
	return 0;
}

static int everybody(void *arg)
{
	struct crew_broadcast broadcast;
	struct crew_subscriber one, two, late;
	struct who who[3];
	struct line line;

	(void)arg;
	CHECK(open_broadcast(&broadcast, 4, CREW_OVERFLOW_WAIT) == 0);
	CHECK(send(&broadcast, 1) == 0); /* nobody is there */
	crew_subscriber_open(&one, &broadcast, CREW_FROM_NOW);
	crew_subscriber_open(&two, &broadcast, CREW_FROM_KEPT);
	CHECK(receive(&one) == CREW_EWOULDBLOCK);
	CHECK(receive(&two) == 1);
	line_open(&line);
	who[0] = (struct who){ &broadcast, &one, 0 };
	who[1] = (struct who){ &broadcast, &two, 0 };
	who[2] = (struct who){ &broadcast, &two, 0 };
	for (unsigned i = 0; i < 3; i++)
		CHECK(line_up(&line, receives, &who[i]) == 0);
	CHECK(send(&broadcast, 2) == 0);
	UNTIL(ended_of(&line) == 2);
	CHECK(who[0].number == 2 && who[1].number == 2);
	CHECK(!has_ended(&line.one[2])); /* of one subscriber each item goes to one */
	CHECK(send(&broadcast, 3) == 0);
	CHECK(line_close(&line) == 0 && who[2].number == 3);
	CHECK(receive(&one) == 3);
	crew_subscriber_open(&late, &broadcast, CREW_FROM_NOW);
	CHECK(stats_of(&broadcast).subscribers == 3 && stats_of(&broadcast).sent == 3);
	CHECK(send(&broadcast, 4) == 0);
	crew_broadcast_close(&broadcast);
	CHECK(send(&broadcast, 5) == CREW_ECLOSED);
	CHECK(receive(&late) == 4);
	CHECK(receive(&late) == CREW_EEND);
	CHECK(receive(&one) == 4);
	crew_subscriber_close(&one);
	CHECK(receive(&one) == CREW_ECLOSED);
	crew_subscriber_close(&one);
	crew_subscriber_close(&two);
	crew_subscriber_close(&late);
	CHECK(stats_of(&broadcast).subscribers == 0);
	crew_broadcast_fini(&broadcast);
	return 0;
}

Test(broadcast, everybody_receives_everything_in_order)
{
	in_all_places(everybody);
}

static int slow(void *arg)
{
	struct crew_broadcast broadcast;
	struct crew_subscriber fast, behind;
	struct who who[3];
	struct line line;

	(void)arg;
	CHECK(open_broadcast(&broadcast, 2, CREW_OVERFLOW_WAIT) == 0);
	crew_subscriber_open(&fast, &broadcast, CREW_FROM_NOW);
	crew_subscriber_open(&behind, &broadcast, CREW_FROM_NOW);
	CHECK(send(&broadcast, 1) == 0 && send(&broadcast, 2) == 0);
	CHECK(receive(&fast) == 1);
	CHECK(send(&broadcast, 3) == CREW_EWOULDBLOCK);
	line_open(&line);
	for (unsigned i = 0; i < 3; i++) {
		who[i] = (struct who){ &broadcast, NULL, 3 + i };
		CHECK(line_up(&line, sends, &who[i]) == 0);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(stats_of(&broadcast).waiting_senders == 2);
	CHECK(receive(&behind) == 1);
	UNTIL(has_ended(&line.one[1]));
	CHECK(receive(&fast) == 2 && !has_ended(&line.one[2]));
	CHECK(receive(&fast) == 4);
	crew_subscriber_close(&behind); /* nobody waits for that one any more */
	UNTIL(has_ended(&line.one[2]));
	CHECK(receive(&fast) == 5);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && !line.one[1].rc && !line.one[2].rc);
	crew_subscriber_close(&fast);
	crew_broadcast_fini(&broadcast);
	return 0;
}

Test(broadcast, M5_M7_senders_wait_for_the_slowest)
{
	in_all_places(slow);
}

static int missed(void *arg)
{
	struct crew_broadcast broadcast;
	struct crew_subscriber one;
	uint64_t number = 0;

	(void)arg;
	CHECK(open_broadcast(&broadcast, 2, CREW_DROP_OLDEST) == 0);
	crew_subscriber_open(&one, &broadcast, CREW_FROM_NOW);
	for (number = 1; number <= 5; number++)
		CHECK(crew_broadcast_send(&broadcast, &number) == 0);
	CHECK(crew_subscriber_missed(&one) == 0);
	CHECK(receive(&one) == 4 && crew_subscriber_missed(&one) == 3);
	CHECK(receive(&one) == 5);
	CHECK(receive(&one) == CREW_EWOULDBLOCK);
	CHECK(send(&broadcast, 6) == 0 && receive(&one) == 6);
	CHECK(crew_subscriber_missed(&one) == 3);
	crew_subscriber_close(&one);
	crew_broadcast_fini(&broadcast);
	return 0;
}

Test(broadcast, M10_who_is_too_slow_sees_how_much_it_has_missed)
{
	in_all_places(missed);
}

/* One value that changes. */
static int watch(void *arg)
{
	struct crew_broadcast value;
	struct crew_subscriber one;
	uint64_t number = 0;

	(void)arg;
	CHECK(open_broadcast(&value, 0, CREW_DROP_OLDEST) == 0);
	CHECK(crew_broadcast_read_latest(&value, &number) == CREW_EEMPTY);
	CHECK(send(&value, 7) == 0 && send(&value, 8) == 0);
	crew_subscriber_open(&one, &value, CREW_FROM_KEPT);
	CHECK(receive(&one) == 8);
	CHECK(receive(&one) == CREW_EWOULDBLOCK);
	CHECK(send(&value, 9) == 0 && crew_broadcast_read_latest(&value, &number) == 0);
	CHECK(number == 9 && receive(&one) == 9);
	crew_subscriber_close(&one);
	crew_broadcast_fini(&value);
	return 0;
}

Test(broadcast, one_value_is_read_and_waited_for)
{
	in_all_places(watch);
}

static int told(void *arg)
{
	struct crew_broadcast broadcast;
	struct crew_subscriber one, two;
	struct who who[4];
	struct line line;

	(void)arg;
	CHECK(open_broadcast(&broadcast, 1, CREW_OVERFLOW_WAIT) == 0);
	crew_subscriber_open(&one, &broadcast, CREW_FROM_NOW);
	crew_subscriber_open(&two, &broadcast, CREW_FROM_NOW);
	line_open(&line);
	for (unsigned i = 0; i < 3; i++) {
		who[i] = (struct who){ &broadcast, i ? &two : &one, 0 };
		CHECK(line_up(&line, receives, &who[i]) == 0);
	}
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(stats_of(&broadcast).waiting == 2);
	crew_subscriber_close(&two);
	UNTIL(ended_of(&line) == 2);
	CHECK(send(&broadcast, 4) == 0);
	UNTIL(ended_of(&line) == 3);
	CHECK(line.one[0].rc == 0 && who[0].number == 4);
	CHECK(line.one[1].rc == CREW_ECANCELED && line.one[2].rc == CREW_ECLOSED);
	CHECK(line_close(&line) == 0);
	crew_subscriber_open(&two, &broadcast, CREW_FROM_NOW);
	CHECK(send(&broadcast, 5) == 0);
	line_open(&line);
	who[3] = (struct who){ &broadcast, &two, 6 };
	CHECK(line_up(&line, sends, &who[3]) == 0);
	CHECK(receive(&one) == 5); /* it waits for the other one */
	CHECK(line_up(&line, receives, &who[0]) == 0);
	crew_broadcast_close(&broadcast);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECLOSED && line.one[1].rc == CREW_EEND);
	crew_subscriber_close(&one);
	crew_subscriber_close(&two);
	crew_broadcast_fini(&broadcast);
	return 0;
}

Test(broadcast, M1_M2_M6_closing_tells_those_who_wait)
{
	in_all_places(told);
}

static int selected(void *arg)
{
	struct crew_broadcast first, second;
	struct crew_subscriber one, two;
	uint64_t number = 0;
	struct crew_case cases[] = { CREW_ON_SUBSCRIBER(&one, &number),
				     CREW_ON_SUBSCRIBER(&two, &number) };

	(void)arg;
	CHECK(open_broadcast(&first, 1, CREW_DROP_OLDEST) == 0);
	CHECK(open_broadcast(&second, 1, CREW_DROP_OLDEST) == 0);
	crew_subscriber_open(&one, &first, CREW_FROM_NOW);
	crew_subscriber_open(&two, &second, CREW_FROM_NOW);
	CHECK(crew_select_nowait(cases, 2, CREW_FAIR) == CREW_EWOULDBLOCK);
	CHECK(send(&second, 5) == 0);
	CHECK(crew_select_one(cases, 2, CREW_FAIR) == 1 && number == 5);
	crew_broadcast_close(&first);
	CHECK(crew_select_one(cases, 2, CREW_FAIR) == 0 && cases[0].rc == CREW_EEND);
	crew_subscriber_close(&one);
	CHECK(crew_select_one(cases, 2, CREW_FAIR) == 0 && cases[0].rc == CREW_ECLOSED);
	crew_subscriber_close(&two);
	crew_broadcast_fini(&first);
	crew_broadcast_fini(&second);
	return 0;
}

Test(broadcast, M12_is_a_case_of_a_select)
{
	in_all_places(selected);
}

static int refused(void *arg)
{
	struct crew_broadcast broadcast;
	struct crew_subscriber one;
	struct crew_scope scope;
	uint64_t number = 1;

	(void)arg;
	CHECK(crew_broadcast_init(&broadcast, 0, NULL) == CREW_EINVAL);
	CHECK(open_broadcast(&broadcast, 1, CREW_DROP_NEWEST) == CREW_EINVAL);
	CHECK(open_broadcast(&broadcast, SIZE_MAX / 8, CREW_OVERFLOW_WAIT) == CREW_ENOMEM);
	CHECK(send(&broadcast, 1) == CREW_ECLOSED);
	CHECK(crew_broadcast_init(&broadcast, sizeof(number), NULL) == 0);
	crew_subscriber_open(&one, &broadcast, CREW_FROM_NOW);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_broadcast_send(&broadcast, &number) == CREW_ECANCELED);
	CHECK(receive(&one) == CREW_EWOULDBLOCK && send(&broadcast, 3) == 0);
	CHECK(crew_subscriber_receive(&one, &number) == CREW_ECANCELED);
	CHECK(receive(&one) == 3);
	crew_scope_close(&scope, 0);
	crew_subscriber_close(&one);
	crew_broadcast_fini(&broadcast);
	return 0;
}

Test(broadcast, B13_B14_bad_options_and_cancelled_callers)
{
	in_all_places(refused);
}

/* ---- all at once ----------------------------------------------------------------- */

#define EACH 500

struct traffic {
	struct crew_broadcast broadcast;
	struct crew_subscriber subscribers[LINE_MAX];
	struct crew_word sent;
	struct crew_word numbers;
};

static int send_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	int rc = 0;

	for (unsigned i = 0; i < EACH && rc == 0; i++) {
		uint64_t one = 1;

		rc = crew_broadcast_send(&traffic->broadcast, &one);
	}
	if (crew__add_acq_rel(&traffic->sent, 1) == 1)
		crew_broadcast_close(&traffic->broadcast);
	return rc;
}

static int receive_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	struct crew_subscriber *mine =
		&traffic->subscribers[crew__add_relaxed(&traffic->numbers, 1)];
	uint64_t one, sum = 0;
	int rc;

	while ((rc = crew_subscriber_receive(mine, &one)) == 0)
		sum += one;
	sum += crew_subscriber_missed(mine);
	crew_subscriber_close(mine);
	return rc == CREW_EEND ? (int)sum : rc;
}

static int heavy_traffic(size_t capacity, enum crew_overflow overflow)
{
	static struct traffic traffic;
	struct line line;

	memset(&traffic, 0, sizeof(traffic));
	CHECK(open_broadcast(&traffic.broadcast, capacity, overflow) == 0);
	for (unsigned i = 0; i < LINE_MAX; i++)
		crew_subscriber_open(&traffic.subscribers[i], &traffic.broadcast, CREW_FROM_NOW);
	crew_subscriber_close(&traffic.subscribers[LINE_MAX - 1]);
	crew_subscriber_close(&traffic.subscribers[LINE_MAX - 2]);
	line_open(&line);
	for (unsigned i = 2; i < LINE_MAX; i++)
		line_add(&line, receive_often, &traffic);
	line_add(&line, send_often, &traffic);
	line_add(&line, send_often, &traffic);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < LINE_MAX - 2; i++)
		CHECK(line.one[i].rc == 2 * EACH);
	crew_broadcast_fini(&traffic.broadcast);
	return 0;
}

static int all_traffic(void *arg)
{
	int rc = heavy_traffic(1, CREW_OVERFLOW_WAIT);

	(void)arg;
	if (rc == 0)
		rc = heavy_traffic(3, CREW_OVERFLOW_WAIT);
	return rc ? rc : heavy_traffic(3, CREW_DROP_OLDEST);
}

Test(broadcast, many_receive_everything_or_know_what_they_missed)
{
	in_all_places(all_traffic);
}

static int is_dumped(void *arg)
{
	struct crew_broadcast broadcast;
	struct crew_subscriber one;
	struct who who = { &broadcast, &one, 0 };
	char text[16384] = "";
	FILE *file = fmemopen(text, sizeof(text) - 1, "w");
	struct line line;

	(void)arg;
	CHECK(file && open_broadcast(&broadcast, 1, CREW_OVERFLOW_WAIT) == 0);
	crew_subscriber_open(&one, &broadcast, CREW_FROM_NOW);
	line_open(&line);
	CHECK(line_up(&line, receives, &who) == 0);
	CHECK(crew_dump(test_crew, file) == 0);
	fclose(file);
	CHECK(strstr(text, "broadcast, to receive"));
	crew_broadcast_close(&broadcast);
	CHECK(line_close(&line) == 0 && line.one[0].rc == CREW_EEND);
	crew_subscriber_close(&one);
	crew_broadcast_fini(&broadcast);
	return 0;
}

Test(broadcast, a_dump_says_what_is_waited_for)
{
	in_all_places(is_dumped);
}
