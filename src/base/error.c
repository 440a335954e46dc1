/* SPDX-License-Identifier: MIT */
/* error.c - names and sentences of return codes; constants only. */
#include "crew/base.h"

#include <string.h>

static const char *const names[] = {
#define NAME(name, sentence) "CREW_" #name,
	CREW_ERRORS(NAME)
#undef NAME
};

static const char *const sentences[] = {
#define SENTENCE(name, sentence) sentence,
	CREW_ERRORS(SENTENCE)
#undef SENTENCE
};

static bool is_crew_code(int rc)
{
	return rc <= -10001 && rc > -10001 - (int)CREW_ERROR_COUNT;
}

/* Linux numbers: their names and sentences are constants of the C library. */
static int errno_of(int rc)
{
	if (rc >= 1 && rc <= 133)
		return rc;
	if (rc <= -1 && rc >= -133)
		return -rc;
	return 0;
}

const char *crew_strerror(int rc)
{
	const char *sentence = NULL;

	if (rc == 0)
		return "success";
	if (is_crew_code(rc))
		return sentences[-10001 - rc];
	if (errno_of(rc))
		sentence = strerrordesc_np(errno_of(rc));
	return sentence ? sentence : "a code of the task's own";
}

const char *crew_errname(int rc)
{
	if (is_crew_code(rc))
		return names[-10001 - rc];
	return errno_of(rc) ? strerrorname_np(errno_of(rc)) : NULL;
}

unsigned crew_version(void)
{
	return CREW_VERSION;
}
