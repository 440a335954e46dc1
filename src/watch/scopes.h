/* SPDX-License-Identifier: MIT */
/* scopes.h - the part of the dump that shows the tree of scopes. */
#ifndef CREW__SCOPES_H
#define CREW__SCOPES_H

#include "exec/exec.h"

#include <stdio.h>

void crew__dump_scopes(struct crew *crew, FILE *out);

#endif /* CREW__SCOPES_H */
