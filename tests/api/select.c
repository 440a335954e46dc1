/* SPDX-License-Identifier: MIT */
/* select.c - one of several (crew/select.h). */
#include "api/channel.h"

#include "crew/select.h"

#include <stdio.h>

/* ---- a select that waits -------------------------------------------------------------- */

struct choice {
	struct crew_case cases[4];
	size_t count;
	uint64_t numbers[4];
};

static int selects(void *arg)
{
	struct choice *choice = (struct choice *)arg;

	return crew_select_one(choice->cases, choice->count, CREW_IN_ORDER);
}

/* All that a test may need. */
struct scene {
	struct pair a, b;
	struct crew_event event;
	struct choice choice;
	struct line line;
};

static int open_scene(struct scene *scene, size_t capacity)
{
	memset(scene, 0, sizeof(*scene));
	line_open(&scene->line);
	return open_pair(&scene->a, capacity) || open_pair(&scene->b, capacity);
}

static int close_scene(struct scene *scene)
{
	close_pair(&scene->a);
	close_pair(&scene->b);
	crew_event_fini(&scene->event);
	return line_close(&scene->line);
}

/* To receive from both, or the event. */
static void set_cases(struct scene *scene)
{
	struct choice *choice = &scene->choice;
	struct crew_case cases[] = { CREW_ON_RECEIVE(&scene->a.receiver, &choice->numbers[0]),
				     CREW_ON_RECEIVE(&scene->b.receiver, &choice->numbers[1]),
				     CREW_ON_EVENT(&scene->event) };

	memcpy(choice->cases, cases, sizeof(cases));
	choice->count = 3;
}

static uint64_t event_waiting(const struct crew_event *event)
{
	struct crew_event_stats stats = { .size = sizeof(stats) };

	crew_event_read_stats(event, &stats);
	return stats.waiting;
}

static uint64_t waiting_in(const struct scene *scene)
{
	return stats_of(&scene->a).waiting + stats_of(&scene->b).waiting +
	       event_waiting(&scene->event);
}

/* It waits in all that it names. */
static int begin_select(struct scene *scene, uint64_t places, bool thread)
{
	line_add_as(&scene->line, selects, &scene->choice, thread);
	UNTIL(waiting_in(scene) == places);
	return 0;
}

/* ---- at once ------------------------------------------------------------------------------ */

static int at_once(void *arg)
{
	struct scene scene = { .choice = { .count = 0 } };
	struct crew_case *cases = scene.choice.cases;

	(void)arg;
	CHECK(open_scene(&scene, 2) == 0);
	set_cases(&scene);
	CHECK(crew_select_nowait(cases, 3, CREW_IN_ORDER) == CREW_EWOULDBLOCK);
	CHECK(crew_select_nowait(cases, 3, CREW_FAIR) == CREW_EWOULDBLOCK);
	CHECK(waiting_in(&scene) == 0);
	CHECK(send(&scene.b.sender, 5) == 0);
	CHECK(crew_select_one(cases, 3, CREW_FAIR) == 1);
	CHECK(cases[1].rc == 0 && scene.choice.numbers[1] == 5);
	crew_event_set(&scene.event);
	CHECK(crew_select_one(cases, 3, CREW_IN_ORDER) == 2 && cases[2].rc == 0);
	/* the first that can be done; the others are as they were */
	CHECK(send(&scene.a.sender, 6) == 0 && send(&scene.b.sender, 7) == 0);
	CHECK(crew_select_one(cases, 3, CREW_IN_ORDER) == 0 && scene.choice.numbers[0] == 6);
	CHECK(stats_of(&scene.b).items == 1 && stats_of(&scene.a).items == 0);
	CHECK(crew_select_nowait(cases, 3, CREW_IN_ORDER) == 1 && scene.choice.numbers[1] == 7);
	/* one that is off is not looked at */
	cases[2].kind = CREW_CASE_OFF;
	CHECK(crew_select_nowait(cases, 3, CREW_IN_ORDER) == CREW_EWOULDBLOCK);
	cases[0] = (struct crew_case)CREW_ON_SEND(&scene.a.sender, &scene.choice.numbers[1]);
	CHECK(crew_select_one(cases, 3, CREW_IN_ORDER) == 0 && receive(&scene.a.receiver) == 7);
	/* nothing but what can never be done */
	CHECK(crew_select_nowait(cases, 0, CREW_FAIR) == CREW_EWOULDBLOCK);
	cases[1].kind = (enum crew_case_kind)9;
	CHECK(crew_select_one(cases, 3, CREW_FAIR) == CREW_EINVAL);
	CHECK(crew_select_nowait(cases, 3, CREW_FAIR) == CREW_EINVAL);
	CHECK(crew_select_one(cases, 1, (enum crew_select_order)2) == CREW_EINVAL);
	return close_scene(&scene);
}

