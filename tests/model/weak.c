/* SPDX-License-Identifier: MIT */
/*
 * model/weak.c - small programs whose outcomes are known (litmus tests): what C11 permits
 * has to be found, and what it forbids must not be. All runs, to a bound.
 */
#include "sim/sim.h"

#include "support/test.h"

#include <string.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* what one run fills in */

#if defined(__SANITIZE_THREAD__)
#define SHOWS_RACES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHOWS_RACES 1
#endif
#endif

#define THREADS 4

struct litmus {
	const char *name;
	void (*thread[THREADS])(struct litmus *l);
	bool (*outcome)(const struct litmus *l); /* is it the one that is asked about? */
	/* of one run */
	struct crew_word x;
	struct crew_word y;
	struct crew_word z;
	uint64_t plain;
	uint64_t read[THREADS][2]; /* by thread */
};

static void litmus_thread(void *opaque)
{
	struct litmus *l = opaque;
	unsigned index = crew__sim_thread() - 1;

	l->thread[index](l);
}

static void litmus_main(void *opaque)
{
	struct litmus *l = opaque;
	uint64_t handles[THREADS];
	unsigned count = 0;

	crew__init_word(&l->x, 0);
	crew__init_word(&l->y, 0);
	crew__init_word(&l->z, 0);
	l->plain = 0;
	memset(l->read, 0, sizeof(l->read));
	for (; count < THREADS && l->thread[count]; count++)
		crew__port_thread_start(&handles[count], litmus_thread, l, "thread");
	for (unsigned i = 0; i < count; i++)
		crew__port_thread_join(handles[i]);
	crew__sim_check(!l->outcome(l), "the outcome");
}

static struct crew__sim_result all_runs(struct litmus l)
{
	struct crew__sim_options options = { .name = l.name, .quiet = true };

	return crew__sim_enumerate(&options, litmus_main, &l, l.thread[3] ? 3 : 5);
}

static void check_permitted(struct litmus l)
{
	struct crew__sim_result result = all_runs(l);

	cr_assert(result.verdict == CREW__SIM_FAILED && strstr(result.message, "the outcome"),
		  "%s: what is permitted was not found: %s", l.name, result.message);
}

static void check_forbidden(struct litmus l)
{
	struct crew__sim_result result = all_runs(l);

	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", l.name, result.message);
	cr_assert(result.complete);
}

static void check_races(struct litmus l)
{
	struct crew__sim_result result = all_runs(l);

#ifdef SHOWS_RACES
	cr_assert(result.verdict == CREW__SIM_FAILED && strstr(result.message, "data race"),
		  "%s: a race was not found: %s", l.name, result.message);
#else
	(void)result;
#endif
}

#define READ(n, i) (l->read[n][i])

/* ---- store buffering: both miss the other's store ------------------------------- */

static void store_x_load_y(struct litmus *l)
{
	crew__store_release(&l->x, 1);
	READ(0, 0) = crew__load_acquire(&l->y);
}
static void store_y_load_x(struct litmus *l)
{
	crew__store_release(&l->y, 1);
	READ(1, 0) = crew__load_acquire(&l->x);
}
static void store_x_fence_load_y(struct litmus *l)
{
	crew__store_relaxed(&l->x, 1);
	crew__fence_seq_cst();
	READ(0, 0) = crew__load_relaxed(&l->y);
}
static void store_y_fence_load_x(struct litmus *l)
{
	crew__store_relaxed(&l->y, 1);
	crew__fence_seq_cst();
	READ(1, 0) = crew__load_relaxed(&l->x);
}
static void store_y_membarrier_load_x(struct litmus *l)
{
	crew__store_relaxed(&l->y, 1);
	crew__port_membarrier();
	READ(1, 0) = crew__load_relaxed(&l->x);
}
/* a read-modify-write of another word is no fence */
static void store_x_exchange_load_y(struct litmus *l)
{
	crew__store_relaxed(&l->x, 1);
	crew__exchange_acq_rel(&l->z, 1);
	READ(0, 0) = crew__load_relaxed(&l->y);
}
static bool both_missed(const struct litmus *l)
{
	return READ(0, 0) == 0 && READ(1, 0) == 0;
}

