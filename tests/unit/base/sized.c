/* SPDX-License-Identifier: MIT */
/*
 * sized.c - structs of callers that were compiled with older and newer headers. Those of today
 * are as long as they were in the first release, so how they grow is shown with another one.
 */
#include "support/test.h"

#include "base/sized.h"

/* As the first release had them, as they are today, and as they will be. */
struct first {
	size_t size;
	uint32_t one;
	uint32_t two;
};

struct today {
	size_t size;
	uint32_t one;
	uint32_t two;
	uint64_t three;
};

struct later {
	size_t size;
	uint32_t one;
	uint32_t two;
	uint64_t three;
	char four[9];
	char reserved[7];
};

static const struct today *read_options(const void *given, struct today *room)
{
	memset(room, 0x55, sizeof(*room));
	return CREW__OPTIONS((const struct today *)given, room, two);
}

Test(sized, options_of_today_are_read_where_they_are)
{
	struct today options = { .size = sizeof(options), .one = 1, .three = 3 };
	struct today room;

	cr_assert(read_options(&options, &room) == &options);
}

Test(sized, shorter_options_are_accepted_from_the_first_release_on)
{
	struct first options = { .size = sizeof(options), .one = 1, .two = 2 };
	struct today room;
	const struct today *read = read_options(&options, &room);

	cr_assert(read == &room);
	cr_assert_eq(read->size, sizeof(*read));
	cr_assert(read->one == 1 && read->two == 2 && read->three == 0);
	for (options.size = 0; options.size < sizeof(options); options.size++)
		cr_assert_null(read_options(&options, &room));
}

Test(sized, longer_options_are_accepted_while_nothing_unknown_is_asked_for)
{
	struct later options = { .size = sizeof(options), .one = 1, .two = 2, .three = 3 };
	struct today room;
	const struct today *read = read_options(&options, &room);

	cr_assert(read == &room);
	cr_assert_eq(read->size, sizeof(*read));
	cr_assert(read->one == 1 && read->two == 2 && read->three == 3);
	for (size_t i = 0; i < sizeof(options.four); i++) {
		options.four[i] = 1;
		cr_assert_null(read_options(&options, &room));
		options.four[i] = 0;
	}
	options.size = SIZE_MAX; /* is none: what is behind them is not read */
	cr_assert_null(read_options(&options, &room));
}

Test(sized, stats_are_filled_as_far_as_they_go)
{
	const struct today now = { .size = sizeof(now), .one = 1, .two = 2, .three = 3 };
	struct later stats;

	memset(&stats, 0x55, sizeof(stats));
	stats.size = sizeof(struct first);
	crew__stats_give(&stats, &now, sizeof(now));
	cr_assert(stats.size == sizeof(struct first) && stats.one == 1 && stats.two == 2);
	cr_assert_eq(stats.three, 0x5555555555555555U);
	stats.size = sizeof(stats);
	crew__stats_give(&stats, &now, sizeof(now));
	cr_assert(stats.size == sizeof(stats) && stats.three == 3);
	for (size_t i = 0; i < sizeof(stats.four); i++)
		cr_assert_eq(stats.four[i], 0);
}
