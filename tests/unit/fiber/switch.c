/* SPDX-License-Identifier: MIT */
/* The switch by itself, without workers. */
#include "support/test.h"

#include "fiber/fiber.h"

#include <fenv.h>
#include <stdlib.h>

#define STACK (256 * 1024)

static struct crew__context outside;
static struct crew__context inside[2];
static struct crew_word sums[2];

/* Keeps more values alive over each switch than there are registers to save. */
static void count_up(void *arg)
{
	long which = (long)(intptr_t)arg;
	long a = which, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6;
	double x = 0.5 + (double)which, y = 1.5, z = 2.5;

	crew__context_entered(&outside);
	for (;;) {
		crew__store_relaxed(&sums[which], (uint64_t)(a + b + c + d + e + f + g) +
							  (uint64_t)(2 * (x + y + z)));
		crew__context_switch(&inside[which], &outside);
		a++, b++, c++, d++, e++, f++, g++;
		x += 1, y += 1, z += 1;
	}
}

static void begin(int which, void (*entry)(void *))
{
	char *low = malloc(STACK);

	crew__context_init(&inside[which], low, low + STACK, entry, (void *)(intptr_t)which);
}

static void end(int which)
{
	char *low = inside[which].low;

	crew__context_fini(&inside[which]);
	free(low);
}

Test(switch, values_live_over_a_hundred_thousand_switches)
{
	crew__context_init_thread(&outside);
	begin(0, count_up);
	begin(1, count_up);
	for (long turn = 0; turn < 100000; turn++)
		for (long which = 0; which < 2; which++) {
			crew__context_switch(&outside, &inside[which]);
			cr_assert_eq((long)crew__load_relaxed(&sums[which]),
				     7 * (which + turn) + 21 + 9 + 2 * which + 6 * turn, "turn %ld",
				     turn);
		}
	end(0);
	end(1);
}

static struct crew_word rounding_seen;

static void round_up(void *arg)
{
	(void)arg;
	crew__context_entered(&outside);
	fesetround(FE_UPWARD);
	for (;;) {
		crew__context_switch(&inside[0], &outside);
		crew__store_relaxed(&rounding_seen, (uint64_t)fegetround());
	}
}

Test(switch, the_rounding_mode_belongs_to_the_context)
{
	crew__context_init_thread(&outside);
	begin(0, round_up);
	crew__context_switch(&outside, &inside[0]);
	cr_assert_eq(fegetround(), FE_TONEAREST);
	crew__context_switch(&outside, &inside[0]);
	cr_assert_eq((int)crew__load_relaxed(&rounding_seen), FE_UPWARD);
	cr_assert_eq(fegetround(), FE_TONEAREST);
	end(0);
}