Test(weak, store_buffering)
{
	check_permitted((struct litmus){ "sb", { store_x_load_y, store_y_load_x }, both_missed });
	check_permitted((struct litmus){
		"sb_one_fence", { store_x_fence_load_y, store_y_load_x }, both_missed });
	check_permitted((struct litmus){
		"sb_exchange", { store_x_exchange_load_y, store_y_fence_load_x }, both_missed });
	check_forbidden((struct litmus){
		"sb_fences", { store_x_fence_load_y, store_y_fence_load_x }, both_missed });
	check_forbidden((struct litmus){
		"sb_membarrier", { store_x_load_y, store_y_membarrier_load_x }, both_missed });
}

/* ---- message passing -------------------------------------------------------------- */

static void write_release(struct litmus *l)
{
	crew__store_relaxed(&l->x, 1);
	crew__store_release(&l->y, 1);
}
static void write_relaxed(struct litmus *l)
{
	crew__store_relaxed(&l->x, 1);
	crew__store_relaxed(&l->y, 1);
}
static void write_fence(struct litmus *l)
{
	crew__store_relaxed(&l->x, 1);
	crew__fence_seq_cst();
	crew__store_relaxed(&l->y, 1);
}
static void read_acquire(struct litmus *l)
{
	READ(1, 0) = crew__load_acquire(&l->y);
	READ(1, 1) = crew__load_relaxed(&l->x);
}
static void read_relaxed(struct litmus *l)
{
	READ(1, 0) = crew__load_relaxed(&l->y);
	READ(1, 1) = crew__load_relaxed(&l->x);
}
static void read_fence(struct litmus *l)
{
	READ(1, 0) = crew__load_relaxed(&l->y);
	crew__fence_seq_cst();
	READ(1, 1) = crew__load_relaxed(&l->x);
}
static bool flag_without_message(const struct litmus *l)
{
	return READ(1, 0) && !READ(1, 1);
}

Test(weak, message_passing)
{
	check_permitted((struct litmus){
		"mp_relaxed", { write_relaxed, read_relaxed }, flag_without_message });
	check_permitted((struct litmus){
		"mp_no_release", { write_relaxed, read_acquire }, flag_without_message });
	check_permitted((struct litmus){
		"mp_no_acquire", { write_release, read_relaxed }, flag_without_message });
	check_forbidden(
		(struct litmus){ "mp", { write_release, read_acquire }, flag_without_message });
	check_forbidden((struct litmus){
		"mp_fence_acquire", { write_fence, read_acquire }, flag_without_message });
	check_forbidden((struct litmus){
		"mp_release_fence", { write_release, read_fence }, flag_without_message });
}

/* ---- release sequences ---------------------------------------------------------------- */

static void add_to_y(struct litmus *l)
{
	crew__add_relaxed(&l->y, 1);
}
static void store_to_y(struct litmus *l)
{
	crew__store_relaxed(&l->y, 2);
}
static void read_third(struct litmus *l)
{
	READ(2, 0) = crew__load_acquire(&l->y);
	READ(2, 1) = crew__load_relaxed(&l->x);
}
static bool two_without_message(const struct litmus *l)
{
	return READ(2, 0) == 2 && !READ(2, 1);
}

Test(weak, release_sequences)
{
	/* y is 2 only when the add came after the release */
	check_forbidden((struct litmus){
		"sequence_rmw", { write_release, add_to_y, read_third }, two_without_message });
	check_permitted((struct litmus){
		"sequence_store", { write_release, store_to_y, read_third }, two_without_message });
}

/* ---- coherence, and independent reads --------------------------------------------------- */

static void write_x_twice(struct litmus *l)
{
	crew__store_relaxed(&l->x, 1);
	crew__store_relaxed(&l->x, 2);
}
static void read_x_twice(struct litmus *l)
{
	READ(1, 0) = crew__load_relaxed(&l->x);
	READ(1, 1) = crew__load_relaxed(&l->x);
}
static bool backwards(const struct litmus *l)
{
	return READ(1, 0) > READ(1, 1);
}
static bool saw_the_old_one(const struct litmus *l)
{
	return READ(1, 0) == 1 && READ(1, 1) == 1;
}

