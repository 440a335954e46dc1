/* SPDX-License-Identifier: MIT */
/* scopes.h - the part of the dump that shows the tree of scopes. */
#ifndef CREW__SCOPES_H
#define CREW__SCOPES_H

#include "exec/exec.h"

#include <stdio.h>

/* A string constant that others may just replace. */
static inline const char *crew__dump_text(const struct crew_word *word)
{
	return (const char *)(uintptr_t)crew__load_relaxed(word);
}

void crew__dump_scopes(struct crew *crew, FILE *out);

#endif /* CREW__SCOPES_H */