Test(select, M12_one_case_is_done_and_the_others_are_not)
{
	in_all_places(at_once);
}

static int fails(void *arg)
{
	struct scene scene = { .choice = { .count = 0 } };
	struct crew_case *cases = scene.choice.cases;

	(void)arg;
	CHECK(open_scene(&scene, 1) == 0);
	set_cases(&scene);
	crew_sender_fail(&scene.b.sender, 12);
	CHECK(crew_select_one(cases, 3, CREW_IN_ORDER) == 1 && cases[1].rc == 12);
	crew_receiver_close(&scene.b.receiver);
	CHECK(crew_select_one(cases, 3, CREW_FAIR) == 1 && cases[1].rc == CREW_ECLOSED);
	CHECK(send(&scene.a.sender, 3) == 0);
	CHECK(crew_select_nowait(cases, 3, CREW_IN_ORDER) == 0 && cases[0].rc == 0);
	CHECK(crew_select_nowait(cases, 3, CREW_IN_ORDER) == 1 && cases[1].rc == CREW_ECLOSED);
	crew_receiver_close(&scene.a.receiver);
	cases[0] = (struct crew_case)CREW_ON_SEND(&scene.a.sender, &scene.choice.numbers[1]);
	CHECK(crew_select_one(cases, 1, CREW_IN_ORDER) == 0 && cases[0].rc == CREW_EBROKEN);
	return close_scene(&scene);
}

Test(select, M12_a_case_that_fails_is_done)
{
	in_all_places(fails);
}

static int even_chances(void *arg)
{
	struct scene scene;
	unsigned chosen[3] = { 0, 0, 0 };

	(void)arg;
	CHECK(open_scene(&scene, 1) == 0);
	set_cases(&scene);
	crew_event_set(&scene.event);
	CHECK(send(&scene.b.sender, 1) == 0);
	for (unsigned i = 0; i < 10000; i++) {
		int which = crew_select_one(scene.choice.cases, 3, CREW_FAIR);

		CHECK(which == 1 || which == 2);
		chosen[which]++;
		if (which == 1)
			CHECK(send(&scene.b.sender, 1) == 0);
	}
	CHECK(chosen[1] > 4500 && chosen[2] > 4500); /* ten deviations */
	for (unsigned i = 0; i < 100; i++) {
		CHECK(crew_select_one(scene.choice.cases, 3, CREW_IN_ORDER) == 1);
		CHECK(send(&scene.b.sender, 1) == 0);
	}
	return close_scene(&scene);
}

Test(select, M12_in_order_or_with_even_chances)
{
	in_all_places(even_chances);
}

/* ---- waiting ---------------------------------------------------------------------------- */

/* One by one each of the cases ends it. */
static int is_woken(void *arg)
{
	static const int chosen[] = { 0, 1, 2, 0, 1 };
	static const int codes[] = { 0, 0, 0, CREW_EEND, CREW_ECLOSED };
	struct scene scene = { .choice = { .count = 0 } };
	uint64_t number = 8;

	(void)arg;
	for (unsigned how = 0; how < 10; how++) {
		const struct one *one = &scene.line.one[0];

		CHECK(open_scene(&scene, how % 2) == 0);
		set_cases(&scene);
		CHECK(begin_select(&scene, 3, how >= 5) == 0);
		switch (how % 5) {
		case 0:
			CHECK(send(&scene.a.sender, 4) == 0);
			break;
		case 1:
			CHECK(crew_send(&scene.b.sender, &number) == 0);
			break;
		case 2:
			crew_event_set(&scene.event);
			break;
		case 3:
			crew_sender_close(&scene.a.sender);
			break;
		case 4:
			crew_receiver_close(&scene.b.receiver);
			break;
		}
		UNTIL(has_ended(&scene.line.one[0]));
		CHECK(waiting_in(&scene) == 0); /* the losers are out */
		CHECK(one->rc == chosen[how % 5]);
		CHECK(scene.choice.cases[one->rc].rc == codes[how % 5]);
		CHECK(how % 5 != 0 || scene.choice.numbers[0] == 4);
		CHECK(how % 5 != 1 || scene.choice.numbers[1] == 8);
		CHECK(how % 5 == 2 || !crew_event_is_set(&scene.event));
		/* what comes now goes to nobody */
		CHECK(how % 5 == 3 || how % 5 == 4 ||
		      send(&scene.a.sender, 9) == (how % 2 ? 0 : CREW_EWOULDBLOCK));
		CHECK(close_scene(&scene) == 0);
	}
	return 0;
}