static void write_x(struct litmus *l)
{
	crew__store_release(&l->x, 1);
}
static void write_y(struct litmus *l)
{
	crew__store_release(&l->y, 1);
}
static void read_x_then_y(struct litmus *l)
{
	READ(2, 0) = crew__load_acquire(&l->x);
	READ(2, 1) = crew__load_acquire(&l->y);
}
static void read_y_then_x(struct litmus *l)
{
	READ(3, 0) = crew__load_acquire(&l->y);
	READ(3, 1) = crew__load_acquire(&l->x);
}
static void read_x_fence_y(struct litmus *l)
{
	READ(2, 0) = crew__load_acquire(&l->x);
	crew__fence_seq_cst();
	READ(2, 1) = crew__load_acquire(&l->y);
}
static void read_y_fence_x(struct litmus *l)
{
	READ(3, 0) = crew__load_acquire(&l->y);
	crew__fence_seq_cst();
	READ(3, 1) = crew__load_acquire(&l->x);
}
static bool in_two_orders(const struct litmus *l)
{
	return READ(2, 0) && !READ(2, 1) && READ(3, 0) && !READ(3, 1);
}

Test(weak, one_word_never_goes_back)
{
	check_forbidden((struct litmus){ "corr", { write_x_twice, read_x_twice }, backwards });
	check_permitted((struct litmus){ "old", { write_x_twice, read_x_twice }, saw_the_old_one });
}

Test(weak, independent_reads_of_independent_writes)
{
	check_permitted((struct litmus){
		"iriw", { write_x, write_y, read_x_then_y, read_y_then_x }, in_two_orders });
	check_forbidden((struct litmus){ "iriw_fences",
					 { write_x, write_y, read_x_fence_y, read_y_fence_x },
					 in_two_orders });
}

/* ---- a read-modify-write reads the newest value ------------------------------------------- */

static void add_to_x(struct litmus *l)
{
	crew__add_relaxed(&l->x, 1);
}
static void swap_x(struct litmus *l)
{
	uint64_t expected = 0;

	do
		READ(2, 0)++;
	while (!crew__cas_acq_rel(&l->x, &expected, expected + 1));
}
static bool lost_one(const struct litmus *l)
{
	return l->x.value != 3;
}
static bool tried_twice(const struct litmus *l)
{
	return READ(2, 0) == 2;
}

Test(weak, changes_are_not_lost)
{
	check_forbidden((struct litmus){ "adds", { add_to_x, add_to_x, swap_x }, lost_one });
	check_permitted((struct litmus){ "retry", { add_to_x, add_to_x, swap_x }, tried_twice });
}

/* ---- halves of a word ----------------------------------------------------------------- */

static void store_whole(struct litmus *l)
{
	crew__store_relaxed(&l->y, UINT64_C(1) << 32 | 1);
	crew__store_release(&l->x, 1);
}
static void load_halves(struct litmus *l)
{
	const struct crew__word32 *halves = (const struct crew__word32 *)(const void *)&l->y;

	READ(1, 0) = crew__load32_relaxed(&halves[0]);
	READ(1, 1) = crew__load32_relaxed(&halves[1]);
}
static bool half_went_back(const struct litmus *l)
{
	return READ(1, 0) > READ(1, 1);
}

Test(weak, halves_belong_to_their_word)
{
	check_forbidden((struct litmus){ "halves", { store_whole, load_halves }, half_went_back });
}

/* ---- plain accesses ---------------------------------------------------------------------- */

static void publish_release(struct litmus *l)
{
	l->plain = 1;
	crew__store_release(&l->y, 1);
}
static void publish_relaxed(struct litmus *l)
{
	l->plain = 1;
	crew__store_relaxed(&l->y, 1);
}
static void consume_acquire(struct litmus *l)
{
	if (crew__load_acquire(&l->y))
		READ(1, 0) = l->plain;
}
static void consume_relaxed(struct litmus *l)
{
	if (crew__load_relaxed(&l->y))
		READ(1, 0) = l->plain;
}
static void write_after(struct litmus *l)
{
	crew__store_release(&l->y, 1);
	l->plain = 1;
}
static void fill_plain(struct litmus *l)
{
	if (crew__load_relaxed(&l->y))
		memset(&l->plain, 1, sizeof(l->plain));
}
static bool never(const struct litmus *l)
{
	return l->plain == 7;
}

Test(weak, data_races)
{
	check_forbidden(
		(struct litmus){ "published", { publish_release, consume_acquire }, never });
	check_races((struct litmus){ "no_release", { publish_relaxed, consume_acquire }, never });
	check_races((struct litmus){ "no_acquire", { publish_release, consume_relaxed }, never });
	check_races((struct litmus){ "too_late", { write_after, consume_acquire }, never });
	check_races((struct litmus){ "filled", { publish_release, fill_plain }, never });
}
