/* SPDX-License-Identifier: MIT */
/* base.c - codes, versions and durations: what crew/base.h promises. */
#include "support/test.h"

#include "crew/base.h"

#include <errno.h>
#include <stdio.h>

Test(base, success_is_0_and_has_no_name)
{
	cr_assert_str_eq(crew_strerror(0), "success");
	cr_assert_null(crew_errname(0));
}

Test(base, each_code_of_crew_has_its_name_and_its_sentence)
{
#define HAS_NAME_AND_SENTENCE(name, sentence)                                                      \
	cr_assert_str_eq(crew_errname(CREW_##name), "CREW_" #name);                                \
	cr_assert_str_eq(crew_strerror(CREW_##name), sentence);
	CREW_ERRORS(HAS_NAME_AND_SENTENCE)
#undef HAS_NAME_AND_SENTENCE
}

Test(base, the_codes_of_crew_go_down_from_minus_10001)
{
	cr_assert_eq(CREW_ECANCELED, -10001);
	cr_assert_null(crew_errname(-10000));
	cr_assert_null(crew_errname(-10001 - (int)CREW_ERROR_COUNT));
}

Test(base, an_errno_value_keeps_its_name_with_either_sign)
{
	cr_assert_str_eq(crew_errname(ENOENT), "ENOENT");
	cr_assert_str_eq(crew_errname(-ENOENT), "ENOENT");
	cr_assert_str_eq(crew_strerror(-ENOENT), crew_strerror(ENOENT));
	cr_assert_str_eq(crew_strerror(ENOENT), strerror(ENOENT));
}

Test(base, any_other_code_is_the_tasks_own)
{
	static const int codes[] = { 134, -134, 100000, -10000, -20000, INT32_MAX, INT32_MIN };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		cr_assert_null(crew_errname(codes[i]), "%d", codes[i]);
		cr_assert_str_eq(crew_strerror(codes[i]), "a code of the task's own");
	}
}

Test(base, the_library_has_the_version_of_its_headers)
{
	cr_assert_eq(crew_version(), CREW_VERSION);
}

Test(base, durations_are_nanoseconds)
{
	cr_assert_eq(CREW_US(1), 1000);
	cr_assert_eq(CREW_MS(1), 1000000);
	cr_assert_eq(CREW_S(1), 1000000000);
	cr_assert_eq(CREW_S(0.1), 100000000);
}

Test(base, a_place_is_a_file_and_a_line)
{
	const char *here = CREW_HERE;
	char expected[256];

	snprintf(expected, sizeof(expected), "%s:%d", __FILE__, __LINE__ - 3);
	cr_assert_str_eq(here, expected);
}