Test(select, M12_whoever_comes_first_ends_it)
{
	in_all_places(is_woken);
}

/* It gives, and takes, by turns: the same channel in both cases, too. */
static int waits_to_send(void *arg)
{
	struct scene scene;
	struct choice *choice = &scene.choice;

	(void)arg;
	for (unsigned how = 0; how < 4; how++) {
		struct crew_case cases[] = { CREW_ON_SEND(&scene.a.sender, &choice->numbers[0]),
					     CREW_ON_RECEIVE(&scene.a.receiver,
							     &choice->numbers[1]) };

		CHECK(open_scene(&scene, 0) == 0);
		memcpy(choice->cases, cases, sizeof(cases));
		choice->count = 2;
		choice->numbers[0] = 5;
		CHECK(begin_select(&scene, 2, how >= 2) == 0);
		if (how % 2) {
			CHECK(send(&scene.a.sender, 6) == 0);
			UNTIL(has_ended(&scene.line.one[0]));
			CHECK(scene.line.one[0].rc == 1 && choice->numbers[1] == 6);
		} else {
			CHECK(receive(&scene.a.receiver) == 5);
			UNTIL(has_ended(&scene.line.one[0]));
			CHECK(scene.line.one[0].rc == 0 && choice->cases[0].rc == 0);
		}
		CHECK(waiting_in(&scene) == 0);
		CHECK(receive(&scene.a.receiver) == CREW_EWOULDBLOCK);
		CHECK(close_scene(&scene) == 0);
	}
	return 0;
}

Test(select, M13_it_does_not_meet_itself)
{
	in_all_places(waits_to_send);
}

static int is_cancelled(void *arg)
{
	struct scene scene;
	struct crew_scope scope;

	(void)arg;
	for (unsigned how = 0; how < 4; how++) {
		bool first = how % 2;

		CHECK(open_scene(&scene, 1) == 0);
		set_cases(&scene);
		CHECK(begin_select(&scene, 3, how >= 2) == 0);
		if (first)
			CHECK(send(&scene.a.sender, 4) == 0);
		crew_scope_cancel(&scene.line.one[0].scope, NULL);
		CHECK(waiting_in(&scene) == 0); /* B10 */
		CHECK(send(&scene.b.sender, 5) == 0);
		crew_event_set(&scene.event);
		UNTIL(has_ended(&scene.line.one[0]));
		CHECK(scene.line.one[0].rc == (first ? 0 : CREW_ECANCELED)); /* B8, B9 */
		CHECK(receive(&scene.b.receiver) == 5);
		CHECK(close_scene(&scene) == 0);
	}
	/* B13, B14, Y2 */
	CHECK(open_scene(&scene, 1) == 0);
	set_cases(&scene);
	CHECK(send(&scene.a.sender, 4) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_select_one(scene.choice.cases, 3, CREW_IN_ORDER) == CREW_ECANCELED);
	CHECK(crew_select_one(scene.choice.cases, 0, CREW_IN_ORDER) == CREW_ECANCELED);
	CHECK(crew_select_one(scene.choice.cases, 3, (enum crew_select_order)7) == CREW_EINVAL);
	CHECK(crew_select_nowait(scene.choice.cases, 3, CREW_IN_ORDER) == 0);
	crew_scope_close(&scope, 0);
	return close_scene(&scene);
}

Test(select, M6_B8_B9_B10_B13_B14_Y2_a_cancelled_one_has_done_nothing)
{
	in_all_places(is_cancelled);
}

static int times_out(void *arg)
{
	struct scene scene;
	struct crew_scope scope;
	int rc;

	(void)arg;
	CHECK(open_scene(&scene, 1) == 0);
	set_cases(&scene);
	for (size_t count = 0; count <= 3; count += 3) {
		crew_scope_fail_after(&scope, CREW_MS(1));
		rc = crew_select_one(scene.choice.cases, count, CREW_FAIR);
		CHECK(rc == CREW_ECANCELED);
		CHECK(crew_scope_close(&scope, rc) == CREW_ETIMEDOUT);
	}
	CHECK(waiting_in(&scene) == 0 && send(&scene.a.sender, 1) == 0);
	CHECK(receive(&scene.a.receiver) == 1);
	return close_scene(&scene);
}

