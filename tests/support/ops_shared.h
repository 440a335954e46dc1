/* SPDX-License-Identifier: MIT */
/*
 * ops_shared.h - the part of ops.h that is about broadcasts, rates, tickers and flights.
 *
 * Of each broadcast one subscriber is open all the time, for everybody: what it has received and
 * what it missed is all that was sent.
 */
#ifndef SUPPORT_OPS_SHARED_H
#define SUPPORT_OPS_SHARED_H

#include "support/ops.h"

#define OPS_NEWS    2
#define OPS_ANSWERS 4096
#define OPS_COUNT   3 /* tokens in a period, and the burst */
#define OPS_PERIOD  CREW_US(300)
#define OPS_TICK    CREW_US(10)

struct ops_news {
	uint64_t number;
	uint64_t again; /* ~number: it is one item */
};

static struct {
	struct {
		struct crew_broadcast broadcast;
		struct crew_subscriber all;
		struct crew_word received;
		struct crew_word sent;
	} news[OPS_NEWS];
	struct crew_rate rate;
	struct crew_word tokens;
	struct crew_ticker ticker;
	struct crew_word ticks;
	crew_time began;
	struct {
		struct crew_flight flight;
		bool running[OPS_SEVERAL];
		struct crew_word calls;
		uint64_t answers[OPS_ANSWERS]; /* of each call, in plain memory */
	} ask;
} shared;

/* ---- broadcasts ---------------------------------------------------------------------- */

static inline int ops_publish(struct ops_actor *a)
{
	unsigned n = ops_below(a, OPS_NEWS);
	struct ops_news news = { .number = ops_below(a, UINT32_MAX) };
	int rc;

	news.again = ~news.number;
	rc = !a->bounded || ops_toss(a, 4) ?
		     crew_broadcast_send_nowait(&shared.news[n].broadcast, &news) :
		     crew_broadcast_send(&shared.news[n].broadcast, &news);
	OPS_CHECK(rc == 0 || rc == CREW_EWOULDBLOCK || rc == CREW_ECANCELED, "publish");
	crew__add_relaxed(&shared.news[n].sent, rc == 0);
	return ops_told(rc);
}

static inline int ops_hear(struct ops_actor *a, struct crew_subscriber *subscriber)
{
	struct ops_news news = { 0 };
	int rc = !a->bounded || ops_toss(a, 4) ? crew_subscriber_receive_nowait(subscriber, &news) :
						 crew_subscriber_receive(subscriber, &news);

	OPS_CHECK(rc == 0 || rc == CREW_EWOULDBLOCK || rc == CREW_ECANCELED, "hear");
	OPS_CHECK(rc || news.again == ~news.number, "half of an item");
	return rc;
}

static inline int ops_subscriber(struct ops_actor *a)
{
	unsigned n = ops_below(a, OPS_NEWS);
	struct crew_subscriber own;
	int rc;

	if (!ops_toss(a, 4)) {
		rc = ops_hear(a, &shared.news[n].all);
		crew__add_relaxed(&shared.news[n].received, rc == 0);
		return ops_told(rc);
	}
	crew_subscriber_open(&own, &shared.news[n].broadcast,
			     ops_toss(a, 2) ? CREW_FROM_KEPT : CREW_FROM_NOW);
	ops_inside(a);
	rc = ops_hear(a, &own);
	crew_subscriber_close(&own);
	return ops_told(rc);
}

/* ---- rates and tickers --------------------------------------------------------------- */

static inline int ops_rate(struct ops_actor *a)
{
	uint64_t tokens = 1 + ops_below(a, OPS_COUNT);
	int rc = !a->bounded || ops_toss(a, 4) ? crew_rate_take_nowait(&shared.rate, tokens) :
						 crew_rate_take(&shared.rate, tokens);

	OPS_CHECK(rc == 0 || rc == CREW_EWOULDBLOCK || rc == CREW_ECANCELED, "take tokens");
	if (rc == 0)
		crew__add_relaxed(&shared.tokens, tokens);
	return ops_told(rc);
}

static inline int ops_ticker(struct ops_actor *a)
{
	crew_time when = CREW_NEVER;
	int rc = !a->bounded || ops_toss(a, 4) ? crew_ticker_take_nowait(&shared.ticker, &when) :
						 crew_ticker_take(&shared.ticker, &when);

	OPS_CHECK(rc == 0 || rc == CREW_EWOULDBLOCK || rc == CREW_ECANCELED, "take a tick");
	OPS_CHECK(rc || (when >= shared.began && when <= crew_now()), "a tick that is not due");
	crew__add_relaxed(&shared.ticks, rc == 0);
	return ops_told(rc);
}

/* ---- flights ------------------------------------------------------------------------- */

struct ops_question {
	struct ops_actor *actor;
	uint64_t key;
};