Test(select, M12_a_timeout_is_a_scope)
{
	in_all_places(times_out);
}

static int grows(void *arg)
{
	struct scene scene;
	uint64_t number = 0;
	struct crew_case cases[] = { CREW_ON_RECEIVE(&scene.a.receiver, &number),
				     CREW_ON_SEND(&scene.a.sender, &number) };

	(void)arg;
	CHECK(open_scene(&scene, CREW_UNBOUNDED) == 0);
	for (; number < 3000; number++)
		CHECK(crew_select_one(&cases[1], 1, CREW_FAIR) == 0 && cases[1].rc == 0);
	for (uint64_t i = 0; i < 3000; i++)
		CHECK(crew_select_one(cases, 2, CREW_IN_ORDER) == 0 && number == i);
	CHECK(crew_select_one(cases, 2, CREW_IN_ORDER) == 1 && receive(&scene.a.receiver) == 2999);
	return close_scene(&scene);
}

Test(select, sends_to_an_unbounded_channel)
{
	in_all_places(grows);
}

/* ---- M13 ------------------------------------------------------------------------------------ */

#define ROUNDS 3000

/* Each sends by one channel and receives by the other: two that face each other, and two who
 * name the channels the other way round. */
struct meeting {
	struct pair a, b;
	struct crew_word numbers;
	struct crew_word sent, received, sum_sent, sum_received;
};

static int meet(struct meeting *meeting, bool turned)
{
	uint64_t got, give;
	struct pair *to = turned ? &meeting->b : &meeting->a;
	struct pair *from = turned ? &meeting->a : &meeting->b;
	struct crew_case straight[] = { CREW_ON_SEND(&to->sender, &give),
					CREW_ON_RECEIVE(&from->receiver, &got) };
	struct crew_case reverse[] = { straight[1], straight[0] };

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct crew_case *cases = i % 2 ? straight : reverse;
		int which;

		give = crew__add_relaxed(&meeting->numbers, 1);
		which = crew_select_one(cases, 2, i % 3 ? CREW_FAIR : CREW_IN_ORDER);
		CHECK(which >= 0);
		CHECK(cases[which].rc == 0);
		if (cases[which].kind == CREW_CASE_SEND) {
			crew__add_relaxed(&meeting->sent, 1);
			crew__add_relaxed(&meeting->sum_sent, give);
		} else {
			crew__add_relaxed(&meeting->received, 1);
			crew__add_relaxed(&meeting->sum_received, got);
		}
	}
	return 0;
}

static int meets_straight(void *arg)
{
	return meet((struct meeting *)arg, false);
}

static int meets_turned(void *arg)
{
	return meet((struct meeting *)arg, true);
}

static int face_to_face(void *arg)
{
	static struct meeting meeting;
	struct line line;

	(void)arg;
	memset(&meeting, 0, sizeof(meeting));
	CHECK(open_pair(&meeting.a, 0) == 0 && open_pair(&meeting.b, 0) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 4; i++)
		line_add(&line, i % 2 ? meets_turned : meets_straight, &meeting);
	/* a match is of one straight and one turned: all end in the same number of rounds */
	CHECK(line_close(&line) == 0);
	CHECK(crew__load_relaxed(&meeting.sent) == crew__load_relaxed(&meeting.received));
	CHECK(crew__load_relaxed(&meeting.sum_sent) == crew__load_relaxed(&meeting.sum_received));
	CHECK(crew__load_relaxed(&meeting.sent) == 2 * ROUNDS);
	close_pair(&meeting.a);
	close_pair(&meeting.b);
	return 0;
}

Test(select, M13_two_that_face_each_other)
{
	in_all_places(face_to_face);
}

/* ---- dumps ---------------------------------------------------------------------------------- */

static int is_dumped(void *arg)
{
	struct scene scene;
	char text[16384] = "";
	FILE *file = fmemopen(text, sizeof(text) - 1, "w");

	(void)arg;
	CHECK(file && open_scene(&scene, 0) == 0);
	set_cases(&scene);
	CHECK(begin_select(&scene, 3, false) == 0);
	CHECK(crew_dump(test_crew, file) == 0);
	fclose(file);
	CHECK(strstr(text, "select"));
	crew_event_set(&scene.event);
	return close_scene(&scene);
}

Test(select, a_dump_says_what_is_waited_for)
{
	in_all_places(is_dumped);
}