static inline int ops_answer(void *arg, void **value)
{
	const struct ops_question *question = (const struct ops_question *)arg;
	uint64_t call = crew__add_relaxed(&shared.ask.calls, 1);
	int rc;

	OPS_CHECK(!shared.ask.running[question->key], "two make the same call");
	shared.ask.running[question->key] = true;
	ops_inside(question->actor);
	shared.ask.running[question->key] = false;
	rc = crew_check();
	if (rc == 0 && call < OPS_ANSWERS) {
		shared.ask.answers[call] = question->key + 1;
		*value = &shared.ask.answers[call];
	}
	return rc;
}

static inline int ops_flight(struct ops_actor *a)
{
	struct ops_question question = { .actor = a, .key = ops_below(a, ops.several) };
	void *value = NULL;
	bool nowait = ops_toss(a, 4);
	int rc = (nowait ? crew_flight_do_nowait :
			   crew_flight_do)(&shared.ask.flight, &question.key, sizeof(question.key),
					   ops_answer, &question, &value, NULL);

	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED || (nowait && rc == CREW_EWOULDBLOCK) ||
			  (rc == CREW_EDEADLK && a->depth > 1),
		  "a call that is shared");
	OPS_CHECK(!value || (rc == 0 && *(uint64_t *)value == question.key + 1),
		  "the answer to something else");
	return ops_told(rc);
}

/* ---- rounds -------------------------------------------------------------------------- */

static inline void ops_begin_shared(void)
{
	static const enum crew_ticker_late late[] = { CREW_TICKER_BURST, CREW_TICKER_DELAY,
						      CREW_TICKER_SKIP };

	memset(&shared, 0, sizeof(shared));
	shared.began = crew_now();
	OPS_CHECK(crew_broadcast_init(&shared.news[0].broadcast, sizeof(struct ops_news),
				      CREW_BROADCAST(.capacity = 2)) == 0 &&
			  crew_broadcast_init(
				  &shared.news[1].broadcast, sizeof(struct ops_news),
				  CREW_BROADCAST(.capacity = 2, .overflow = CREW_DROP_OLDEST)) == 0,
		  "a broadcast");
	for (unsigned n = 0; n < OPS_NEWS; n++)
		crew_subscriber_open(&shared.news[n].all, &shared.news[n].broadcast, CREW_FROM_NOW);
	crew_rate_init(&shared.rate, OPS_COUNT, OPS_PERIOD, OPS_COUNT);
	crew_ticker_init(&shared.ticker, OPS_TICK, late[ops.round.seed % 3]);
}

static inline void ops_end_news(unsigned n)
{
	struct crew_broadcast_stats stats = { .size = sizeof(stats) };
	uint64_t received = crew__load_relaxed(&shared.news[n].received);
	struct ops_news news;

	while (crew_subscriber_receive_nowait(&shared.news[n].all, &news) == 0)
		received++;
	crew_broadcast_read_stats(&shared.news[n].broadcast, &stats);
	OPS_CHECK(!stats.waiting && stats.subscribers == 1, "somebody waits for news");
	OPS_CHECK(stats.sent == crew__load_relaxed(&shared.news[n].sent), "news were not sent");
	OPS_CHECK(stats.sent == received + crew_subscriber_missed(&shared.news[n].all),
		  "news were lost");
	crew_subscriber_close(&shared.news[n].all);
	crew_broadcast_fini(&shared.news[n].broadcast);
}

static inline void ops_end_shared(void)
{
	struct crew_rate_stats rate = { .size = sizeof(rate) };
	struct crew_ticker_stats ticker = { .size = sizeof(ticker) };
	struct crew_flight_stats ask = { .size = sizeof(ask) };
	uint64_t periods = (uint64_t)((crew_now() - shared.began) / OPS_PERIOD) + 1;

	for (unsigned n = 0; n < OPS_NEWS; n++)
		ops_end_news(n);
	crew_rate_read_stats(&shared.rate, &rate);
	OPS_CHECK(!rate.waiting, "somebody waits for a rate");
	OPS_CHECK(crew__load_relaxed(&shared.tokens) <= OPS_COUNT * (1 + periods),
		  "more tokens than there were");
	crew_rate_fini(&shared.rate);
	crew_ticker_read_stats(&shared.ticker, &ticker);
	OPS_CHECK(!ticker.waiting && ticker.ticks == crew__load_relaxed(&shared.ticks),
		  "ticks are missing");
	crew_ticker_fini(&shared.ticker);
	crew_flight_read_stats(&shared.ask.flight, &ask);
	OPS_CHECK(!ask.waiting && !ask.calls, "a call is under way");
	crew_flight_fini(&shared.ask.flight);
}

#endif /* SUPPORT_OPS_SHARED_H */
